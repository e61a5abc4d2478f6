import { createHmac, createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import { cipherInUse, cipherOf } from "./cipher.ts";

/** Keys of one master key: each domain (`cache`, `identity-map`, `journal`, …) has subkeys of its own. */
export interface Keyring {
  /** HMAC-SHA256 over the parts, base64url; parts are framed, so ("ab","c") and ("a","bc") differ */
  hmac(domain: string, ...parts: string[]): string;
  /** the cipher's id in a byte, then its ciphertext */
  seal(domain: string, plain: Uint8Array, aad?: string): Uint8Array;
  /** throws SealError when the bytes, the domain or the aad are not those that were sealed */
  open(domain: string, sealed: Uint8Array, aad?: string): Uint8Array;
  /** 32 bytes for a key of another algorithm, such as an Ed25519 seed */
  derive(domain: string): Uint8Array;
}

/** Sealed bytes that can't be opened: truncated, changed, or sealed under another key, domain or aad. */
export class SealError extends Error {
  override readonly name = "SealError";
}

/** Subkeys by HKDF-SHA256 (RFC 5869) from a master key of at least 32 bytes; throws RangeError on a shorter one. */
export function createKeyring(masterKey: Uint8Array): Keyring {
  if (masterKey.length < 32) throw new RangeError("the master key must have at least 32 bytes");
  const master = createSecretKey(masterKey);
  const macs = new Map<string, KeyObject>();
  const seals = new Map<string, Uint8Array>();

  const derive = (use: string, domain: string) =>
    Buffer.from(hkdfSync("sha256", master, "", `${use}:${domain}`, 32));
  const mac = remembered(macs, (domain) => createSecretKey(derive("mac", domain)));
  const seal = remembered(seals, (domain) => derive("seal", domain));

  return {
    hmac: (domain, ...parts) =>
      createHmac("sha256", mac(domain)).update(JSON.stringify(parts)).digest("base64url"),
    seal: (domain, plain, aad = "") => encrypt(seal(domain), plain, aad),
    open: (domain, sealed, aad = "") => decrypt(seal(domain), sealed, aad),
    derive: (domain) => derive("derive", domain),
  };
}

/** Keys are derived once for each domain. */
function remembered<Key>(known: Map<string, Key>, make: (domain: string) => Key): (domain: string) => Key {
  return (domain) => {
    const key = known.get(domain) ?? make(domain);
    known.set(domain, key);
    return key;
  };
}

function encrypt(key: Uint8Array, plain: Uint8Array, aad: string): Uint8Array {
  const cipher = cipherInUse();
  return Buffer.concat([Uint8Array.of(cipher.id), cipher.seal(key, plain, Buffer.from(aad))]);
}

function decrypt(key: Uint8Array, sealed: Uint8Array, aad: string): Uint8Array {
  const cipher = cipherOf(sealed[0]);
  if (!cipher) throw new SealError("not a sealed value");
  try {
    return cipher.open(key, sealed.subarray(1), Buffer.from(aad));
  } catch (cause) {
    throw new SealError("the sealed value does not open", { cause });
  }
}
