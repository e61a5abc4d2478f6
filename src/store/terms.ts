import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { Schema } from "./schema.ts";

/** Which versions of the terms of use a person has accepted, and when. */
export class TermsAcceptances {
  readonly #db: Kysely<Schema>;
  readonly #clock: Clock;

  constructor(parts: { db: Kysely<Schema>; clock: Clock }) {
    this.#db = parts.db;
    this.#clock = parts.clock;
  }

  /** The first acceptance of a version stands; resolves to its time in clock milliseconds. */
  async accept(trx: Kysely<Schema>, owner: string, version: string): Promise<number> {
    const at = this.#clock.now();
    await trx
      .insertInto("terms_acceptance")
      .values({ owner, version, at })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return (await this.acceptedAt(owner, version, trx)) ?? at;
  }

  async acceptedAt(owner: string, version: string, db = this.#db): Promise<number | undefined> {
    const row = await db
      .selectFrom("terms_acceptance")
      .select("at")
      .where("owner", "=", owner)
      .where("version", "=", version)
      .executeTakeFirst();
    return row?.at;
  }
}
