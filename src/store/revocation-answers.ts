import type { Kysely } from "kysely";
import type { KeptAnswers } from "../crypto/revocation-client.ts";
import type { Schema } from "./schema.ts";

/** The last answers of responders and lists, for all replicas and over restarts. They hold no personal data. */
export function revocationAnswers(db: Kysely<Schema>): KeptAnswers {
  return {
    find: async (key) => {
      const row = await db
        .selectFrom("revocation_answer")
        .selectAll()
        .where("key", "=", key)
        .executeTakeFirst();
      if (!row) return undefined;
      return {
        bytes: row.answer,
        fetchedAt: row.fetched_at,
        producedAt: new Date(row.produced_at),
        thisUpdate: new Date(row.this_update),
        ...(row.next_update !== null && { nextUpdate: new Date(row.next_update) }),
      };
    },
    keep: async (key, answer, until) => {
      const row = {
        answer: answer.bytes,
        fetched_at: answer.fetchedAt,
        produced_at: answer.producedAt.getTime(),
        this_update: answer.thisUpdate.getTime(),
        next_update: answer.nextUpdate?.getTime() ?? null,
        expires_at: until,
      };
      await db
        .insertInto("revocation_answer")
        .values({ key, ...row })
        // a replica that was told something older must not displace what another was told later
        .onConflict((conflict) =>
          conflict
            .column("key")
            .doUpdateSet(row)
            .where("revocation_answer.this_update", "<=", row.this_update),
        )
        .execute();
    },
  };
}
