import { randomUUID } from "node:crypto";
import type { Kysely, Selectable } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { ErrorCode } from "../core/error-table.ts";
import { type Logger, silentLogger } from "../core/logger.ts";
import type { Keyring } from "../crypto/keyring.ts";
import type { Schema } from "./schema.ts";

/** An answer of a system that could not be mapped; only `answer` may hold personal data. */
export interface FailedMessage {
  tenant: string;
  requestId: string;
  system: string;
  operation: string;
  code: ErrorCode;
  map?: string;
  line?: number;
  sourcePath?: string;
  targetPath?: string;
  /** what failed, outermost first: places and kinds of values, never values */
  trace: readonly string[];
  /** elements that the map wrote before it failed: paths and rules, never values */
  written: readonly string[];
  answer: Uint8Array;
}

/** What is sealed of a message. */
interface Content {
  trace: string[];
  written: string[];
  answer: string;
}

export type FailedMessageRow = Omit<Selectable<Schema["failed_message"]>, "content">;

export interface FailedMessageSettings {
  db: Kysely<Schema>;
  keyring: Keyring;
  clock: Clock;
  log?: Logger;
  /** older ones go */
  days: number;
  /** beyond so many the oldest go */
  count: number;
  /** of an answer; what is longer is cut */
  maxBytes: number;
}

const domain = "failed-message";
const dayMs = 86_400_000;
// a map that fails on every answer must not occupy the database
const mostAtOnce = 4;

const facts = [
  "id",
  "at",
  "tenant",
  "request_id",
  "system",
  "operation",
  "code",
  "map",
  "line",
  "source_path",
  "target_path",
  "bytes",
] as const;

/** Failed answers for an operator: sealed, bounded in size, count and age. */
export class FailedMessages {
  readonly #settings: FailedMessageSettings;
  #running = 0;

  constructor(settings: FailedMessageSettings) {
    this.#settings = settings;
  }

  /** Keeps a message, or leaves it when too many are being written; never rejects. */
  async keep(message: FailedMessage): Promise<void> {
    if (this.#running >= mostAtOnce) return;
    this.#running += 1;
    try {
      await this.#insert(message);
      await this.#trim();
    } catch (error) {
      const { log = silentLogger } = this.#settings;
      log.warn({ error, system: message.system, code: message.code }, "failed message not kept");
    } finally {
      this.#running -= 1;
    }
  }

  /** The newest first, without their contents. */
  list(limit = 100): Promise<FailedMessageRow[]> {
    const { db } = this.#settings;
    return db.selectFrom("failed_message").select(facts).orderBy("at", "desc").limit(limit).execute();
  }

  /** One message opened; undefined when it is not there. Throws SealError under another master key. */
  async open(
    id: string,
  ): Promise<(Omit<Content, "answer"> & { row: FailedMessageRow; answer: Buffer }) | undefined> {
    const { db, keyring } = this.#settings;
    const found = await db.selectFrom("failed_message").selectAll().where("id", "=", id).executeTakeFirst();
    if (!found) return undefined;
    const { content, ...row } = found;
    const text = Buffer.from(keyring.open(domain, content, id)).toString("utf8");
    const { trace, written, answer } = JSON.parse(text) as Content;
    return { row, trace, written, answer: Buffer.from(answer, "base64") };
  }

  /** Deletes messages from before `before` (clock milliseconds; absent: past the retention); tells how many. */
  async purge(before?: number): Promise<number> {
    const { db, clock, days } = this.#settings;
    const limit = before ?? clock.now() - days * dayMs;
    const { numDeletedRows } = await db
      .deleteFrom("failed_message")
      .where("at", "<", limit)
      .executeTakeFirst();
    return Number(numDeletedRows);
  }

  async #insert(message: FailedMessage): Promise<void> {
    const { db, keyring, clock, maxBytes } = this.#settings;
    const { tenant, system, operation, code, trace, written, answer } = message;
    const id = randomUUID();
    const kept = Buffer.from(answer.subarray(0, maxBytes)).toString("base64");
    const content = keyring.seal(domain, Buffer.from(JSON.stringify({ trace, written, answer: kept })), id);
    await db
      .insertInto("failed_message")
      .values({
        ...{ id, at: clock.now(), tenant, system, operation, code, content },
        request_id: message.requestId,
        map: message.map ?? null,
        line: message.line ?? null,
        source_path: message.sourcePath ?? null,
        target_path: message.targetPath ?? null,
        bytes: answer.length,
      })
      .execute();
  }

  async #trim(): Promise<void> {
    const { db, count } = this.#settings;
    const tooMany = db
      .selectFrom("failed_message")
      .select("id")
      .orderBy("at", "desc")
      .orderBy("id")
      .offset(count);
    await db.deleteFrom("failed_message").where("id", "in", tooMany).execute();
  }
}
