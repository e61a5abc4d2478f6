import type { Label } from "../../access/access-facts.ts";
import type { SignatureLevel } from "../../core/context.ts";

/** Who signs: the worker of a session, in the organisation that they chose. */
export interface SigningWorker {
  personId: string;
  /** logical id of the PractitionerRole */
  roleId: string;
  /** ФРМО OID */
  organization: string;
  /** 11 digits, as ESIA told */
  snils: string;
  /** where notices go; absent: only the cabinet shows them */
  contact?: Contact;
  /** id of the cabinet's session */
  session?: string;
}

export interface Contact {
  channel: "sms" | "email";
  address: string;
}

export interface Replaced {
  id: string;
  /** the version that the change was prepared from */
  version: number;
  reason: string;
}

/** What a person asks to have frozen for their signature. */
export interface DocumentOrder {
  title: string;
  contentType: string;
  content: Uint8Array;
  /** logical id of the patient whose data it is */
  subject?: string;
  /** FHIR type that the document stands for: what decide() is asked about (E-03, E-04) */
  represents?: string;
  /** the least signature that does */
  needed: SignatureLevel;
  /** the version of a signed document that this one changes, and why (E-19) */
  replaces?: Replaced;
  /** of dictionary 11.1520: it says who signs (E-15) */
  kind?: string;
  /** of the signer, codes of dictionary 11.1002; asked for with a kind */
  posts?: readonly string[];
  /** absent: normal */
  label?: Label;
  /** the stored resource whose canonical form the content is; absent: a document */
  resource?: { type: string; id: string };
}

/** What a request is about, kept sealed beside the frozen bytes. */
export interface SignatureTerms {
  title: string;
  contentType: string;
  /** absent: a document of no patient */
  represents?: string;
  needed: SignatureLevel;
  roleId: string;
  organization: string;
  snils: string;
  /** of the frozen bytes, in hex: for tools that sign a digest and for people who compare */
  digests: { sha256: string; streebog256: string };
  replaces?: Replaced;
  /** of dictionary 11.1520, and the role of 99.2.368 in which this person signs */
  kind?: string;
  role?: string;
  /** id of the DocumentReference that others have signed before */
  cosigns?: string;
  /** the stored resource whose canonical form is signed; absent: a document */
  resource?: { type: string; id: string };
  label?: Label;
  /** given with the signature */
  powerOfAttorney?: string;
  contact?: Contact;
}
