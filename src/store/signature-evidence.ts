import type { Kysely } from "kysely";
import { type EnvelopePlace, openValue, sealValue } from "../crypto/envelope.ts";
import type { Keyring } from "../crypto/keyring.ts";
import type { DataKeys } from "./data-keys.ts";
import type { Schema } from "./schema.ts";

/** One check of a signature, kept for ever; `report` is sealed. */
export interface Evidence {
  at: number;
  verdict: string;
  report: object;
  /** what the signature's value covers, hashed; absent: it was not readable */
  imprint?: string;
}

/** Whose request was checked: the evidence is sealed under the same key. */
interface Checked {
  id: string;
  tenant: string;
  subject?: string;
}

/** The evidence of every check of a signature; the database refuses to change it. */
export class SignatureEvidence {
  readonly #db: Kysely<Schema>;
  readonly #dataKeys: DataKeys;
  readonly #keyring: Keyring;

  constructor({ db, dataKeys, keyring }: { db: Kysely<Schema>; dataKeys: DataKeys; keyring: Keyring }) {
    this.#db = db;
    this.#dataKeys = dataKeys;
    this.#keyring = keyring;
  }

  /** Adds a check in the caller's transaction. */
  async add(trx: Kysely<Schema>, { id, tenant, subject }: Checked, evidence: Evidence): Promise<void> {
    const key = await this.#dataKeys.of(trx, { tenant, subject });
    const { most } = await trx
      .selectFrom("signature_evidence")
      .select((query) => query.fn.max("n").as("most"))
      .where("signature_id", "=", id)
      .executeTakeFirstOrThrow();
    const n = (most ?? 0) + 1;
    const report = sealValue(key, json(evidence.report), place(tenant, `report-${n}`, id));
    const { at, verdict, imprint } = evidence;
    const imprint_mac = imprint === undefined ? null : this.#imprintMac(imprint);
    const row = { signature_id: id, n, at, verdict, imprint_mac, report };
    await trx.insertInto("signature_evidence").values(row).execute();
  }

  /** Whether a signature was found good, or waited, for another request of the tenant: it settles one only. */
  async isSpent({ id, tenant }: Checked, imprint: string): Promise<boolean> {
    const found = await this.#db
      .selectFrom("signature_evidence")
      .innerJoin("signature", "signature.id", "signature_evidence.signature_id")
      .select("n")
      .where("imprint_mac", "=", this.#imprintMac(imprint))
      .where("verdict", "!=", "bad")
      .where("signature.tenant", "=", tenant)
      .where("signature_id", "!=", id)
      .limit(1)
      .executeTakeFirst();
    return found !== undefined;
  }

  /** Every check of a request, oldest first. */
  async of({ id, tenant, subject }: Checked, db: Kysely<Schema> = this.#db): Promise<Evidence[]> {
    const rows = await db
      .selectFrom("signature_evidence")
      .selectAll()
      .where("signature_id", "=", id)
      .orderBy("n")
      .execute();
    if (rows.length === 0) return [];
    const key = await this.#dataKeys.of(db, { tenant, subject });
    return rows.map(({ n, at, verdict, report }) => ({
      at,
      verdict,
      report: fromJson(openValue(key, report, place(tenant, `report-${n}`, id))),
    }));
  }

  // a plain hash of what is known but for a short document would let its content be guessed
  #imprintMac(imprint: string): string {
    return this.#keyring.hmac("signature-imprint", imprint);
  }
}

export const place = (tenant: string, column: string, row: string): EnvelopePlace => ({
  tenant,
  table: "signature",
  column,
  row,
});
export const json = (value: object): Uint8Array => Buffer.from(JSON.stringify(value));
export const fromJson = (bytes: Uint8Array): object => JSON.parse(Buffer.from(bytes).toString("utf8"));
