import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Config, readConfig } from "../src/config.ts";
import { systemClock } from "../src/core/clock.ts";
import { isGatewayError } from "../src/core/errors.ts";
import { openKeyProvider, openKeyring } from "../src/key-encryption.ts";
import { DataKeys } from "../src/store/data-keys.ts";
import { type OpenDatabase, openDatabase } from "../src/store/database.ts";
import type { ExportedHead } from "../src/store/journal-format.ts";
import { currentHead } from "../src/store/journal-seal.ts";
import { verifyJournal } from "../src/store/journal-verify.ts";
import { type ResourceKey, ResourceStore } from "../src/store/resources.ts";

const usage = `usage: npm run restore-drill -- --into URL [--backup FILE]

Restores a backup into the empty database URL and reads all of it with the keys of today: the journal's chain, and every
version of every resource and document. Without --backup one is made of DATABASE_URL first (pg_dump), and nothing that
was there may be missing. Exit 1 when something is lost or does not open. URL is left as it is: drop it afterwards.`;

const { values } = parseArgs({ options: { into: { type: "string" }, backup: { type: "string" } } });

/** What the live database held just before its backup. */
interface Known {
  head: ExportedHead;
  versions: number;
}

async function opened<T>(config: Config, url: string, work: (ground: Ground) => Promise<T>): Promise<T> {
  const store = await openDatabase({ url, dataDir: "" });
  try {
    return await work({ store, keyring: await openKeyring(config, store.db) });
  } finally {
    await store.close();
  }
}

interface Ground {
  store: OpenDatabase;
  keyring: Awaited<ReturnType<typeof openKeyring>>;
}

const countOf = async ({ db }: OpenDatabase): Promise<number> => {
  const counted = db.selectFrom("resource_history").select(({ fn }) => fn.countAll<number>().as("count"));
  return Number((await counted.executeTakeFirstOrThrow()).count);
};

/** Runs a program of PostgreSQL on a database; its password stands in no process list. */
function postgres(program: string, url: string, args: readonly string[]): void {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const connection = {
    PGHOST: hostname,
    PGPORT: port || "5432",
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: pathname.slice(1),
    PGSSLMODE: searchParams.get("sslmode") ?? "prefer",
  };
  const { status, stderr, error } = spawnSync(program, args, {
    env: { ...process.env, ...connection },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${program}: ${error?.message ?? stderr.trim()}`);
}

const batchSize = 500;

/** Versions that open, and those that were shredded; throws at the first that is neither. */
async function readAll(config: Config, { store: { db }, keyring }: Ground) {
  const keys = await openKeyProvider(config, { keyring, clock: systemClock });
  const dataKeys = new DataKeys({ keys, clock: systemClock });
  const resources = new ResourceStore({ dataKeys, clock: systemClock });
  const counts = { opened: 0, shredded: 0 };
  for (let after = 0; ; ) {
    const batch = await db
      .selectFrom("resource_history")
      .select(["tenant", "type", "id", "version", "sequence"])
      .where("sequence", ">", after)
      .orderBy("sequence")
      .limit(batchSize)
      .execute();
    for (const key of batch) counts[await standing(() => resources.version(db, key), key)]++;
    const last = batch.at(-1);
    if (!last) return counts;
    after = last.sequence;
  }
}

async function standing(read: () => Promise<unknown>, key: ResourceKey & { version: number }) {
  try {
    await read();
    return "opened";
  } catch (cause) {
    if (isGatewayError(cause) && cause.code === "gone") return "shredded";
    throw new Error(`${key.type}/${key.id}/_history/${key.version} does not open`, { cause });
  }
}

async function drill(config: Config, live: string, into: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "restore-drill-"));
  try {
    let known: Known | undefined;
    let backup = values.backup;
    if (backup === undefined) {
      backup = join(folder, "backup");
      known = await opened(config, live, async ({ store, keyring }) => ({
        head: await currentHead({ db: store.db, keyring }),
        versions: await countOf(store),
      }));
      postgres("pg_dump", live, ["--format=custom", "--no-owner", `--file=${backup}`]);
    }
    postgres("pg_restore", into, [
      "--exit-on-error",
      "--no-owner",
      `--dbname=${new URL(into).pathname.slice(1)}`,
      backup,
    ]);
    await opened(config, into, (ground) => judge(config, ground, known));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function judge(config: Config, ground: Ground, known: Known | undefined): Promise<void> {
  const { store, keyring } = ground;
  const exported = known && [known.head];
  const { ok, finding, sealedRows, unsealedRows } = await verifyJournal({ db: store.db, keyring, exported });
  if (!ok) throw new Error(`the journal is broken: ${finding?.reason}`);
  const versions = await readAll(config, ground);
  const lost = (known?.versions ?? 0) - (versions.opened + versions.shredded);
  if (lost > 0) throw new Error(`${lost} versions of resources are missing`);
  console.log(`journal: ${sealedRows + unsealedRows} rows verified`);
  console.log(`resources: ${versions.opened} versions open, ${versions.shredded} shredded`);
}

const config = readConfig();
if (!values.into || !config.DATABASE_URL || values.into === config.DATABASE_URL) {
  console.error(usage);
  process.exitCode = 2;
} else {
  try {
    await drill(config, config.DATABASE_URL, values.into);
    console.log("the backup can be restored");
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
