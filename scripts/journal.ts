import { createWriteStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { readConfig } from "../src/config.ts";
import { systemClock } from "../src/core/clock.ts";
import { openKeyring } from "../src/key-encryption.ts";
import { openDatabase } from "../src/store/database.ts";
import { exportJournal } from "../src/store/journal-export.ts";
import type { ExportedHead } from "../src/store/journal-format.ts";
import { type SealerParts, sealJournal } from "../src/store/journal-seal.ts";
import { verifyJournal } from "../src/store/journal-verify.ts";

const usage = `usage: npm run journal -- verify [--head HEADS]
       npm run journal -- export [--out FILE] [--tenant OID]

verify  recomputes every hash; with --head also against heads published earlier (one of /.well-known/journal-head,
        or the lines of JOURNAL_HEADS_FILE). Exit 1 when something is wrong
export  seals and writes the journal as NDJSON; with --out also FILE.head.json, to be kept elsewhere.
        Check a file offline: node scripts/verify-journal-export.mjs FILE [--head HEAD.json]
The settings are those of the gateway; an embedded database must not be in use by a running gateway.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { head: { type: "string" }, out: { type: "string" }, tenant: { type: "string" } },
});

/** One head in a file of its own, or the lines of JOURNAL_HEADS_FILE. */
const headsIn = (text: string): ExportedHead[] =>
  text.trimStart().startsWith("{\n")
    ? [JSON.parse(text)]
    : text.split("\n").flatMap((line) => (line.trim() ? [JSON.parse(line) as ExportedHead] : []));

async function verify(parts: SealerParts): Promise<number> {
  const exported = values.head ? headsIn(await readFile(values.head, "utf8")) : undefined;
  const { ok, finding, sealedRows, unsealedRows, listedRows, head } = await verifyJournal({
    ...parts,
    exported,
  });
  const sealedAt = head.position ? new Date(head.at).toISOString() : "never";
  const rows = `${sealedRows} sealed rows, ${listedRows} of them listed, ${unsealedRows} not sealed yet`;
  if (ok) console.log(`ok: ${rows}, last seal ${sealedAt}`);
  else console.error(`broken${finding?.row ? ` at row ${finding.row}` : ""}: ${finding?.reason}`);
  return ok ? 0 : 1;
}

async function writeExport(parts: SealerParts): Promise<number> {
  await sealJournal(parts);
  let last = "";
  async function* text() {
    for await (const line of exportJournal({ ...parts, tenant: values.tenant })) {
      last = line;
      yield `${line}\n`;
    }
  }
  if (!values.out) {
    await pipeline(text, process.stdout, { end: false });
    return 0;
  }
  await pipeline(text, createWriteStream(values.out));
  const { head } = JSON.parse(last) as { head: ExportedHead };
  await writeFile(`${values.out}.head.json`, `${JSON.stringify(head)}\n`);
  console.error(`${head.rows} rows in ${values.out}; keep ${values.out}.head.json elsewhere`);
  return 0;
}

async function main(): Promise<number> {
  const commands: Record<string, (parts: SealerParts) => Promise<number>> = { verify, export: writeExport };
  const command = commands[positionals.join(" ")];
  if (!command) {
    console.error(usage);
    return 2;
  }
  const config = readConfig();
  const store = await openDatabase({ url: config.DATABASE_URL, dataDir: config.DATA_DIR });
  try {
    return await command({
      db: store.db,
      keyring: await openKeyring(config, store.db),
      clock: systemClock,
    });
  } finally {
    await store.close();
  }
}

process.exitCode = await main();
