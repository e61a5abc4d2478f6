import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import { type Config, readConfig } from "../src/config.ts";
import { systemClock } from "../src/core/clock.ts";
import type { Keyring } from "../src/crypto/keyring.ts";
import { openKeyring } from "../src/key-encryption.ts";
import { type OpenDatabase, openDatabase } from "../src/store/database.ts";
import { Journal } from "../src/store/journal.ts";

/** What an operator's command works on. */
export interface OperatorGround {
  config: Config;
  store: OpenDatabase;
  keyring: Keyring;
  /** puts a deed of the operator on record; resolves before it may be done */
  record(deed: { action: string; tenant: string; resourceId: string }): Promise<void>;
}

/** Opens the gateway's store with the gateway's settings for one command of an operator, and closes it. */
export async function asOperator(work: (ground: OperatorGround) => Promise<number>): Promise<number> {
  const config = readConfig();
  const store = await openDatabase({ url: config.DATABASE_URL, dataDir: config.DATA_DIR });
  const keyring = await openKeyring(config, store.db);
  const journal = new Journal({ pool: store.pool, keyring });
  const record: OperatorGround["record"] = (deed) =>
    journal.append({
      ...deed,
      at: systemClock.now(),
      requestId: randomUUID(),
      actorKind: "operator",
      actorId: userInfo().username,
      ground: "HOPERAT",
      outcome: "ok",
    });
  try {
    return await work({ config, store, keyring, record });
  } finally {
    await journal.close();
    await store.close();
  }
}
