import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { KeyProvider } from "./envelope.ts";
import { CryptoError } from "./errors.ts";
import type { Keyring } from "./keyring.ts";

const keyBytes = 32;
// a file's name, and part of a URL: a forged id in the database must lead nowhere else
const idForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The one key-encryption key of a trial installation, from its master key; it can't be rotated. */
export function masterKeyProvider(keyring: Keyring): KeyProvider {
  return fixedKeys("master", new Map([["master", keyring.derive("key-encryption")]]));
}

/** Master keys, each 32 bytes; the first wraps, both open. An id is a hash of its key, so that none has to be given. */
export function masterKeys(current: Uint8Array, previous?: Uint8Array): KeyProvider {
  const named = [current, ...(previous ? [previous] : [])].map((key) => [idOf(key), key] as const);
  return fixedKeys(idOf(current), new Map(named));
}

const idOf = (key: Uint8Array): string =>
  createHash("sha256").update("master key").update(key).digest("hex").slice(0, 16);

/**
 * Keys of a setting `ID:BASE64,ID:BASE64`: the first is current, the others open what they wrapped before. Throws
 * CryptoError `bad-key` for anything else.
 */
export function environmentKeys(text: string): KeyProvider {
  const keys = new Map<string, Uint8Array>();
  for (const entry of text.split(",")) {
    const [id = "", key = ""] = entry.trim().split(":");
    if (!idForm.test(id)) throw new CryptoError("bad-key", "a key id has 1 to 64 of A-Z a-z 0-9 . _ -");
    if (keys.has(id)) throw new CryptoError("bad-key", `the key ${id} is given twice`);
    keys.set(id, keyOf(key, id));
  }
  const [first = ""] = keys.keys();
  return fixedKeys(first, keys);
}

/**
 * Keys of a folder: `ID.key` holds 32 bytes in base64, `current` the id that wraps. Files are read at each use, so a
 * new or a destroyed key needs no restart.
 */
export function folderKeys(folder: string): KeyProvider {
  const byId = async (id: string) => {
    if (!idForm.test(id)) return undefined;
    const text = await readIfThere(join(folder, `${id}.key`));
    return text === undefined ? undefined : keyOf(text.trim(), id);
  };
  return {
    byId,
    current: async () => {
      const id = (await readIfThere(join(folder, "current")))?.trim();
      const key = id && (await byId(id));
      if (!id || !key) throw new CryptoError("unknown-key", "the file `current` names no key of the folder");
      return { id, key };
    },
  };
}

/** 32 bytes in base64; throws CryptoError `bad-key` naming the key, never showing it. */
export function keyOf(base64: string, id: string): Uint8Array {
  const key = Buffer.from(base64, "base64");
  if (key.length !== keyBytes || key.toString("base64") !== base64)
    throw new CryptoError("bad-key", `the key ${id} is not 32 bytes in base64`);
  return key;
}

function fixedKeys(id: string, keys: ReadonlyMap<string, Uint8Array>): KeyProvider {
  return {
    current: async () => ({ id, key: keys.get(id) as Uint8Array }),
    byId: async (asked) => keys.get(asked),
  };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new CryptoError("unknown-key", "a file of the key folder can't be read", { cause });
  }
}
