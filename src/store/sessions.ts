import { randomBytes, randomUUID } from "node:crypto";
import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { Keyring } from "../crypto/keyring.ts";
import type { Schema } from "./schema.ts";

export type SessionKind = "worker" | "citizen";

export interface NewSession {
  /** keyed hash of the person */
  owner: string;
  kind: SessionKind;
  deviceHash: string;
  facts: object;
  /** absolute end in clock milliseconds */
  expiresAt: number;
}

/** A session as one of its tokens finds it; times are clock milliseconds. */
export interface FoundSession {
  id: string;
  owner: string;
  kind: SessionKind;
  deviceHash: string;
  facts: object;
  createdAt: number;
  seenAt: number;
  expiresAt: number;
  token: { issuedAt: number; retiredAt?: number };
}

/** One session, or all of a person. */
export type SessionKey = { id: string } | { owner: string };

const domain = "session";
const tokenBytes = 32;

/** Sessions of people: the cookie holds a random token, a row its keyed hash; what is known of the person is sealed. */
export class SessionStore {
  readonly #db: Kysely<Schema>;
  readonly #keyring: Keyring;
  readonly #clock: Clock;

  constructor(parts: { db: Kysely<Schema>; keyring: Keyring; clock: Clock }) {
    this.#db = parts.db;
    this.#keyring = parts.keyring;
    this.#clock = parts.clock;
  }

  hashOf(token: string): string {
    return this.#keyring.hmac("session-token", token);
  }

  /** Creates a session and its first token; sessions that have run out are swept away. */
  async create({ owner, kind, deviceHash, facts, expiresAt }: NewSession) {
    const id = randomUUID();
    const now = this.#clock.now();
    const [token, row] = this.#newToken(id, now);
    await this.#db.deleteFrom("session").where("expires_at", "<=", now).execute();
    await this.#db.transaction().execute(async (trx) => {
      const times = { created_at: now, seen_at: now, rotated_at: now, expires_at: expiresAt };
      const sealed = this.#sealed(id, facts);
      await trx
        .insertInto("session")
        .values({ id, owner, kind, device_hash: deviceHash, ...times, facts: sealed })
        .execute();
      await trx.insertInto("session_token").values(row).execute();
    });
    return { id, token };
  }

  /** The session that a token belongs to, ended ones not; undefined for an unknown token. */
  async find(tokenHash: string): Promise<FoundSession | undefined> {
    const row = await this.#db
      .selectFrom("session_token")
      .innerJoin("session", "session.id", "session_token.session_id")
      .selectAll("session")
      .select(["issued_at", "retired_at"])
      .where("session_token.hash", "=", tokenHash)
      .executeTakeFirst();
    if (!row) return undefined;
    return {
      id: row.id,
      owner: row.owner,
      kind: row.kind,
      deviceHash: row.device_hash,
      facts: this.#opened(row.id, row.facts),
      createdAt: row.created_at,
      seenAt: row.seen_at,
      expiresAt: row.expires_at,
      token: { issuedAt: row.issued_at, retiredAt: row.retired_at ?? undefined },
    };
  }

  /** Notes a use; the session's earlier tokens are retired by it: the browser has shown that it holds this one. */
  async touch({ id, token }: FoundSession): Promise<void> {
    const now = this.#clock.now();
    await this.#db.updateTable("session").set({ seen_at: now }).where("id", "=", id).execute();
    if (token.retiredAt !== undefined) return;
    await this.#db
      .updateTable("session_token")
      .set({ retired_at: now })
      .where("session_id", "=", id)
      .where("issued_at", "<", token.issuedAt)
      .where("retired_at", "is", null)
      .execute();
  }

  /** A further token for a session that got none since `before`; undefined when another request has just made one. */
  async rotate(id: string, before: number): Promise<string | undefined> {
    const now = this.#clock.now();
    return this.#db.transaction().execute(async (trx) => {
      const due = await trx
        .updateTable("session")
        .set({ rotated_at: now })
        .where("id", "=", id)
        .where("rotated_at", "<=", before)
        .returning("id")
        .executeTakeFirst();
      if (!due) return undefined;
      const [token, row] = this.#newToken(id, now);
      await trx.insertInto("session_token").values(row).execute();
      return token;
    });
  }

  /**
   * Replaces what is known of the person, with what else belongs to the change; resolves to the hashes of the session's
   * tokens, or to undefined when it has ended meanwhile.
   */
  async change(
    id: string,
    change: (facts: object) => object,
    within: (trx: Kysely<Schema>, tokenHashes: readonly string[]) => Promise<void>,
  ): Promise<string[] | undefined> {
    return this.#db.transaction().execute(async (trx) => {
      const row = await trx
        .selectFrom("session")
        .select("facts")
        .where("id", "=", id)
        .forUpdate()
        .executeTakeFirst();
      if (!row) return undefined;
      const facts = this.#sealed(id, change(this.#opened(id, row.facts)));
      await trx.updateTable("session").set({ facts }).where("id", "=", id).execute();
      const hashes = await this.tokenHashes({ id }, trx);
      await within(trx, hashes);
      return hashes;
    });
  }

  /** Hashes of all tokens of a session or of a person's sessions. */
  async tokenHashes(of: SessionKey, db: Kysely<Schema> = this.#db): Promise<string[]> {
    const rows = await db
      .selectFrom("session_token")
      .innerJoin("session", "session.id", "session_token.session_id")
      .select("session_token.hash")
      .where(columnOf(of), "=", keyOf(of))
      .execute();
    return rows.map(({ hash }) => hash);
  }

  /** Ends a session or a person's sessions; resolves to the hashes of all tokens that they had. */
  async end(of: SessionKey): Promise<string[]> {
    return this.#db.transaction().execute(async (trx) => {
      // a rotation under way is waited for, so that its token is among the ended
      await trx.selectFrom("session").select("id").where(columnOf(of), "=", keyOf(of)).forUpdate().execute();
      const hashes = await this.tokenHashes(of, trx);
      await trx.deleteFrom("session").where(columnOf(of), "=", keyOf(of)).execute();
      return hashes;
    });
  }

  #newToken(sessionId: string, now: number) {
    const token = randomBytes(tokenBytes).toString("base64url");
    const row = { hash: this.hashOf(token), session_id: sessionId, issued_at: now };
    return [token, row] as const;
  }

  #sealed(id: string, facts: object): Uint8Array {
    return this.#keyring.seal(domain, Buffer.from(JSON.stringify(facts)), id);
  }

  #opened(id: string, sealed: Uint8Array): object {
    return JSON.parse(Buffer.from(this.#keyring.open(domain, sealed, id)).toString("utf8"));
  }
}

const columnOf = (of: SessionKey) => ("id" in of ? "session.id" : "session.owner");
const keyOf = (of: SessionKey): string => ("id" in of ? of.id : of.owner);
