import type { Kysely } from "kysely";
import {
  createDataKey,
  type KeyProvider,
  rewrapDataKey,
  unwrapDataKey,
  wrapDataKey,
  wrappingKeyIdOf,
} from "../crypto/envelope.ts";
import type { Schema } from "./schema.ts";

/** The master key, and while it is being changed the one before. */
export interface MasterKeys {
  keys: KeyProvider;
  /** the older of those known */
  oldest: Uint8Array;
}

const owner = { tenant: "", subject: "root" };

/**
 * 32 bytes that every key of an installation is derived from: made at its first start, the same for ever, and kept
 * wrapped under the master key, which may change. Throws CryptoError `unknown-key` when no known master key wraps it.
 */
export async function rootKeyOf(db: Kysely<Schema>, masters: MasterKeys): Promise<Uint8Array> {
  const row = (await rowOf(db)) ?? (await created(db, masters));
  // a database of before there was a root key: its first master key is it
  if (!row.wrapped) return masters.oldest;
  return (await unwrapDataKey(masters.keys, row.wrapped, owner)).key;
}

/** Wraps the root key under the current master key; false when it was already. Throws as rootKeyOf does. */
export async function rewrapRootKey(db: Kysely<Schema>, masters: MasterKeys): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const row = await trx.selectFrom("root_key").select("wrapped").forUpdate().executeTakeFirstOrThrow();
    const { id } = await masters.keys.current();
    if (row.wrapped && wrappingKeyIdOf(row.wrapped) === id) return false;
    const wrapped = row.wrapped
      ? await rewrapDataKey(masters.keys, row.wrapped, owner)
      : await wrapDataKey(masters.keys, { id: unnamed, key: masters.oldest }, owner);
    await trx.updateTable("root_key").set({ wrapped }).execute();
    return true;
  });
}

const unnamed = "00".repeat(16);

const rowOf = (db: Kysely<Schema>) => db.selectFrom("root_key").select("wrapped").executeTakeFirst();

async function created(db: Kysely<Schema>, { keys }: MasterKeys) {
  const { wrapped } = await createDataKey(keys, owner);
  await db
    .insertInto("root_key")
    .values({ id: 1, wrapped })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  // whichever replica was first
  return db.selectFrom("root_key").select("wrapped").executeTakeFirstOrThrow();
}
