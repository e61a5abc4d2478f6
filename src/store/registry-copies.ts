import type { Kysely } from "kysely";
import type { Schema } from "./schema.ts";

/** Clock milliseconds. */
export interface CopyAge {
  copiedAt: number;
  wholeAt: number;
}

export interface CopiedRecord {
  registry: string;
  owner: string;
  /** clock milliseconds */
  at: number;
  resources: readonly { type: string; id: string }[];
}

const ownersAtOnce = 100;

/** Undefined before the first copy of the registry is whole. */
export async function copyAgeOf(db: Kysely<Schema>, registry: string): Promise<CopyAge | undefined> {
  const row = await db
    .selectFrom("registry_copy")
    .selectAll()
    .where("registry", "=", registry)
    .executeTakeFirst();
  return row && { copiedAt: row.copied_at, wholeAt: row.whole_at };
}

/** Notes that the copy is up to date. */
export async function noteCopyAge(db: Kysely<Schema>, registry: string, age: CopyAge): Promise<void> {
  const row = { copied_at: age.copiedAt, whole_at: age.wholeAt };
  await db
    .insertInto("registry_copy")
    .values({ registry, ...row })
    .onConflict((conflict) => conflict.column("registry").doUpdateSet(row))
    .execute();
}

/** Notes, in the caller's transaction, what a record consists of now; gives what it no longer has. */
export async function noteRecord(
  trx: Kysely<Schema>,
  { registry, owner, at, resources }: CopiedRecord,
): Promise<readonly { type: string; id: string }[]> {
  const rows = resources.map(({ type, id }) => ({ owner, type, id, registry, seen_at: at }));
  if (rows.length > 0)
    await trx
      .insertInto("registry_record")
      .values(rows)
      .onConflict((conflict) =>
        conflict
          .columns(["owner", "type", "id"])
          .doUpdateSet((row) => ({ seen_at: row.ref("excluded.seen_at") })),
      )
      .execute();
  return trx
    .deleteFrom("registry_record")
    .where("owner", "=", owner)
    .where("registry", "=", registry)
    .where("seen_at", "<", at)
    .returning(["type", "id"])
    .execute();
}

/** Some owners whose record was not seen since a moment. */
export async function ownersUnseen(db: Kysely<Schema>, registry: string, since: number): Promise<string[]> {
  const rows = await db
    .selectFrom("registry_record")
    .select("owner")
    .distinct()
    .where("registry", "=", registry)
    .where("seen_at", "<", since)
    .limit(ownersAtOnce)
    .execute();
  return rows.map(({ owner }) => owner);
}
