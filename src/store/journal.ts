import type { Kysely } from "kysely";
import { GatewayError } from "../core/errors.ts";
import type { Keyring } from "../crypto/keyring.ts";
import { createCircumstanceSeal } from "./journal-circumstances.ts";
import { digestOf, JournalKeys, type JournalRow, leafOf, lineOf, rowText } from "./journal-format.ts";
import type { StorePool } from "./pool.ts";
import type { Schema } from "./schema.ts";

export type { JournalRow } from "./journal-format.ts";

// canonical rows hold no line break
const insertGroup = {
  name: "journal-append",
  text: "insert into journal_group (row_count, digest, mac, lines) values ($1, $2, $3, $4)",
};
const largestGroup = 500;
const mostGroupsWaiting = 40;
// one that failed so late would let those behind it wait as long again
const slowFailureMs = 1_000;

/** Rows that will be committed together, and the promise that all their callers await. */
interface Group {
  lines: string[];
  committed: Promise<void>;
  settle(work: Promise<void>): void;
}

function newGroup(): Group {
  let settle: Group["settle"] = () => {};
  const committed = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return { lines: [], committed, settle };
}

/** The record of every access. Group commit: rows that come while one insert runs go together in the next. */
export class Journal {
  readonly #pool: StorePool;
  readonly #keys: JournalKeys;
  readonly #sealed: (row: JournalRow) => string | undefined;
  #waiting: Group[] = [];
  #writing: Promise<void> | undefined;
  #rowsCommitted = 0;

  constructor(parts: { pool: StorePool; keyring: Keyring }) {
    this.#pool = parts.pool;
    this.#keys = new JournalKeys(parts.keyring);
    this.#sealed = createCircumstanceSeal(parts.keyring);
  }

  /** Rows that this process has committed in groups of their own. */
  get rowsCommitted(): number {
    return this.#rowsCommitted;
  }

  /**
   * Resolves when the row is committed; throws `store-unavailable`, after the time limits of the pool at the latest, or
   * `overloaded` when too many rows wait.
   */
  append(row: JournalRow): Promise<void> {
    let group = this.#waiting.at(-1);
    if (!group || group.lines.length >= largestGroup) {
      if (this.#waiting.length >= mostGroupsWaiting) return Promise.reject(new GatewayError("overloaded"));
      group = newGroup();
      this.#waiting.push(group);
    }
    group.lines.push(this.#lineOf(row));
    this.#writing ??= this.#write();
    return group.committed;
  }

  /** Writes rows in the transaction of what they tell of: both stand or fall together, however this process ends. */
  async appendIn(trx: Kysely<Schema>, rows: readonly JournalRow[]): Promise<void> {
    if (rows.length === 0) return;
    await trx
      .insertInto("journal_group")
      .values(this.#groupOf(rows.map((row) => this.#lineOf(row))))
      .execute();
  }

  /** Resolves when no row waits any more; the doors must be closed by then. */
  async close(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  async #write(): Promise<void> {
    for (;;) {
      // what was read in one turn of the event loop goes together, and answers leave before the next group
      await new Promise(setImmediate);
      const group = this.#waiting.shift();
      if (!group) break;
      const startedAt = performance.now();
      const work = this.#commit(group.lines);
      group.settle(work);
      await work.catch(() => {
        if (performance.now() - startedAt < slowFailureMs) return;
        for (const behind of this.#waiting.splice(0)) behind.settle(work);
      });
    }
    this.#writing = undefined;
  }

  async #commit(lines: string[]): Promise<void> {
    const group = this.#groupOf(lines);
    await this.#pool.query({
      ...insertGroup,
      values: [group.row_count, group.digest, group.mac, group.lines],
    });
    this.#rowsCommitted += lines.length;
  }

  #lineOf(row: JournalRow): string {
    const text = rowText(row, this.#sealed(row));
    return lineOf({ mac: this.#keys.rowMac(text), row: text });
  }

  #groupOf(lines: readonly string[]) {
    const digest = digestOf(lines.map(leafOf));
    const mac = this.#keys.groupMac(lines.length, digest);
    return { row_count: lines.length, digest, mac, lines: lines.join("\n") };
  }
}
