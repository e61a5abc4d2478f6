import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";

/** Keys of one master key: each domain (`cache`, `identity-map`, `journal`, …) has subkeys of its own. */
export interface Keyring {
  /** HMAC-SHA256 over the parts, base64url; parts are framed, so ("ab","c") and ("a","bc") differ */
  hmac(domain: string, ...parts: string[]): string;
  /** AES-256-GCM: version byte, 12-byte nonce, 16-byte tag, ciphertext */
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

const version = 1;
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = 1 + nonceBytes + tagBytes;

/** Subkeys by HKDF-SHA256 (RFC 5869) from a master key of at least 32 bytes; throws RangeError on a shorter one. */
export function createKeyring(masterKey: Uint8Array): Keyring {
  if (masterKey.length < 32) throw new RangeError("the master key must have at least 32 bytes");
  const master = createSecretKey(masterKey);
  const subkeys = new Map<string, KeyObject>();

  const derive = (use: string, domain: string) =>
    Buffer.from(hkdfSync("sha256", master, "", `${use}:${domain}`, 32));
  const subkey = (use: "mac" | "seal", domain: string): KeyObject => {
    const name = `${use}:${domain}`;
    const known = subkeys.get(name);
    if (known) return known;
    const fresh = createSecretKey(derive(use, domain));
    subkeys.set(name, fresh);
    return fresh;
  };

  return {
    hmac: (domain, ...parts) =>
      createHmac("sha256", subkey("mac", domain)).update(JSON.stringify(parts)).digest("base64url"),
    seal: (domain, plain, aad = "") => encrypt(subkey("seal", domain), plain, aad),
    open: (domain, sealed, aad = "") => decrypt(subkey("seal", domain), sealed, aad),
    derive: (domain) => derive("derive", domain),
  };
}

function encrypt(key: KeyObject, plain: Uint8Array, aad: string): Uint8Array {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(aad));
  const body = cipher.update(plain);
  cipher.final();
  return Buffer.concat([Uint8Array.of(version), nonce, cipher.getAuthTag(), body]);
}

function decrypt(key: KeyObject, sealed: Uint8Array, aad: string): Uint8Array {
  if (sealed.length < headBytes || sealed[0] !== version) throw new SealError("not a sealed value");
  const nonce = sealed.subarray(1, 1 + nonceBytes);
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: tagBytes })
    .setAAD(Buffer.from(aad))
    .setAuthTag(sealed.subarray(1 + nonceBytes, headBytes));
  const plain = decipher.update(sealed.subarray(headBytes));
  try {
    decipher.final();
  } catch (cause) {
    throw new SealError("the sealed value does not open", { cause });
  }
  return plain;
}
