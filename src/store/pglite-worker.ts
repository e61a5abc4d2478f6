import { readFile } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";
import { PGlite, type PGliteOptions } from "@electric-sql/pglite";

/**
 * The embedded database in a thread of its own. It speaks PostgreSQL's wire protocol with the main thread:
 * a batch of bytes in, the server's bytes out, so that one driver serves both engines.
 * Messages: `null` opens a session, `"close"` ends the thread, bytes are a batch of protocol messages.
 */
const port = parentPort;
if (!port) throw new Error("pglite-worker runs only as a worker thread");
const { folder, seed, engine } = workerData as {
  folder: string;
  seed?: string;
  engine: PGliteOptions["pgliteWasmModule"];
};
const database = await PGlite.create(folder, {
  pgliteWasmModule: engine,
  ...(seed && { loadDataDir: new Blob([await readFile(seed)]) }),
});
let work: Promise<unknown> = Promise.resolve();

async function carryOut(message: Uint8Array | null | "close"): Promise<void> {
  if (message === "close") {
    await database.close();
    process.exit(0);
  }
  if (message === null) {
    // the previous session may have died inside a transaction
    await database.exec("rollback");
    await database.exec("discard all");
    return;
  }
  const answer = Uint8Array.from(await database.execProtocolRaw(message));
  port?.postMessage(answer, [answer.buffer]);
}

port.on("message", (message) => {
  work = work.then(() => carryOut(message));
});
port.postMessage("ready");
