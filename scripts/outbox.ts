import { parseArgs } from "node:util";
import { systemClock } from "../src/core/clock.ts";
import { type MessageFilter, type MessageRow, OutboxDesk } from "../src/store/outbox-desk.ts";
import { asOperator, type OperatorGround } from "./operator.ts";

const usage = `usage: npm run outbox -- list [FILTER] [--state dead|pending|delivered]
       npm run outbox -- show ID
       npm run outbox -- replay ID...|FILTER|--all [--rate N] [--dry-run]
       npm run outbox -- bury ID...|FILTER [--dry-run]

FILTER  --system S  --kind K  --code C (of the last failure)  --since T  --before T (written; 2026-11-21T09:00:00Z)
        --limit N (1000)

list    messages to other systems, the oldest first; dead ones unless --state says otherwise
show    one of them; no command prints what is in a message
replay  makes dead messages due again, N a second (10), under their old deduplication ids
bury    puts pending messages aside
--dry-run shows what replay and bury would touch. Each message touched is a row of the journal, written beforehand.
The settings are those of the gateway; an embedded database must not be in use by a running gateway.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    system: { type: "string" },
    kind: { type: "string" },
    code: { type: "string" },
    state: { type: "string" },
    since: { type: "string" },
    before: { type: "string" },
    limit: { type: "string", default: "1000" },
    rate: { type: "string", default: "10" },
    all: { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
  },
});

class WrongUse extends Error {}

interface Ground extends Pick<OperatorGround, "record"> {
  desk: OutboxDesk;
}

function time(name: "since" | "before"): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new WrongUse(`--${name} takes a moment such as 2026-11-21T09:00:00Z`);
  return at;
}

function positive(name: "limit" | "rate"): number {
  const number = Number(values[name]);
  if (!(number > 0)) throw new WrongUse(`--${name} takes a number above 0`);
  return number;
}

function filterOf(state: MessageRow["state"], ids: readonly string[]): MessageFilter {
  const { system, kind, code } = values;
  const filter = { system, kind, code, since: time("since"), before: time("before") };
  return { ...filter, state, limit: positive("limit"), ...(ids.length > 0 && { ids }) };
}

const hasChoice = (ids: readonly string[]): boolean =>
  ids.length > 0 || [values.system, values.kind, values.code, values.since, values.before].some(Boolean);

function line(row: MessageRow): string {
  const { id, system, kind, state, attempts, lastError } = row;
  const written = new Date(row.createdAt).toISOString();
  return [id, written, `${system}/${kind}`, state, `${attempts} attempts`, lastError ?? ""]
    .join("  ")
    .trimEnd();
}

async function list({ desk }: Ground): Promise<void> {
  const states = ["dead", "pending", "delivered"] as const;
  const state = states.find((known) => known === (values.state ?? "dead"));
  if (!state) throw new WrongUse(`--state is one of ${states.join(", ")}`);
  for (const row of await desk.list(filterOf(state, []))) console.log(line(row));
}

async function show({ desk }: Ground, [id = ""]: readonly string[]): Promise<void> {
  const [row] = await desk.list({ ids: [id], limit: 1 });
  if (!row) throw new WrongUse("no such message");
  console.log(line(row));
  console.log(`tenant ${row.tenant}, deduplication id ${row.deduplicationId}`);
  if (row.state === "pending") console.log(`not before ${new Date(row.dueAt).toISOString()}`);
  if (row.finishedAt !== undefined) console.log(`finished ${new Date(row.finishedAt).toISOString()}`);
}

async function replay(ground: Ground, ids: readonly string[]): Promise<void> {
  if (!hasChoice(ids) && !values.all) throw new WrongUse("name messages, a filter or --all");
  const pauseMs = 1_000 / positive("rate");
  let place = 0;
  await touch(ground, filterOf("dead", ids), "replay", ({ id }) =>
    ground.desk.replay(id, Math.round(place++ * pauseMs)),
  );
}

async function bury(ground: Ground, ids: readonly string[]): Promise<void> {
  if (!hasChoice(ids)) throw new WrongUse("name messages or a filter");
  await touch(ground, filterOf("pending", ids), "bury", ({ id }) => ground.desk.bury(id));
}

/** What is done to a message is on record before it happens. */
async function touch(
  { desk, record }: Ground,
  filter: MessageFilter,
  action: "replay" | "bury",
  change: (row: MessageRow) => Promise<boolean>,
): Promise<void> {
  const rows = await desk.list(filter);
  let touched = 0;
  for (const row of rows) {
    console.log(line(row));
    if (values["dry-run"]) continue;
    await record({ action: `${action} outbox message`, tenant: row.tenant, resourceId: row.id });
    if (await change(row)) touched++;
  }
  console.log(
    values["dry-run"] ? `dry run: ${rows.length} would be touched` : `${touched} of ${rows.length} touched`,
  );
}

async function main(): Promise<number> {
  const commands: Record<string, (ground: Ground, ids: readonly string[]) => Promise<void>> = {
    list,
    show,
    replay,
    bury,
  };
  const [name = "", ...ids] = positionals;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    console.error(usage);
    return 2;
  }
  try {
    return await asOperator(async ({ store, record }) => {
      await command({ desk: new OutboxDesk({ db: store.db, clock: systemClock }), record }, ids);
      return 0;
    });
  } catch (error) {
    if (!(error instanceof WrongUse)) throw error;
    console.error(error.message);
    return 2;
  }
}

process.exitCode = await main();
