import { randomUUID } from "node:crypto";
import type { Kysely, Selectable } from "kysely";
import { openValue, sealValue } from "../crypto/envelope.ts";
import type { Keyring } from "../crypto/keyring.ts";
import type { DataKeys } from "./data-keys.ts";
import type { Schema } from "./schema.ts";
import { json, place, SignatureEvidence } from "./signature-evidence.ts";
import { inForceOver, openedOf, openHead, type SignatureHead, SignatureHeads } from "./signature-heads.ts";

interface SignatureStoreParts {
  db: Kysely<Schema>;
  dataKeys: DataKeys;
  keyring: Keyring;
}

/** A request for a signature with its secrets opened; ids logical. */
export interface KeptSignature extends SignatureHead {
  /** empty: it came to nothing long ago, and only what was checked is still told */
  content: Uint8Array;
  container?: Uint8Array;
}

export type NewSignature = Omit<
  KeptSignature,
  "id" | "submittedAt" | "settledAt" | "document" | "awaiting" | "certificate" | "container"
>;

export interface SignatureChange {
  state: string;
  submittedAt?: number;
  settledAt?: number;
  /** next try; absent: none */
  dueAt?: number;
  certificate?: string;
  container?: Uint8Array;
  document?: { id: string; version: number };
  /** id of the Binary that holds the signed bytes */
  binary?: string;
  terms?: object;
}

/** Whose data bytes are and what is said of them: for another they are signed anew. */
type SignedFor = Pick<KeptSignature, "subject" | "terms">;

interface PurposeOfBytes {
  needed?: string;
  kind?: string;
  represents?: string;
  resource?: { type: string; id: string };
  replaces?: { id: string };
}

type Row = Selectable<Schema["signature"]>;

/** Requests for signatures and the evidence of every check, sealed under the patient's key or the tenant's. */
export class SignatureStore {
  readonly db: Kysely<Schema>;
  readonly evidence: SignatureEvidence;
  readonly heads: SignatureHeads;
  readonly #dataKeys: DataKeys;
  readonly #keyring: Keyring;

  constructor({ db, dataKeys, keyring }: SignatureStoreParts) {
    this.db = db;
    this.evidence = new SignatureEvidence({ db, dataKeys, keyring });
    this.heads = new SignatureHeads({ db, dataKeys });
    this.#dataKeys = dataKeys;
    this.#keyring = keyring;
  }

  /** Keeps a new request; throws `gone` for a subject whose key was shredded. */
  async create(fresh: NewSignature & { id?: string }, db: Kysely<Schema> = this.db): Promise<KeptSignature> {
    const { id = randomUUID() } = fresh;
    const { tenant, signer, subject, purpose, state, createdAt, expiresAt, session, terms, content } = fresh;
    const key = await this.#dataKeys.of(db, { tenant, subject });
    const row = {
      id,
      tenant,
      signer,
      subject: subject ?? null,
      purpose,
      state,
      document_mac: this.#documentMac(fresh, content),
      created_at: createdAt,
      expires_at: expiresAt,
      session: session ?? null,
      terms: sealValue(key, json(terms), place(tenant, "terms", id)),
      content: sealValue(key, content, place(tenant, "content", id)),
    };
    await db.insertInto("signature").values(row).execute();
    return { ...fresh, id };
  }

  async find(id: string, db: Kysely<Schema> = this.db): Promise<KeptSignature | undefined> {
    const row = await db.selectFrom("signature").selectAll().where("id", "=", id).executeTakeFirst();
    return row && this.#opened(row, db);
  }

  /** The state of a row that nobody else can change until the transaction ends. */
  async lockedState(trx: Kysely<Schema>, id: string): Promise<string | undefined> {
    const row = await trx
      .selectFrom("signature")
      .select("state")
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    return row?.state;
  }

  /** A person's own requests, newest first. */
  async ofSigner(signer: string, limit: number): Promise<KeptSignature[]> {
    const rows = await this.db
      .selectFrom("signature")
      .selectAll()
      .where("signer", "=", signer)
      .orderBy("created_at", "desc")
      .orderBy("id")
      .limit(limit)
      .execute();
    return this.#openedAll(rows, this.db);
  }

  /** The request under which a person has signed exactly these bytes already, for the same. */
  async signedBefore(
    of: { tenant: string; signer: string } & SignedFor,
    content: Uint8Array,
    db: Kysely<Schema> = this.db,
  ): Promise<KeptSignature | undefined> {
    const row = await db
      .selectFrom("signature")
      .selectAll()
      .where("tenant", "=", of.tenant)
      .where("signer", "=", of.signer)
      .where("document_mac", "=", this.#documentMac(of, content))
      .where("state", "=", "signed")
      .executeTakeFirst();
    return row && this.#opened(row, db);
  }

  /** The signatures in force over a document, oldest first. */
  async over(of: { tenant: string; id: string }, db: Kysely<Schema> = this.db): Promise<KeptSignature[]> {
    return this.#openedAll(await inForceOver(db, of).selectAll().execute(), db);
  }

  /** The signatures that were ever in force over the bytes in a Binary, oldest first. */
  async overBinary(
    of: { tenant: string; id: string },
    db: Kysely<Schema> = this.db,
  ): Promise<KeptSignature[]> {
    const rows = await db
      .selectFrom("signature")
      .selectAll()
      .where("tenant", "=", of.tenant)
      .where("binary_id", "=", of.id)
      .orderBy("settled_at")
      .orderBy("id")
      .execute();
    return this.#openedAll(rows, db);
  }

  /** Says which roles a document awaits now, to every signature in force over it. */
  async setAwaiting(
    trx: Kysely<Schema>,
    of: { tenant: string; id: string },
    roles: readonly string[],
  ): Promise<void> {
    await trx
      .updateTable("signature")
      .set({ awaiting: roles.length > 0 ? [...roles] : null })
      .where("tenant", "=", of.tenant)
      .where("document_id", "=", of.id)
      .where("state", "=", "signed")
      .execute();
  }

  /** Requests in a state whose next try is due, oldest first. */
  async due(state: string, now: number, limit: number): Promise<KeptSignature[]> {
    const rows = await this.db
      .selectFrom("signature")
      .selectAll()
      .where("state", "=", state)
      .where("due_at", "<=", now)
      .orderBy("due_at")
      .limit(limit)
      .execute();
    return this.#openedAll(rows, this.db);
  }

  /** Of which patients a session has signed a request of this purpose since a moment, and with which certificate. */
  async signedSince(of: {
    session: string;
    signer: string;
    subjects: readonly string[];
    purpose: string;
    after: number;
  }): Promise<{ subject: string; certificate: string }[]> {
    if (of.subjects.length === 0) return [];
    const rows = await this.db
      .selectFrom("signature")
      .select(["subject", "certificate"])
      .where("signer", "=", of.signer)
      .where("session", "=", of.session)
      .where("subject", "in", [...of.subjects])
      .where("purpose", "=", of.purpose)
      .where("state", "=", "signed")
      .where("settled_at", ">", of.after)
      .execute();
    return rows.flatMap(({ subject, certificate }) =>
      subject === null || certificate === null ? [] : [{ subject, certificate }],
    );
  }

  /** Changes a request in the caller's transaction. */
  async change(
    trx: Kysely<Schema>,
    { id, tenant, subject }: KeptSignature,
    change: SignatureChange,
  ): Promise<void> {
    const { container, document, terms } = change;
    const key = await this.#dataKeys.of(trx, { tenant, subject });
    await trx
      .updateTable("signature")
      .set({
        state: change.state,
        due_at: change.dueAt ?? null,
        ...(change.submittedAt !== undefined && { submitted_at: change.submittedAt }),
        ...(change.settledAt !== undefined && { settled_at: change.settledAt }),
        ...(change.certificate !== undefined && { certificate: change.certificate }),
        ...(document && { document_id: document.id, document_version: document.version }),
        ...(change.binary !== undefined && { binary_id: change.binary }),
        ...(terms && { terms: sealValue(key, json(terms), place(tenant, "terms", id)) }),
        ...(container && { container: sealValue(key, container, place(tenant, "container", id)) }),
      })
      .where("id", "=", id)
      .execute();
  }

  #openedAll(rows: readonly Row[], db: Kysely<Schema>): Promise<KeptSignature[]> {
    return openedOf(rows, (row) => this.#opened(row, db));
  }

  async #opened(row: Row, db: Kysely<Schema>): Promise<KeptSignature> {
    const { id, tenant, subject, content, container } = row;
    const key = await this.#dataKeys.of(db, { tenant, subject: subject ?? undefined });
    return {
      ...openHead(row, key),
      content: content.length > 0 ? openValue(key, content, place(tenant, "content", id)) : content,
      container: container ? openValue(key, container, place(tenant, "container", id)) : undefined,
    };
  }

  // a plain hash of a short document would let its content be guessed
  #documentMac({ subject, terms }: SignedFor, content: Uint8Array): string {
    const { needed, kind, represents, resource, replaces } = terms as PurposeOfBytes;
    const reference = resource && `${resource.type}/${resource.id}`;
    const meant = JSON.stringify([subject, needed, kind, represents, reference, replaces?.id]);
    return this.#keyring.hmac("signature-document", meant, Buffer.from(content).toString("base64"));
  }
}
