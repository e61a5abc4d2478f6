import { createHash } from "node:crypto";
import type { Kysely, Selectable } from "kysely";
import type { Keyring } from "../crypto/keyring.ts";
import type { Schema } from "./schema.ts";

/** A certificate that a person signs with; times in clock milliseconds. */
export interface SigningCertificate {
  person: string;
  /** SHA-256 of the certificate, in hex */
  fingerprint: string;
  notAfter: number;
  boundAt: number;
  /** the person reported the loss of its key */
  lostAt?: number;
  /** the person confirmed it by a code; absent: it waits (E-09) */
  activatedAt?: number;
  /** the last notice before its end was for so many days */
  noticedDays?: number;
  der: Uint8Array;
  /** where notices go */
  contact?: { channel: "sms" | "email"; address: string };
}

interface LostKey extends Pick<SigningCertificate, "person" | "fingerprint"> {
  at: number;
}

const domain = "signing-certificate";

export const fingerprintOf = (der: Uint8Array): string => createHash("sha256").update(der).digest("hex");

/** Certificates of workers, sealed: a certificate names its owner's СНИЛС. */
export class SigningCertificateStore {
  readonly #db: Kysely<Schema>;
  readonly #keyring: Keyring;

  constructor({ db, keyring }: { db: Kysely<Schema>; keyring: Keyring }) {
    this.#db = db;
    this.#keyring = keyring;
  }

  /** Binds a certificate to a person; one that is bound already, or was lost, stays as it is. */
  async bind(
    fresh: Pick<SigningCertificate, "person" | "notAfter" | "boundAt" | "der" | "contact">,
    db: Kysely<Schema> = this.#db,
  ): Promise<void> {
    const { person, notAfter, boundAt, der, contact } = fresh;
    const fingerprint = fingerprintOf(der);
    const place = `${person} ${fingerprint}`;
    const certificate = this.#keyring.seal(domain, der, place);
    const reach =
      contact && this.#keyring.seal(domain, Buffer.from(JSON.stringify(contact)), `contact ${place}`);
    await db
      .insertInto("signing_certificate")
      .values({
        person,
        fingerprint,
        not_after: notAfter,
        bound_at: boundAt,
        certificate,
        contact: reach ?? null,
      })
      .onConflict((conflict) => conflict.columns(["person", "fingerprint"]).doNothing())
      .execute();
  }

  /** A person's certificates, newest first. */
  async of(person: string, db: Kysely<Schema> = this.#db): Promise<SigningCertificate[]> {
    const rows = await db
      .selectFrom("signing_certificate")
      .selectAll()
      .where("person", "=", person)
      .orderBy("bound_at", "desc")
      .orderBy("fingerprint")
      .execute();
    return rows.map((row) => this.#opened(row));
  }

  /** When a person last lost a key and last confirmed a certificate that is not lost: one row, a card waits for it. */
  async lossOf(person: string): Promise<{ lostAt?: number; activatedAt?: number }> {
    const { lost, activated } = await this.#db
      .selectFrom("signing_certificate")
      .select(({ fn }) => [
        fn.max("lost_at").as("lost"),
        fn.max("activated_at").filterWhere("lost_at", "is", null).as("activated"),
      ])
      .where("person", "=", person)
      .executeTakeFirstOrThrow();
    return {
      ...(lost !== null && { lostAt: Number(lost) }),
      ...(activated !== null && { activatedAt: Number(activated) }),
    };
  }

  /** Certificates in use that end before a moment. */
  async endingBefore(moment: number): Promise<SigningCertificate[]> {
    const rows = await this.#db
      .selectFrom("signing_certificate")
      .selectAll()
      .where("lost_at", "is", null)
      .where("not_after", "<", moment)
      .orderBy("not_after")
      .execute();
    return rows.map((row) => this.#opened(row));
  }

  /** When the first certificate in use ends that has not ended yet; undefined when there is none. */
  async firstEnd(now: number): Promise<number | undefined> {
    const { first } = await this.#db
      .selectFrom("signing_certificate")
      .select((query) => query.fn.min("not_after").as("first"))
      .where("lost_at", "is", null)
      .where("not_after", ">=", now)
      .executeTakeFirstOrThrow();
    return first === null ? undefined : Number(first);
  }

  /** The owner has confirmed it, in the caller's transaction. */
  async activate(
    trx: Kysely<Schema>,
    { person, fingerprint }: Pick<SigningCertificate, "person" | "fingerprint">,
    at: number,
  ): Promise<void> {
    await trx
      .updateTable("signing_certificate")
      .set({ activated_at: at })
      .where("person", "=", person)
      .where("fingerprint", "=", fingerprint)
      .execute();
  }

  /** The key is lost: from the commit on nothing signed with it is accepted. False when there is no such certificate. */
  async lose(trx: Kysely<Schema>, { person, fingerprint, at }: LostKey): Promise<boolean> {
    const { numUpdatedRows } = await trx
      .updateTable("signing_certificate")
      .set({ lost_at: at })
      .where("person", "=", person)
      .where("fingerprint", "=", fingerprint)
      .where("lost_at", "is", null)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Notes a notice and sends it in one transaction; false when another replica has just done so. */
  async notice(
    { person, fingerprint, noticedDays }: SigningCertificate,
    days: number,
    send: (trx: Kysely<Schema>) => Promise<unknown>,
  ): Promise<boolean> {
    return this.#db.transaction().execute(async (trx) => {
      const { numUpdatedRows } = await trx
        .updateTable("signing_certificate")
        .set({ noticed_days: days })
        .where("person", "=", person)
        .where("fingerprint", "=", fingerprint)
        .where("noticed_days", noticedDays === undefined ? "is" : "=", noticedDays ?? null)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return false;
      await send(trx);
      return true;
    });
  }

  #opened(row: Selectable<Schema["signing_certificate"]>): SigningCertificate {
    const { person, fingerprint } = row;
    const place = `${person} ${fingerprint}`;
    const contact = row.contact && this.#keyring.open(domain, row.contact, `contact ${place}`);
    return {
      person,
      fingerprint,
      notAfter: row.not_after,
      boundAt: row.bound_at,
      lostAt: row.lost_at ?? undefined,
      activatedAt: row.activated_at ?? undefined,
      noticedDays: row.noticed_days ?? undefined,
      der: this.#keyring.open(domain, row.certificate, place),
      contact: contact ? JSON.parse(Buffer.from(contact).toString("utf8")) : undefined,
    };
  }
}
