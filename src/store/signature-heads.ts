import { type Kysely, type Selectable, sql } from "kysely";
import { isGatewayError } from "../core/errors.ts";
import { type DataKey, openValue } from "../crypto/envelope.ts";
import type { DataKeys } from "./data-keys.ts";
import type { Schema } from "./schema.ts";
import { fromJson, place } from "./signature-evidence.ts";

/** A request for a signature without the frozen bytes and the signature over them; times in clock milliseconds. */
export interface SignatureHead {
  id: string;
  tenant: string;
  signer: string;
  subject?: string;
  purpose: string;
  state: string;
  createdAt: number;
  expiresAt: number;
  submittedAt?: number;
  settledAt?: number;
  document?: { id: string; version: number };
  /** roles that must still sign the document; absent: none */
  awaiting?: readonly string[];
  /** the session that it is for */
  session?: string;
  /** SHA-256 of the signer's certificate, in hex */
  certificate?: string;
  terms: object;
}

type HeadRow = Omit<Selectable<Schema["signature"]>, "content" | "container" | "document_mac" | "binary_id">;

const headColumns = [
  ...([
    "id",
    "tenant",
    "signer",
    "subject",
    "purpose",
    "state",
    "created_at",
    "expires_at",
    "due_at",
  ] as const),
  ...(["submitted_at", "settled_at", "certificate", "awaiting", "session"] as const),
  ...(["document_id", "document_version", "terms"] as const),
] as const;

export function openHead(row: HeadRow, key: DataKey): SignatureHead {
  const { id, tenant, document_id, document_version } = row;
  return {
    id,
    tenant,
    signer: row.signer,
    subject: row.subject ?? undefined,
    purpose: row.purpose,
    state: row.state,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    submittedAt: row.submitted_at ?? undefined,
    settledAt: row.settled_at ?? undefined,
    certificate: row.certificate ?? undefined,
    awaiting: row.awaiting ?? undefined,
    session: row.session ?? undefined,
    document:
      document_id === null || document_version === null
        ? undefined
        : { id: document_id, version: document_version },
    terms: fromJson(openValue(key, row.terms, place(tenant, "terms", id))),
  };
}

/** Whose signature is looked for, and in which roles of the rules of signing. */
export interface Awaited {
  tenant: string;
  signer: string;
  roles: readonly string[];
}

/** The signatures in force over a document, oldest first. */
export const inForceOver = (db: Kysely<Schema>, of: { tenant: string; id: string }) =>
  db
    .selectFrom("signature")
    .where("tenant", "=", of.tenant)
    .where("document_id", "=", of.id)
    .where("state", "=", "signed")
    .orderBy("settled_at")
    .orderBy("id");

/** Signatures as lists show them: only what is told of them is opened, never the bytes. */
export class SignatureHeads {
  readonly #db: Kysely<Schema>;
  readonly #dataKeys: DataKeys;

  constructor({ db, dataKeys }: { db: Kysely<Schema>; dataKeys: DataKeys }) {
    this.#db = db;
    this.#dataKeys = dataKeys;
  }

  /** The signatures in force over a document, oldest first. */
  async over(of: { tenant: string; id: string }, db: Kysely<Schema> = this.#db): Promise<SignatureHead[]> {
    return this.#opened(await inForceOver(db, of).select(headColumns).execute(), db);
  }

  /** Requests about a person, or about nobody, that were signed and wait for their verification. */
  async waiting(
    { tenant, subject = null }: { tenant: string; subject?: string | null },
    db: Kysely<Schema> = this.#db,
  ): Promise<SignatureHead[]> {
    const rows = await db
      .selectFrom("signature")
      .select(headColumns)
      .where("tenant", "=", tenant)
      .where("subject", "is not distinct from", subject)
      .where("state", "=", "verification-pending")
      .execute();
    return this.#opened(rows, db);
  }

  /**
   * The first signature over each document that awaits one of these roles and that this person has not signed, newest
   * first; `after` is the `next` of the page before, which is there while more may follow.
   */
  async awaiting(
    { tenant, signer, roles }: Awaited,
    { after, limit }: { after?: string; limit: number },
  ): Promise<{ heads: SignatureHead[]; next?: string }> {
    const rows = await this.#db
      .selectFrom("signature")
      .select(headColumns)
      .where("tenant", "=", tenant)
      .where("state", "=", "signed")
      .where(sql<boolean>`awaiting && ${sql.val([...roles])}::text[]`)
      .where(sql<boolean>`not exists (
        select 1 from signature as other
        where other.tenant = signature.tenant and other.document_id = signature.document_id
          and other.state = 'signed'
          and (other.signer = ${signer} or (other.settled_at, other.id) < (signature.settled_at, signature.id)))`)
      .$if(after !== undefined, (query) =>
        query.where(
          sql<boolean>`(settled_at, id) < (
            select last.settled_at, last.id from signature as last
            where last.tenant = ${tenant} and last.id = ${after})`,
        ),
      )
      .orderBy("settled_at", "desc")
      .orderBy("id", "desc")
      .limit(limit)
      .execute();
    // of the rows, for one that can't be opened is followed by others
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return { heads: await this.#opened(rows, this.#db), ...(last && { next: last.id }) };
  }

  #opened(rows: readonly HeadRow[], db: Kysely<Schema>): Promise<SignatureHead[]> {
    return openedOf(rows, async (row) => {
      const { tenant, subject } = row;
      return openHead(row, await this.#dataKeys.of(db, { tenant, subject: subject ?? undefined }));
    });
  }
}

/** What could be opened, in order: what belongs to shredded people is left out. */
export async function openedOf<Row, Opened>(
  rows: readonly Row[],
  open: (row: Row) => Promise<Opened>,
): Promise<Opened[]> {
  const opened = await Promise.all(
    rows.map((row) =>
      open(row).catch((error) => {
        if (isGatewayError(error) && error.code === "gone") return undefined;
        throw error;
      }),
    ),
  );
  return opened.filter((one) => one !== undefined);
}
