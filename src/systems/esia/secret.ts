import type { MessageSigner } from "../../crypto/signer.ts";
import { streebog256 } from "../../crypto/streebog.ts";

/** What every signed request carries (v2/ac, v3/te); `scopeOrg` is empty when no organisation is asked for. */
export interface SignedFields {
  clientId: string;
  scope: string;
  scopeOrg?: string;
  timestamp: string;
  state: string;
  redirectUri: string;
}

const moscowOffsetMs = 3 * 3_600_000;

/** `yyyy.MM.dd HH:mm:ss +0300`: Moscow time, which knows no daylight saving. */
export function esiaTimestamp(ms: number): string {
  const local = new Date(ms + moscowOffsetMs).toISOString();
  return `${local.slice(0, 10).replaceAll("-", ".")} ${local.slice(11, 19)} +0300`;
}

/** `client_certificate_hash`: Streebog-256 over the DER certificate, 64 upper-case hex digits. */
export function certificateHash(certificateDer: Uint8Array): string {
  return Buffer.from(streebog256(certificateDer)).toString("hex").toUpperCase();
}

/** The signed string of v2/ac, of client_credentials and, with the code at its end, of v3/te: no separators. */
export function signedString(fields: SignedFields, code = ""): string {
  const { clientId, scope, scopeOrg = "", timestamp, state, redirectUri } = fields;
  return clientId + scope + scopeOrg + timestamp + state + redirectUri + code;
}

/** The order of version 1; the self-test tries it to name a wrong order. */
export function legacySignedString({ scope, timestamp, clientId, state }: SignedFields): string {
  return scope + timestamp + clientId + state;
}

interface RefreshOrder {
  signed(fields: SignedFields, refreshToken: string): string;
  /** form fields that clients of this order do not send */
  omitted: readonly string[];
}

/** How a refresh is signed: sources conflict, so the order is a setting. */
export const refreshOrders = {
  "without-token": { signed: (fields) => signedString(fields), omitted: [] },
  "with-token": {
    signed: ({ clientId, scope, timestamp, state }, refreshToken) =>
      clientId + scope + timestamp + state + refreshToken,
    omitted: ["client_certificate_hash", "redirect_uri"],
  },
} as const satisfies Record<string, RefreshOrder>;

export type RefreshOrderName = keyof typeof refreshOrders;

/** `client_secret`: the raw signature (s || r, 64 bytes) of the UTF-8 string, base64url without padding. */
export async function clientSecret(signer: MessageSigner, text: string): Promise<string> {
  return Buffer.from(await signer.sign(Buffer.from(text, "utf8"))).toString("base64url");
}
