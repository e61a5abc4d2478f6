import { parseArgs } from "node:util";
import { failedMessageLimits } from "../src/config.ts";
import { systemClock } from "../src/core/clock.ts";
import { type FailedMessageRow, FailedMessages } from "../src/store/failed-messages.ts";
import { asOperator, type OperatorGround } from "./operator.ts";

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

interface Ground extends Pick<OperatorGround, "record"> {
  messages: FailedMessages;
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

async function show({ messages, record }: Ground, id = ""): Promise<number> {
  const found = await messages.open(id);
  if (!found) {
    console.error("no such message");
    return 1;
  }
  const { row, trace, written = [], answer } = found;
  console.error(line(row));
  console.error(`request ${row.request_id}, tenant ${row.tenant}, ${row.bytes} bytes`);
  for (const step of trace) console.error(`  ${step}`);
  if (written.length > 0) console.error("written before that:");
  for (const entry of written) console.error(`  ${entry}`);
  if (!values.reveal) return 0;
  // who saw the answer is on record before it is shown
  await record({ action: "reveal failed message", tenant: row.tenant, resourceId: row.id });
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
  return asOperator(({ config, store, keyring, record }) => {
    const limits = failedMessageLimits(config);
    const messages = new FailedMessages({ db: store.db, keyring, clock: systemClock, ...limits });
    return command({ messages, record }, id);
  });
}

process.exitCode = await main();
