import { cpus, tmpdir } from "node:os";
import { openDatabase } from "../src/store/database.ts";
import { startPostgres } from "../test/support/postgres-server.ts";
import { decisionMicros, factMicros } from "./trust/decisions.ts";
import { durableFigures } from "./trust/durable.ts";
import { encryptionCost } from "./trust/encryption.ts";
import { longJournalFigures } from "./trust/long-journal.ts";
import { verificationsPerSecond } from "./trust/verification.ts";

/** What trust costs: decisions, their facts, the journal, changes done once, signatures, encryption. */
export async function run({ json }: { json: boolean }): Promise<void> {
  const postgres = await startPostgres();
  const store = await openDatabase({ url: postgres.url, dataDir: tmpdir(), statementTimeoutMs: 300_000 });
  try {
    const result = {
      decideMicros: await decisionMicros(),
      factsMicros: await factMicros(store),
      durable: await durableFigures(store),
      verificationsPerSecond: await verificationsPerSecond(),
      encryption: await encryptionCost(store),
      longJournal: await longJournalFigures(store),
      machine: `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, PostgreSQL 15 with fsync`,
    };
    if (json) console.log(JSON.stringify(result));
    else console.dir(result, { depth: 5 });
  } finally {
    await store.close();
    await postgres.remove();
  }
}
