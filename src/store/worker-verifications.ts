import type { Kysely } from "kysely";
import type { Keyring } from "../crypto/keyring.ts";
import type { Schema } from "./schema.ts";

const domain = "worker-verification";

/** What ФРМР last confirmed of each worker, for the time when it does not answer. */
export class WorkerVerifications {
  readonly #db: Kysely<Schema>;
  readonly #keyring: Keyring;

  constructor(parts: { db: Kysely<Schema>; keyring: Keyring }) {
    this.#db = parts.db;
    this.#keyring = parts.keyring;
  }

  /** Keeps the newest confirmation; `at` in clock milliseconds. */
  async remember(owner: string, at: number, facts: object): Promise<void> {
    const sealed = this.#keyring.seal(domain, Buffer.from(JSON.stringify(facts)), owner);
    await this.#db
      .insertInto("worker_verification")
      .values({ owner, at, facts: sealed })
      .onConflict((conflict) => conflict.column("owner").doUpdateSet({ at, facts: sealed }))
      .execute();
  }

  async find(owner: string): Promise<{ at: number; facts: object } | undefined> {
    const row = await this.#db
      .selectFrom("worker_verification")
      .select(["at", "facts"])
      .where("owner", "=", owner)
      .executeTakeFirst();
    if (!row) return undefined;
    const plain = this.#keyring.open(domain, row.facts, owner);
    return { at: row.at, facts: JSON.parse(Buffer.from(plain).toString("utf8")) };
  }

  /** ФРМР no longer knows the person as a worker. */
  async forget(owner: string): Promise<void> {
    await this.#db.deleteFrom("worker_verification").where("owner", "=", owner).execute();
  }
}
