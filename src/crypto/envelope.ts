import { randomBytes } from "node:crypto";
import { type Cipher, cipherInUse, cipherOf } from "./cipher.ts";
import { CryptoError } from "./errors.ts";

/** Key-encryption keys by id; production keeps them in a key store, tests in memory. Each is 32 bytes. */
export interface KeyProvider {
  /** The key that wraps new data keys. */
  current(): Promise<{ id: string; key: Uint8Array }>;
  /** An earlier or the current key; undefined when it was destroyed or never existed. */
  byId(id: string): Promise<Uint8Array | undefined>;
}

/** Where a ciphertext lives. It opens only at exactly this place, so that rows can't be exchanged. */
export interface EnvelopePlace {
  readonly tenant: string;
  readonly table: string;
  readonly column: string;
  readonly row: string;
}

/** Whose data key it is; forgetting the wrapped key shreds everything sealed under it. */
export interface DataKeyOwner {
  readonly tenant: string;
  readonly subject: string;
}

/** A subject's key in clear; keep it in memory for as long as one piece of work lasts. */
export interface DataKey {
  /** Random, 16 bytes in hex; stands in each ciphertext. */
  readonly id: string;
  readonly key: Uint8Array;
}

// what every cipher adds at least
const OVERHEAD = 16;
const KEY = 32;
const KEY_ID = 16;

/** Makes a data key for a subject and its wrapped form for storage: cipher, wrapping key's id, then ciphertext. */
export async function createDataKey(
  keys: KeyProvider,
  owner: DataKeyOwner,
): Promise<{ dataKey: DataKey; wrapped: Uint8Array }> {
  const dataKey = { id: randomBytes(KEY_ID).toString("hex"), key: randomBytes(KEY) };
  return { dataKey, wrapped: await wrapDataKey(keys, dataKey, owner) };
}

/** Opens a wrapped data key. Throws `unknown-key` when its wrapping key is gone, `wrong-context` for another owner. */
export async function unwrapDataKey(
  keys: KeyProvider,
  wrapped: Uint8Array,
  owner: DataKeyOwner,
): Promise<DataKey> {
  const { cipher, keyId, body } = readWrapped(wrapped);
  const wrappingKey = await keys.byId(keyId);
  if (!wrappingKey) throw new CryptoError("unknown-key", "the wrapping key is not available");
  const plain = decrypt(cipher, wrappingKey, body, wrapContext(cipher, keyId, owner));
  if (plain.length !== KEY_ID + KEY) throw new CryptoError("bad-encoding", "this is not a wrapped data key");
  return { id: plain.subarray(0, KEY_ID).toString("hex"), key: plain.subarray(KEY_ID) };
}

/** The same data key wrapped under the current key; ciphertexts stay as they are. For rotation of wrapping keys. */
export async function rewrapDataKey(
  keys: KeyProvider,
  wrapped: Uint8Array,
  owner: DataKeyOwner,
): Promise<Uint8Array> {
  return wrapDataKey(keys, await unwrapDataKey(keys, wrapped, owner), owner);
}

/** The id of the key that wrapped this data key, so that a rotation finds what is left to do. */
export function wrappingKeyIdOf(wrapped: Uint8Array): string {
  return readWrapped(wrapped).keyId;
}

/** Seals a value for its place: cipher, data key's id, ciphertext. */
export function sealValue(dataKey: DataKey, plain: Uint8Array, place: EnvelopePlace): Uint8Array {
  const cipher = cipherInUse();
  const header = Buffer.concat([Uint8Array.of(cipher.id), Buffer.from(dataKey.id, "hex")]);
  return Buffer.concat([
    header,
    encrypt(cipher, dataKey.key, plain, valueContext(cipher, dataKey.id, place)),
  ]);
}

/** Opens a sealed value. Throws `unknown-key` under another data key, `wrong-context` when moved or changed. */
export function openValue(dataKey: DataKey, sealed: Uint8Array, place: EnvelopePlace): Uint8Array {
  if (sealedDataKeyId(sealed) !== dataKey.id)
    throw new CryptoError("unknown-key", "sealed under another data key");
  const cipher = knownCipher(sealed);
  const context = valueContext(cipher, dataKey.id, place);
  return decrypt(cipher, dataKey.key, sealed.subarray(1 + KEY_ID), context);
}

/** Which data key a sealed value needs. */
export function sealedDataKeyId(sealed: Uint8Array): string {
  knownCipher(sealed);
  if (sealed.length < 1 + KEY_ID + OVERHEAD)
    throw new CryptoError("bad-encoding", "this is not a sealed value");
  return Buffer.from(sealed.subarray(1, 1 + KEY_ID)).toString("hex");
}

/** Wraps a data key for its owner under the current key. Throws `bad-key` for a key or an id of a wrong length. */
export async function wrapDataKey(
  keys: KeyProvider,
  dataKey: DataKey,
  owner: DataKeyOwner,
): Promise<Uint8Array> {
  const { id, key } = await keys.current();
  const cipher = cipherInUse();
  const name = Buffer.from(id);
  if (name.length === 0 || name.length > 255) throw new CryptoError("bad-key", "a key id has 1 to 255 bytes");
  const plain = Buffer.concat([Buffer.from(dataKey.id, "hex"), dataKey.key]);
  return Buffer.concat([
    Uint8Array.of(cipher.id, name.length),
    name,
    encrypt(cipher, key, plain, wrapContext(cipher, id, owner)),
  ]);
}

function readWrapped(wrapped: Uint8Array): { cipher: Cipher; keyId: string; body: Uint8Array } {
  const cipher = knownCipher(wrapped);
  const [, length = 0] = wrapped;
  if (wrapped.length < 2 + length + OVERHEAD + KEY_ID + KEY)
    throw new CryptoError("bad-encoding", "this is not a wrapped data key");
  return {
    cipher,
    keyId: Buffer.from(wrapped.subarray(2, 2 + length)).toString(),
    body: wrapped.subarray(2 + length),
  };
}

function knownCipher([id]: Uint8Array): Cipher {
  const cipher = cipherOf(id);
  if (!cipher) throw new CryptoError("bad-encoding", "sealed by no cipher of this process");
  return cipher;
}

// JSON keeps neighbouring parts apart: ("ab","c") and ("a","bc") differ
function wrapContext(cipher: Cipher, keyId: string, { tenant, subject }: DataKeyOwner): Buffer {
  return Buffer.from(JSON.stringify(["data-key", cipher.id, keyId, tenant, subject]));
}

function valueContext(
  cipher: Cipher,
  dataKeyId: string,
  { tenant, table, column, row }: EnvelopePlace,
): Buffer {
  return Buffer.from(JSON.stringify(["value", cipher.id, dataKeyId, tenant, table, column, row]));
}

function encrypt(cipher: Cipher, key: Uint8Array, plain: Uint8Array, context: Buffer): Uint8Array {
  if (key.length !== KEY) throw new CryptoError("bad-key", "a key has 32 bytes");
  return cipher.seal(key, plain, context);
}

function decrypt(cipher: Cipher, key: Uint8Array, sealed: Uint8Array, context: Buffer): Buffer {
  if (key.length !== KEY) throw new CryptoError("bad-key", "a key has 32 bytes");
  try {
    return Buffer.from(cipher.open(key, sealed, context));
  } catch (cause) {
    throw new CryptoError("wrong-context", "the value was changed or belongs elsewhere", { cause });
  }
}
