import { type Kysely, sql } from "kysely";
import type { Schema } from "./schema.ts";

/** What a person signed on one day. */
export interface SigningDay {
  /** days since the epoch, in Moscow's time */
  day: number;
  purpose: string;
  count: number;
}

const dayMs = 86_400_000;

// Moscow has kept UTC+3 since 2014
const moscowMs = 10_800_000;

export const moscowDay = (at: number): number => Math.floor((at + moscowMs) / dayMs);

/** ISO date of a day since the epoch. */
export const isoDay = (day: number): string => new Date(day * dayMs).toISOString().slice(0, 10);

/** How much a person signed on each day since one, by purpose; names nobody and no document. */
export async function signingActivity(
  db: Kysely<Schema>,
  { signer, since }: { signer: string; since: number },
): Promise<SigningDay[]> {
  const day = sql<number>`((settled_at + ${sql.lit(moscowMs)}) / ${sql.lit(dayMs)})::int`;
  return db
    .selectFrom("signature")
    .select(({ fn }) => [day.as("day"), "purpose", fn.countAll<number>().as("count")])
    .where("signer", "=", signer)
    .where("state", "in", ["signed", "superseded"])
    .where("settled_at", ">=", since * dayMs - moscowMs)
    .groupBy(["day", "purpose"])
    .orderBy("day")
    .execute();
}
