import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import { parseArgs } from "node:util";
import { failedMessageLimits, readConfig } from "../src/config.ts";
import { systemClock } from "../src/core/clock.ts";
import { createKeyring } from "../src/crypto/keyring.ts";
import { masterKeyOf } from "../src/generated-keys.ts";
import { openDatabase } from "../src/store/database.ts";
import { type FailedMessageRow, FailedMessages } from "../src/store/failed-messages.ts";
import { Journal } from "../src/store/journal.ts";

const usage = `usage: npm run failures -- list
       npm run failures -- show ID [--reveal]
       npm run failures -- purge [--before 2026-11-21T09:00:00Z]

list   answers of external systems that could not be mapped, the newest first
show   one of them: its places and trace. --reveal also prints the answer itself, which holds personal data;
       that is written into the journal first
purge  deletes those past their retention (FAILED_MESSAGE_DAYS), or older than --before
The settings are those of the gateway; an embedded database must not be in use by a running gateway.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { reveal: { type: "boolean", default: false }, before: { type: "string" } },
});

interface Ground {
  messages: FailedMessages;
  journal: Journal;
}

async function list({ messages }: Ground): Promise<number> {
  for (const row of await messages.list()) console.log(line(row));
  return 0;
}

function line(row: FailedMessageRow): string {
  const place = row.map === null ? "" : `${row.map}:${row.line} `;
  const paths = [row.source_path, row.target_path].filter((path) => path).join(" -> ");
  const at = new Date(row.at).toISOString();
  return `${row.id}  ${at}  ${row.system}/${row.operation}  ${row.code}  ${place}${paths}`;
}

async function show({ messages, journal }: Ground, id = ""): Promise<number> {
  const found = await messages.open(id);
  if (!found) {
    console.error("no such message");
    return 1;
  }
  const { row, trace, answer } = found;
  console.error(line(row));
  console.error(`request ${row.request_id}, tenant ${row.tenant}, ${row.bytes} bytes`);
  for (const step of trace) console.error(`  ${step}`);
  if (!values.reveal) return 0;
  // who saw the answer is on record before it is shown
  await journal.append({
    at: systemClock.now(),
    tenant: row.tenant,
    requestId: randomUUID(),
    actorKind: "operator",
    actorId: userInfo().username,
    action: "reveal failed message",
    resourceId: row.id,
    ground: "HOPERAT",
    outcome: "ok",
  });
  process.stdout.write(answer);
  return 0;
}

async function purge({ messages }: Ground): Promise<number> {
  const before = values.before === undefined ? undefined : Date.parse(values.before);
  if (Number.isNaN(before)) {
    console.error("--before takes a moment such as 2026-11-21T09:00:00Z");
    return 2;
  }
  console.log(`${await messages.purge(before)} deleted`);
  return 0;
}

async function main(): Promise<number> {
  const commands: Record<string, (ground: Ground, id?: string) => Promise<number>> = { list, show, purge };
  const [name = "", id] = positionals;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    console.error(usage);
    return 2;
  }
  const config = readConfig();
  const store = await openDatabase({ url: config.DATABASE_URL, dataDir: config.DATA_DIR });
  const keyring = createKeyring(masterKeyOf(config));
  const journal = new Journal({ pool: store.pool, keyring });
  const limits = failedMessageLimits(config);
  try {
    const messages = new FailedMessages({ db: store.db, keyring, clock: systemClock, ...limits });
    return await command({ messages, journal }, id);
  } finally {
    await journal.close();
    await store.close();
  }
}

process.exitCode = await main();
