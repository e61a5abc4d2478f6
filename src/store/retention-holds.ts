import { type Kysely, sql } from "kysely";
import type { Schema } from "./schema.ts";

/** Why a person's data may not be destroyed yet. */
export interface RetentionHold {
  reason: string;
  /** milliseconds since the epoch */
  until: number;
}

interface HeldPerson {
  tenant: string;
  subject: string;
}

/** Reasons of the holds that stored documents and signatures make by themselves. */
const documentHold = "documents";
const signatureHold = "signatures";

const documentTypes = ["Composition", "DocumentReference"];
const documentYears = 25;

/** Keeps a person's data until a time, for a reason of the operator's; the same reason again moves its end. */
export async function placeHold(
  db: Kysely<Schema>,
  { tenant, subject }: HeldPerson,
  { reason, until }: RetentionHold,
): Promise<void> {
  await db
    .insertInto("retention_hold")
    .values({ tenant, subject, reason, until })
    .onConflict((conflict) => conflict.columns(["tenant", "subject", "reason"]).doUpdateSet({ until }))
    .execute();
}

/** Ends an operator's hold; false when there is none of that reason. */
export async function liftHold(
  db: Kysely<Schema>,
  { tenant, subject }: HeldPerson,
  reason: string,
): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom("retention_hold")
    .where("tenant", "=", tenant)
    .where("subject", "=", subject)
    .where("reason", "=", reason)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** Forgets why a person's data had to be kept. */
export async function forgetHolds(trx: Kysely<Schema>, { tenant, subject }: HeldPerson): Promise<void> {
  await trx
    .deleteFrom("retention_hold")
    .where("tenant", "=", tenant)
    .where("subject", "=", subject)
    .execute();
}

/**
 * Holds in force, the longest first: those placed, 25 years from the last version of any document that was the
 * person's, whosever it is now, and from the last signature over anything of theirs, in force or superseded.
 */
export async function holdsOf(
  db: Kysely<Schema>,
  { tenant, subject }: HeldPerson,
  now: number,
): Promise<RetentionHold[]> {
  const placed = await db
    .selectFrom("retention_hold")
    .select(["reason", "until"])
    .where("tenant", "=", tenant)
    .where("subject", "=", subject)
    .execute();
  const documents = await db
    .selectFrom("resource_history")
    .select(sql<number | null>`max(last_updated)`.as("last"))
    .where("tenant", "=", tenant)
    .where("subject", "=", subject)
    .where("type", "in", documentTypes)
    .executeTakeFirstOrThrow();
  const signatures = await db
    .selectFrom("signature")
    .select(sql<number | null>`max(settled_at)`.as("last"))
    .where("tenant", "=", tenant)
    .where("subject", "=", subject)
    // the evidence of what opened a card is no document
    .where("purpose", "=", "document")
    .where("state", "in", ["signed", "superseded"])
    .executeTakeFirstOrThrow();
  const made = [...holdFrom(documentHold, documents), ...holdFrom(signatureHold, signatures)];
  return [...placed, ...made].filter(({ until }) => until > now).sort((a, b) => b.until - a.until);
}

const holdFrom = (reason: string, { last }: { last: number | null }): RetentionHold[] =>
  last === null ? [] : [{ reason, until: yearsAfter(last, documentYears) }];

function yearsAfter(at: number, years: number): number {
  const date = new Date(at);
  return date.setUTCFullYear(date.getUTCFullYear() + years);
}
