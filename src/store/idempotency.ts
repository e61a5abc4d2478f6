import { randomUUID } from "node:crypto";
import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { Keyring } from "../crypto/keyring.ts";
import type { JournalRow } from "./journal-format.ts";
import type { Schema } from "./schema.ts";

/** An access that an answer tells of; it is a journal row again each time the answer is given again. */
export interface KeptAccess
  extends Pick<JournalRow, "holder" | "action" | "resourceType" | "resourceId" | "subject" | "ground"> {
  /** absent: ok */
  outcome?: JournalRow["outcome"];
  /** what was decided on, where the journal names something else */
  decided?: "read";
  /** the gateway wrote it with what the caller asked, whose own rights don't speak of it */
  beside?: true;
}

/** An answer as it leaves; headers are those that a repeat must carry too. */
export interface KeptAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
  /** what no replica may answer from its cache any more when this answer is given, also when it is given again */
  forgotten?: readonly string[];
  accesses?: readonly KeptAccess[];
  /** what decide() permitted the request; whoever gives the answer again asks it anew */
  asked?: readonly object[];
  /** the parts of the request are kept each by itself, and nothing else of the answer is */
  isInParts?: boolean;
}

/** The right to carry a request out, until the lease ends. */
export interface Claim {
  key: string;
  holder: string;
}

export type Claimed =
  | { state: "mine"; claim: Claim }
  | { state: "answered"; answer: KeptAnswer }
  /** another request with this key is being carried out */
  | { state: "running" }
  /** the key was used for another request */
  | { state: "conflict" };

interface IdempotencyParts {
  db: Kysely<Schema>;
  keyring: Keyring;
  clock: Clock;
  /** after this time a claim whose holder died may be taken over */
  leaseMs: number;
}

const domain = "idempotency";
const keptMs = 30 * 86_400_000;

/** Answers by Idempotency-Key, for 30 days and all replicas; rows hold keyed hashes and sealed bytes. */
export class IdempotencyKeys {
  readonly #parts: IdempotencyParts;

  constructor(parts: IdempotencyParts) {
    this.#parts = parts;
  }

  /** Claims a caller's key for a request (its route and body as text), or says what became of the first one. */
  async claim(caller: string, key: string, request: string): Promise<Claimed> {
    const { db, keyring, clock, leaseMs } = this.#parts;
    const now = clock.now();
    const claim = { key: keyring.hmac(domain, "key", caller, key), holder: randomUUID() };
    const requestMac = keyring.hmac(domain, "request", request);
    const fresh = {
      request_mac: requestMac,
      holder: claim.holder,
      lease_until: now + leaseMs,
      answer: null,
      expires_at: now + keptMs,
    };
    const created = await db
      .insertInto("idempotency")
      .values({ key_mac: claim.key, ...fresh })
      .onConflict((conflict) =>
        conflict.column("key_mac").doUpdateSet(fresh).where("idempotency.expires_at", "<=", now),
      )
      .returning("key_mac")
      .executeTakeFirst();
    if (created) return { state: "mine", claim };
    const row = await db
      .selectFrom("idempotency")
      .select(["request_mac", "answer", "holder", "lease_until"])
      .where("key_mac", "=", claim.key)
      .executeTakeFirst();
    // released between the two statements
    if (!row) return { state: "running" };
    if (row.request_mac !== requestMac) return { state: "conflict" };
    // more may be added to the answer while its holder lives
    const isLast = row.holder === null || row.lease_until <= now;
    if (row.answer && isLast) return { state: "answered", answer: this.#opened(claim.key, row.answer) };
    return (await this.#takenOver(claim, now)) ? { state: "mine", claim } : { state: "running" };
  }

  /**
   * Keeps the answer of a claimed request; false when the claim was lost meanwhile. With the transaction of the
   * request's effect both stand or fall together, and the caller rolls back what a lost claim must not do. Unless it
   * is the last one, the answer is given only once the lease has ended, and another may take its place until then.
   */
  async keep(
    { key, holder }: Claim,
    answer: KeptAnswer,
    { db = this.#parts.db, isLast = true }: { db?: Kysely<Schema>; isLast?: boolean } = {},
  ): Promise<boolean> {
    const plain = JSON.stringify({ ...answer, body: Buffer.from(answer.body).toString("base64") });
    const { numUpdatedRows } = await db
      .updateTable("idempotency")
      .set({
        answer: this.#parts.keyring.seal(domain, Buffer.from(plain), key),
        holder: isLast ? null : holder,
      })
      .where("key_mac", "=", key)
      .where("holder", "=", holder)
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }

  /** Gives a claim back: the request had no effect, so the same key may try again. What is kept stays. */
  async release({ key, holder }: Claim): Promise<void> {
    await this.#parts.db
      .deleteFrom("idempotency")
      .where("key_mac", "=", key)
      .where("holder", "=", holder)
      .where("answer", "is", null)
      .execute();
  }

  async #takenOver({ key, holder }: Claim, now: number): Promise<boolean> {
    const taken = await this.#parts.db
      .updateTable("idempotency")
      .set({ holder, lease_until: now + this.#parts.leaseMs })
      .where("key_mac", "=", key)
      .where("answer", "is", null)
      .where("lease_until", "<=", now)
      .returning("key_mac")
      .executeTakeFirst();
    return taken !== undefined;
  }

  #opened(key: string, sealed: Uint8Array): KeptAnswer {
    const plain = Buffer.from(this.#parts.keyring.open(domain, sealed, key)).toString("utf8");
    const answer = JSON.parse(plain) as Omit<KeptAnswer, "body"> & { body: string };
    return { ...answer, body: Buffer.from(answer.body, "base64") };
  }
}
