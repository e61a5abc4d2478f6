import { type Kysely, sql } from "kysely";
import { purge, purgeExpired } from "./purge.ts";
import type { Schema } from "./schema.ts";

const day = 86_400_000;

/** How long is kept what nobody needs to keep longer, in days. */
const keptDays = {
  /** who signed in, when and from where; a device that was not used for so long is a new one */
  signIns: 365,
  /** one-time codes, long past their five minutes and the locks after wrong ones */
  codes: 1,
  /** bytes that were prepared and never signed: expired, cancelled or refused; the evidence of their checks stays */
  unsigned: 30,
  /** consents that were written down and never confirmed */
  drafts: 30,
} as const;

interface PersonalPurges {
  db: Kysely<Schema>;
  now(): number;
  /** how long a worker's last confirmation by ФРМР is of use */
  verificationDays: number;
  /** where consents lie before and after they are confirmed */
  consents: { tenant: string; type: string };
}

/** Deletes data of people that came to nothing or to an end; each can be run alone. */
export function personalPurges({
  db,
  now,
  verificationDays,
  consents,
}: PersonalPurges): (() => Promise<number>)[] {
  const before = (days: number) => now() - days * day;
  return [
    () => purgeExpired(db, "session", now()),
    () => purge(db, "sign_in", sql`at < ${before(keptDays.signIns)}`),
    () => purge(db, "worker_verification", sql`at < ${before(verificationDays)}`),
    () =>
      purge(
        db,
        "one_time_code",
        sql`greatest(sent_at, expires_at, locked_until) < ${before(keptDays.codes)}`,
      ),
    async () => {
      await endUnsigned(db, now());
      const isOver = sql`state in ('expired', 'cancelled', 'refused')`;
      return purge(db, "signature", sql`${isOver} and settled_at < ${before(keptDays.unsigned)}`);
    },
    () => purgeDrafts(db, consents, before(keptDays.drafts)),
  ];
}

/** Requests whose bytes were frozen for a time that is over, though nobody came to hear of it. */
async function endUnsigned(db: Kysely<Schema>, now: number): Promise<void> {
  await db
    .updateTable("signature")
    .set(({ ref }) => ({ state: "expired", settled_at: ref("expires_at") }))
    .where("state", "=", "prepared")
    .where("expires_at", "<=", now)
    .execute();
}

/** A consent's first version is its draft; a confirmed one has a second. */
async function purgeDrafts(
  db: Kysely<Schema>,
  { tenant, type }: PersonalPurges["consents"],
  before: number,
): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    with draft as (
      delete from resource
      where tenant = ${tenant} and type = ${type} and version = 1 and last_updated < ${before} returning id)
    delete from resource_history h using draft
    where h.tenant = ${tenant} and h.type = ${type} and h.id = draft.id`.execute(db);
  return Number(numAffectedRows);
}
