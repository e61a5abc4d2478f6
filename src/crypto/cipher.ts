import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/**
 * What seals data at rest. An installation that must use certified means gives a cipher of its own, such as Kuznyechik
 * in MGM mode (Р 1323565.1.026-2019) behind a vendor's library (K-15).
 */
export interface Cipher {
  /** Stands before each ciphertext, so that what another cipher sealed still opens: 1 is ours, others are 2 to 99. */
  readonly id: number;
  /** `key` has 32 bytes; `context` is authenticated and not kept. The same input gives another output each time. */
  seal(key: Uint8Array, plain: Uint8Array, context: Uint8Array): Uint8Array;
  /** Throws for any other key, context or ciphertext than those of `seal`. */
  open(key: Uint8Array, sealed: Uint8Array, context: Uint8Array): Uint8Array;
}

const NONCE = 12;
const TAG = 16;

/** AES-256-GCM: nonce, tag, ciphertext. */
const aes256Gcm: Cipher = {
  id: 1,
  seal(key, plain, context) {
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(context);
    const body = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]);
  },
  open(key, sealed, context) {
    const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE), { authTagLength: TAG })
      .setAAD(context)
      .setAuthTag(sealed.subarray(NONCE, NONCE + TAG));
    return Buffer.concat([decipher.update(sealed.subarray(NONCE + TAG)), decipher.final()]);
  },
};

const known = new Map([[aes256Gcm.id, aes256Gcm]]);
let current = aes256Gcm;

/** From now on this process seals with this cipher, and opens what any that it used has sealed. */
export function useCipher(cipher: Cipher = aes256Gcm): void {
  known.set(cipher.id, cipher);
  current = cipher;
}

/** True for another cipher than ours that keeps the port's promises. */
export function isCipher(cipher: Cipher | undefined): cipher is Cipher {
  const id = cipher?.id;
  const isNumbered = Number.isInteger(id) && Number(id) >= 2 && Number(id) <= 99;
  return (
    isNumbered &&
    !isRefused(() => cipher?.seal(randomBytes(32), randomBytes(64), randomBytes(8))) &&
    keepsPromises(cipher as Cipher)
  );
}

/** The one that seals. */
export const cipherInUse = (): Cipher => current;

/** The one that sealed a value; undefined when this process does not have it. */
export const cipherOf = (id: number | undefined): Cipher | undefined => known.get(id ?? 0);

function keepsPromises(cipher: Cipher): boolean {
  const [key, plain, context] = [randomBytes(32), randomBytes(64), randomBytes(8)];
  const sealed = cipher.seal(key, plain, context);
  if (Buffer.from(sealed).includes(plain.subarray(0, 16))) return false;
  if (!plain.equals(cipher.open(key, sealed, context))) return false;
  const changed = Uint8Array.from(sealed, (byte, at) => (at === sealed.length - 1 ? byte ^ 1 : byte));
  return [
    () => cipher.open(key, changed, context),
    () => cipher.open(randomBytes(32), sealed, context),
    () => cipher.open(key, sealed, randomBytes(8)),
  ].every((wrong) => isRefused(wrong));
}

function isRefused(attempt: () => unknown): boolean {
  try {
    attempt();
    return false;
  } catch {
    return true;
  }
}
