import type { Kysely } from "kysely";
import type { Keyring } from "../crypto/keyring.ts";
import type { Schema } from "./schema.ts";

/** Under what circumstances somebody signed in; kept sealed. */
export interface Circumstances {
  /** network address */
  address: string;
  /** browser and system family */
  browser: string;
  kind: "worker" | "citizen";
  /** ways of authentication as ESIA names them */
  amr: string;
  /** ESIA has asked for two factors since 2023 and marks nothing in its tokens */
  secondFactor: "assumed";
}

export interface SignInRecord {
  sessionId: string;
  /** keyed hash of the person */
  owner: string;
  /** clock milliseconds */
  at: number;
  deviceHash: string;
  circumstances: Circumstances;
}

/** A sign-in from a device that the person had not used before, not seen by them yet. */
export type DeviceNotice = Pick<SignInRecord, "sessionId" | "at" | "circumstances">;

const domain = "sign-in";

/** Who signed in when, from what device (L-54, L-56). */
export class SignIns {
  readonly #db: Kysely<Schema>;
  readonly #keyring: Keyring;

  constructor(parts: { db: Kysely<Schema>; keyring: Keyring }) {
    this.#db = parts.db;
    this.#keyring = parts.keyring;
  }

  /**
   * Records a sign-in; true when it came from a new device (a person's first device is not news), which `tell` then
   * hears of in the same transaction.
   */
  record(signIn: SignInRecord, tell: (trx: Kysely<Schema>) => Promise<unknown>): Promise<boolean> {
    return this.#db.transaction().execute(async (trx) => {
      const isNew = await this.#write(trx, signIn);
      if (isNew) await tell(trx);
      return isNew;
    });
  }

  async #write(
    trx: Kysely<Schema>,
    { sessionId, owner, at, deviceHash, circumstances }: SignInRecord,
  ): Promise<boolean> {
    const devices = await trx
      .selectFrom("sign_in")
      .select("device_hash")
      .distinct()
      .where("owner", "=", owner)
      .execute();
    const isNew = devices.length > 0 && devices.every(({ device_hash }) => device_hash !== deviceHash);
    const plain = Buffer.from(JSON.stringify(circumstances));
    await trx
      .insertInto("sign_in")
      .values({
        session_id: sessionId,
        owner,
        at,
        device_hash: deviceHash,
        new_device: isNew,
        circumstances: this.#keyring.seal(domain, plain, sessionId),
      })
      .execute();
    return isNew;
  }

  /** Unseen notices about new devices, newest first. */
  async notices(owner: string): Promise<DeviceNotice[]> {
    const rows = await this.#db
      .selectFrom("sign_in")
      .select(["session_id", "at", "circumstances"])
      .where("owner", "=", owner)
      .where("new_device", "=", true)
      .where("seen_at", "is", null)
      .orderBy("at", "desc")
      .limit(20)
      .execute();
    return rows.map(({ session_id, at, circumstances }) => ({
      sessionId: session_id,
      at,
      circumstances: this.#opened(session_id, circumstances),
    }));
  }

  /** The person has seen the notices up to `until` (clock milliseconds). */
  async acknowledge(owner: string, until: number): Promise<void> {
    await this.#db
      .updateTable("sign_in")
      .set({ seen_at: until })
      .where("owner", "=", owner)
      .where("at", "<=", until)
      .where("seen_at", "is", null)
      .execute();
  }

  #opened(sessionId: string, sealed: Uint8Array): Circumstances {
    return JSON.parse(Buffer.from(this.#keyring.open(domain, sealed, sessionId)).toString("utf8"));
  }
}
