import { createKeyring } from "../../src/crypto/keyring.ts";
import { openDatabase } from "../../src/store/database.ts";
import { Journal } from "../../src/store/journal.ts";
import { rowOf } from "./journal-rows.ts";

/** A process to be killed: appends without end from twenty callers and prints each row once it is acknowledged. */
const [url, dataDir = ""] = process.argv.slice(2);
const store = await openDatabase({ url: url || undefined, dataDir });
const journal = new Journal({ pool: store.pool, keyring: createKeyring(new Uint8Array(32).fill(4)) });
let next = 0;

async function caller(): Promise<void> {
  for (;;) {
    const n = next++;
    await journal.append(rowOf(n));
    process.stdout.write(`request-${n}\n`);
  }
}
await Promise.all(Array.from({ length: 20 }, caller));
