import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { openDatabase } from "../../src/store/database.ts";
import { sealJournal } from "../../src/store/journal-seal.ts";
import { verifyJournal } from "../../src/store/journal-verify.ts";
import { programArguments } from "../support/compiled.ts";
import { freshDatabase } from "../support/database.ts";

const writer = fileURLToPath(new URL("journal-writer.ts", import.meta.url));
const keyring = createKeyring(new Uint8Array(32).fill(4));

/** What the writer acknowledged before it was killed in the middle of its work. */
async function killedWriter(url: string, dataDir: string): Promise<string[]> {
  const child = spawn(process.execPath, [...programArguments(writer), url, dataDir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let acknowledged = "";
  child.stdout.on("data", (chunk) => {
    acknowledged += chunk;
    if (acknowledged.length > 20_000) child.kill("SIGKILL");
  });
  const [, signal] = await once(child, "close");
  expect(signal).toBe("SIGKILL");
  return acknowledged.split("\n").slice(0, -1);
}

it.each(["postgres", "pglite"])("no acknowledged row is lost by kill -9 on %s", async (engine) => {
  const dataDir = await mkdtemp(join(tmpdir(), "gateway-kill-"));
  const url = engine === "postgres" ? await freshDatabase() : "";
  try {
    const acknowledged = await killedWriter(url, dataDir);
    expect(acknowledged.length).toBeGreaterThan(500);
    const store = await openDatabase({ url: url || undefined, dataDir });
    const rows = await store.db.selectFrom("journal").select("row").execute();
    const kept = new Set(rows.map(({ row }) => (JSON.parse(row) as { requestId: string }).requestId));
    expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
    expect(kept.size).toBe(rows.length);
    await sealJournal({ db: store.db, keyring, clock: systemClock });
    expect(await verifyJournal({ db: store.db, keyring })).toMatchObject({
      ok: true,
      sealedRows: rows.length,
    });
    await store.close();
  } finally {
    await rm(dataDir, { recursive: true });
  }
});
