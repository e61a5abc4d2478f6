import type { SignatureLevel } from "../core/context.ts";

/** `none`: nobody has signed in, or a machine calls; `by-type`: decide() asks `requiredSignature` of each resource. */
export type DeclaredLevel = SignatureLevel | "none" | "by-type";

/**
 * The least signature with which a person must have opened the session to change something (E-05). A code by SMS or
 * a signature over the bytes themselves is due beside it where the operation says so.
 */
const levels: Readonly<Record<string, DeclaredLevel>> = {
  "POST /auth/token": "none",
  "POST /auth/introspect": "none",
  "POST /auth/revoke": "none",
  "POST /auth/logout": "none",
  "POST /auth/notices": "simple",
  "POST /auth/organization": "simple",
  "POST /auth/terms": "simple",
  "PUT /cabinet/v1/me/organization": "simple",
  "POST /cabinet/v1/me/terms": "simple",
  "POST /cabinet/v1/me/verification": "simple",
  "POST /cabinet/v1/me/consents": "simple",
  "POST /cabinet/v1/me/consents/:id/code": "simple",
  "POST /cabinet/v1/me/consents/:id/confirmation": "simple",
  "POST /cabinet/v1/me/consents/:id/withdrawal": "simple",
  // the signature that they bring is of the level that the document needs, and is checked itself
  "POST /cabinet/v1/me/signatures": "simple",
  "DELETE /cabinet/v1/me/signatures/:id": "simple",
  "PUT /cabinet/v1/me/signatures/:id/signature": "simple",
  "POST /cabinet/v1/me/signatures/:id/organization": "simple",
  "POST /cabinet/v1/me/certificates": "simple",
  "POST /cabinet/v1/me/certificates/:fingerprint/code": "simple",
  "POST /cabinet/v1/me/certificates/:fingerprint/confirmation": "simple",
  "POST /cabinet/v1/me/certificates/:fingerprint/lost": "simple",
};

/** The declared level of a route that changes something; undefined: it was forgotten, and is refused. */
export const levelOfOperation = (method: string, url: string): DeclaredLevel | undefined =>
  /^\/fhir(\/|$)/.test(url) ? "by-type" : levels[`${method} ${url}`];
