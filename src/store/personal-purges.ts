import { type Kysely, sql } from "kysely";
import { inBatches, purge, purgeExpired } from "./purge.ts";
import type { Schema } from "./schema.ts";

const hour = 3_600_000;
const day = 24 * hour;

/** How long is kept what nobody needs to keep longer, in days. */
const keptDays = {
  /** who signed in, when and from where; a device that was not used for so long is a new one */
  signIns: 365,
  /** one-time codes, long past their five minutes and the locks after wrong ones */
  codes: 1,
  /** bytes that were prepared and never signed: expired, cancelled or refused; what was checked keeps its evidence */
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
    () => endUnsigned(db, now() - hour),
    () => purgeUnsigned(db, before(keptDays.unsigned), now()),
    () => purgeDrafts(db, consents, { before: before(keptDays.drafts), now: now() }),
  ];
}

/** What is of a person whose data a hold keeps, whatever its own time. */
const isHeld = (table: "signature" | "resource", now: number) => {
  const of = (column: string) => sql.ref(`${table}.${column}`);
  return sql`exists (select from retention_hold h
    where h.tenant = ${of("tenant")} and h.subject = ${of("subject")} and h.until > ${now})`;
};

/** Requests whose time was over before a moment, though nobody came to hear of it; a check under way ends sooner. */
function endUnsigned(db: Kysely<Schema>, before: number): Promise<number> {
  const isDue = sql`state = 'prepared' and expires_at <= ${before}`;
  return inBatches(
    db,
    { table: "signature", isDue },
    (batch) => sql`update signature set state = 'expired', settled_at = expires_at where ${batch}`,
  );
}

/** The evidence of a check says nothing without its request: that one loses its bytes only. */
async function purgeUnsigned(db: Kysely<Schema>, before: number, now: number): Promise<number> {
  const isDue = sql`state in ('expired', 'cancelled', 'refused') and content <> '' and settled_at < ${before}
    and not ${isHeld("signature", now)}`;
  const isChecked = sql`exists (select from signature_evidence where signature_id = signature.id)`;
  const emptied = await inBatches(
    db,
    { table: "signature", isDue: sql`${isDue} and ${isChecked}` },
    (batch) => sql`update signature set content = '', container = null where ${batch}`,
  );
  return emptied + (await purge(db, "signature", sql`${isDue} and not ${isChecked}`));
}

/** A consent's first version is its draft; a confirmed one has a second. */
function purgeDrafts(
  db: Kysely<Schema>,
  { tenant, type }: PersonalPurges["consents"],
  { before, now }: { before: number; now: number },
): Promise<number> {
  const isDue = sql`
    tenant = ${tenant} and type = ${type} and version = 1 and last_updated < ${before}
    and not ${isHeld("resource", now)}`;
  return inBatches(
    db,
    { table: "resource", isDue },
    (batch) => sql`
      with draft as (delete from resource where ${batch} returning tenant, type, id)
      delete from resource_history h using draft
      where (h.tenant, h.type, h.id) = (draft.tenant, draft.type, draft.id)`,
  );
}
