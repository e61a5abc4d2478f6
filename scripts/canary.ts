/**
 * `npm run canary -- [--people N] [--plant]`: drives invented people through a gateway of its own, errors included,
 * and looks for them in whatever is not theirs: logs, metrics, URLs, headers, error bodies, Redis, the database and
 * the data folder. The last line is `leaks: 0`; `--plant` leaks on purpose and must be found out.
 */
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startGateway } from "../test/support/gateway.ts";
import { startRedis } from "../test/support/redis-server.ts";
import { driveClient, driveFaults, drivePerson } from "./canary-calls.ts";
import { type Canary, releaseCanaries, secretsOf } from "./canary-people.ts";
import { type Leak, LeakSearch } from "./canary-search.ts";
import { filesOf, redisContent, tablesContent } from "./canary-stores.ts";

const { values: options } = parseArgs({
  options: { people: { type: "string", default: "1000" }, plant: { type: "boolean", default: false } },
});
const count = Number(options.people);
const most = { faults: 6, signIns: 20 };

const folder = await mkdtemp(join(tmpdir(), "canary-"));
const logFile = join(folder, "gateway.log");
const redis = await startRedis().catch(() => undefined);
const gateway = await startGateway(
  {
    LOG_LEVEL: "debug",
    TRACE_RATIO: "1",
    REFUSALS_PER_MINUTE: "1000000",
    SIGN_IN_PER_MINUTE: "1000000",
    ...(redis && { REDIS_URL: redis.url }),
  },
  ["bash", "-c", `exec "${process.execPath}" --import tsx src/main.ts >>"${logFile}" 2>&1`],
);
const dataFolder = String(gateway.environment.DATA_DIR);
const leaks: Leak[] = [];
try {
  const canaries = await releaseCanaries(gateway.sandboxUrl, count + most.faults);
  const secrets = new LeakSearch(canaries.flatMap(secretsOf));
  const outgoing = (place: string, text: string) =>
    void leaks.push(...secrets.search(place, Buffer.from(text)));
  await drive(canaries, outgoing);
  if (options.plant) await plant(canaries);
  const metrics = await fetch(`http://127.0.0.1:${gateway.environment.METRICS_PORT}/metrics`);
  outgoing("metrics", await metrics.text());
  if (redis)
    for (const [key, bytes] of await redisContent(redis.url)) {
      outgoing("redis key", key);
      leaks.push(...secrets.search("redis", bytes));
    }
  await gateway.server.stop();
  for (const [table, rows] of await tablesContent(dataFolder)) outgoing(`table ${table}`, rows);
  for (const root of [dataFolder, folder])
    for (const file of await filesOf(root)) leaks.push(...secrets.search(file, await readFile(file)));
  report(canaries.length);
} finally {
  await gateway.remove();
  await redis?.server.stop();
  await rm(folder, { recursive: true, force: true });
}

async function drive(canaries: readonly Canary[], outgoing: (place: string, text: string) => void) {
  const people = canaries.slice(0, count);
  let token = "";
  for (const [index, canary] of people.entries()) {
    // a token lives for minutes
    if (index % 100 === 0) token = await gateway.token("system/*.cruds");
    await driveClient(gateway, token, canary, outgoing);
  }
  for (const canary of people.slice(0, most.signIns)) await drivePerson(gateway, canary, outgoing);
  // last: ФРМР is held for down afterwards
  await driveFaults(gateway, token, canaries.slice(count), outgoing);
}

/** Leaks as they would happen: encoded in a log line, as hex in a file. */
async function plant([first]: readonly Canary[]): Promise<void> {
  if (!first) return;
  const { family, snils } = first.person;
  await appendFile(logFile, `${Buffer.from(`?${family}`).toString("base64")}\n`);
  await writeFile(join(dataFolder, "planted"), Buffer.from(snils).toString("hex"));
}

function report(people: number): void {
  const byPlace = new Map<string, number>();
  for (const { place, form } of leaks)
    byPlace.set(`${place} (${form})`, (byPlace.get(`${place} (${form})`) ?? 0) + 1);
  for (const [place, times] of byPlace) console.log(`leak in ${place}: ${times}`);
  console.log(`${people} invented people; ${redis ? "with" : "without"} Redis`);
  console.log(`leaks: ${leaks.length}`);
  process.exitCode = leaks.length === 0 ? 0 : 1;
}
