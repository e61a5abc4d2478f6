import { CryptoError } from "./errors.ts";

/** The first block with this label as DER; throws `bad-encoding` when there is none. */
export function derFromPem(pem: string, label: string): Uint8Array {
  const [first] = allDerFromPem(pem, label);
  if (!first) throw new CryptoError("bad-encoding", `no ${label} block in the text`);
  return first;
}

/** All blocks with this label, in the order of the text. */
export function allDerFromPem(pem: string, label: string): Uint8Array[] {
  const block = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`, "g");
  return [...pem.matchAll(block)].map((match) => Buffer.from(match[1] ?? "", "base64"));
}

/** DER as a text block of 64 columns. */
export function pemFromDer(der: Uint8Array, label: string): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
