/**
 * `npm run canary -- [--people N] [--plant] [--embedded]`: drives invented people through a gateway of its own, errors
 * included, every route included, a medical card of each included, and looks for them in whatever is not theirs: logs,
 * spans, metrics, URLs, headers, error bodies, notifications, Redis, a dump of PostgreSQL or the embedded database's tables,
 * and the data folder. A route that was not reached fails the run. The last line is `leaks: 0`; `--plant` leaks on purpose
 * and must be found out.
 */
import { once } from "node:events";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import type { Route } from "../src/plugins/route-table.ts";
import { openDatabase } from "../src/store/database.ts";
import { actingWorker, snilsOf } from "../test/support/acting.ts";
import { startApp } from "../test/support/app.ts";
import { programArguments } from "../test/support/compiled.ts";
import { freshDatabase } from "../test/support/database.ts";
import { startGateway } from "../test/support/gateway.ts";
import { startPostgres } from "../test/support/postgres-server.ts";
import { startRedis } from "../test/support/redis-server.ts";
import { driveClient, driveFaults, drivePerson, driveRoutes, type Outgoing } from "./canary-calls.ts";
import { type CardDoors, cardTokens, driveCard, heardOf, subscribe } from "./canary-card.ts";
import { driveCitizen } from "./canary-citizen.ts";
import { type Canary, releaseCanaries, secretsOf } from "./canary-people.ts";
import { callsOf, unreached } from "./canary-routes.ts";
import { type Leak, LeakSearch } from "./canary-search.ts";
import { dumpOf, filesOf, redisContent, tablesContent } from "./canary-stores.ts";

const { values: options } = parseArgs({
  options: {
    people: { type: "string", default: "1000" },
    plant: { type: "boolean", default: false },
    embedded: { type: "boolean", default: false },
  },
});
const count = Number(options.people);
const most = { faults: 6, signIns: 20 };
const atOnce = 8;
const started = Date.now();

const folder = await mkdtemp(join(tmpdir(), "canary-"));
const logFile = join(folder, "gateway.log");
const redis = await startRedis().catch(() => undefined);
const database = options.embedded ? undefined : await sharedDatabase();
const collector = await startCollector();
const routes = await routeTable();
const gateway = await startGateway(
  {
    LOG_LEVEL: "debug",
    TRACE_RATIO: "1",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    RATE_LIMIT_PER_MINUTE: "1000000",
    REFUSALS_PER_MINUTE: "1000000",
    SIGN_IN_PER_MINUTE: "1000000",
    // a busy machine is no reason to refuse, nor to run out of time
    OVERLOAD_MS: "60000",
    TOKEN_SECONDS: "86400",
    // the copy of ФРМР holds workers' names as the register publishes them, where it would hide a leak of the same name
    REGISTRY_COPIES: "frmo",
    ...(redis && { REDIS_URL: redis.url }),
    ...(database && { DATABASE_URL: database.url }),
  },
  ["bash", "-c", `exec "$@" >>"${logFile}" 2>&1`, "", process.execPath, ...programArguments("src/main.ts")],
);
const dataFolder = String(gateway.environment.DATA_DIR);
const leaks: Leak[] = [];
// of 19 digits, in which some person's number stands by chance once in a few runs
const instants = /"\w*TimeUnixNano":"\d+"/gi;
let missed: string[] = [];
try {
  const canaries = await releaseCanaries(gateway.sandboxUrl, count + most.faults);
  const secrets = new LeakSearch(canaries.flatMap(secretsOf));
  const outgoing: Outgoing = (place, text) => void leaks.push(...secrets.search(place, Buffer.from(text)));
  await drive(canaries, outgoing);
  if (options.plant) await plant(canaries);
  const metrics = await (await fetch(`http://127.0.0.1:${gateway.environment.METRICS_PORT}/metrics`)).text();
  outgoing("metrics", metrics);
  missed = unreached(routes, metrics);
  if (redis)
    for (const [key, bytes] of await redisContent(redis.url)) {
      outgoing("redis key", key);
      leaks.push(...secrets.search("redis", bytes));
    }
  await gateway.server.stop();
  if (collector.spans.length === 0) throw new Error("no span was exported");
  for (const bytes of collector.spans)
    leaks.push(...secrets.search("spans", Buffer.from(bytes.toString().replace(instants, ""))));
  if (database)
    for (const bytes of await dumpOf(database.url))
      leaks.push(...secrets.search("dump of PostgreSQL", bytes));
  else for (const [table, rows] of await tablesContent(dataFolder)) outgoing(`table ${table}`, rows);
  for (const root of [dataFolder, folder])
    for (const file of await filesOf(root)) leaks.push(...secrets.search(file, await readFile(file)));
  report(canaries.length);
} finally {
  await gateway.remove();
  await database?.close();
  await redis?.server.stop();
  collector.close();
  await rm(folder, { recursive: true, force: true });
}

async function drive(canaries: readonly Canary[], outgoing: Outgoing) {
  const people = canaries.slice(0, count);
  const share = Math.max(4, Math.ceil((2 * routes.length) / people.length));
  const door = { url: gateway.url, config: { DATA_DIR: dataFolder } };
  const cards: CardDoors = {
    gateway,
    outgoing,
    doctor: await actingWorker(door, snilsOf.doctor),
    stranger: await actingWorker(door, snilsOf.nurse),
  };
  const patients = new Map<Canary, string>();
  const token = await gateway.token("system/*.cruds");
  const tokens = await cardTokens(cards);
  await subscribe(cards, tokens, "canary");
  for (let start = 0; start < people.length; start += atOnce) {
    const some = people.slice(start, start + atOnce);
    await Promise.all(
      some.map(async (canary, index) => {
        await driveClient(gateway, token, canary, outgoing);
        patients.set(canary, await driveCard(cards, tokens, canary));
        const calls = callsOf(routes, canary);
        const from = ((start + index) * share) % calls.length;
        const own = [...calls, ...calls].slice(from, from + share);
        await driveRoutes(gateway, { authorization: `Bearer ${token}` }, own, outgoing);
      }),
    );
  }
  const members = people.slice(0, most.signIns);
  for (const canary of members) {
    const patient = patients.get(canary) ?? "";
    await driveCitizen({ ...cards, store: database?.db }, tokens, { canary, patient });
    await drivePerson(gateway, canary, outgoing, callsOf(canary === members[0] ? routes : [], canary));
  }
  await heardOf(cards, "canary");
  // last: ФРМР is held for down afterwards
  await driveFaults(gateway, token, canaries.slice(count), outgoing);
}

/** PostgreSQL of the test run, or one of its own; undefined where there is none: the embedded database then. */
async function sharedDatabase() {
  const own = process.env.TEST_DATABASE_URL ? undefined : await startPostgres().catch(() => undefined);
  if (!own && !process.env.TEST_DATABASE_URL) return undefined;
  const url = own ? own.url : await freshDatabase();
  const { db, close } = await openDatabase({ url, dataDir: "" });
  const closeBoth = async () => {
    await close();
    await own?.remove();
  };
  return { url, db, close: closeBoth };
}

/** The routes of the same product in this process. */
async function routeTable(): Promise<Route[]> {
  const app = await startApp();
  await app.close();
  return [...app.app.routeTable];
}

/** Takes what the gateway exports of its traces. */
async function startCollector() {
  const spans: Buffer[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      spans.push(request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body);
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, spans, close: () => server.close() };
}

/** Leaks as they would happen: encoded in a log line, as hex in a file, in the address that a span names. */
async function plant([first]: readonly Canary[]): Promise<void> {
  if (!first) return;
  const { person, card } = first;
  const { family, snils } = person;
  await appendFile(logFile, `${Buffer.from(`?${family}`).toString("base64")}\n`);
  await writeFile(join(dataFolder, "planted"), Buffer.from(snils).toString("hex"));
  await database?.db.updateTable("consent_fact").set({ organization: card.diagnosis }).execute();
  collector.spans.push(Buffer.from(`{"url.path":"/fhir/Patient?name=${encodeURIComponent(family)}"}`));
}

function report(people: number): void {
  const byPlace = new Map<string, Leak[]>();
  for (const leak of leaks) {
    const place = `${leak.place} (${leak.form})`;
    byPlace.set(place, [...(byPlace.get(place) ?? []), leak]);
  }
  for (const [place, { length, 0: first }] of byPlace)
    console.log(`leak in ${place}: ${length}\n  the first after ${JSON.stringify(first?.before)}`);
  for (const route of missed) console.log(`not reached: ${route}`);
  const seconds = Math.round((Date.now() - started) / 1_000);
  console.log(
    `${people} invented people, ${routes.length} routes, ${redis ? "Redis" : "no Redis"}, ${database ? "PostgreSQL" : "embedded database"}, ${seconds} s`,
  );
  console.log(`leaks: ${leaks.length}`);
  process.exitCode = leaks.length + missed.length === 0 ? 0 : 1;
}
