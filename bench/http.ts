import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { arch, cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { clientAssertion, requestToken } from "../scripts/system-client.ts";
import { openDatabase } from "../src/store/database.ts";
import { Child } from "./child.ts";
import type { Round, RoundResult } from "./load.ts";
import type { Usage } from "./subjects/cpu.ts";

const rounds = 5;
const seconds = 3;
const connections = 50;
const warmUpRounds = 1;

interface Measure {
  perSecond: number;
  cpuMicros: number;
  p99Ms: number;
  answered: number;
}

interface Subject {
  name: string;
  child: Child;
  load: Omit<Round, "connections" | "seconds">;
  measures: Measure[];
}

/**
 * A cached read of the gateway (token, generation, journal row, telemetry) against fastify alone with the same
 * bytes, each in its own process, in interleaved rounds under the same load.
 */
export async function run({ json }: { json: boolean }): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "gateway-bench-"));
  const spans = await countSpans();
  try {
    const report = await measure(dataDir, spans);
    console.log(json ? JSON.stringify(report, null, 2) : textOf(report));
    if (report.failures.length > 0) process.exitCode = 1;
  } finally {
    spans.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function measure(dataDir: string, spans: SpanSink) {
  const load = await Child.start("load.ts");
  const gateway = await startGateway(dataDir, spans.url);
  const cold = { startMs: gateway.startMs, restMegabytes: await restMemory(gateway.child) };
  const read = await readPractitioner(gateway.url, dataDir);
  const bare = await startBare(read);
  const subjects: [Subject, Subject] = [
    { name: "bare fastify", child: bare.child, load: { url: bare.url, headers: {} }, measures: [] },
    {
      name: "gateway",
      child: gateway.child,
      load: { url: read.url, headers: read.headers },
      measures: [],
    },
  ];
  for (let round = 0; round < warmUpRounds + rounds; round++)
    for (const subject of subjects) {
      const one = await playRound(load, subject);
      if (round >= warmUpRounds) subject.measures.push(one);
      else subject.measures.length = 0;
    }
  await Promise.all([load.stop(), bare.child.stop()]);
  await gateway.child.stop();
  return reportOf(subjects, { ...cold, journalRows: await journalRows(dataDir), spans: spans.count() });
}

async function playRound(load: Child, { child, load: target }: Subject): Promise<Measure> {
  const before = await child.ask<Usage>({});
  const result = await load.ask<RoundResult>({ ...target, connections, seconds });
  const after = await child.ask<Usage>({});
  if (result.failed > 0) throw new Error(`${result.failed} requests failed at ${target.url}`);
  return {
    perSecond: result.perSecond,
    cpuMicros: (after.cpuMicros - before.cpuMicros) / result.answered,
    p99Ms: result.p99Ms,
    answered: result.answered,
  };
}

interface Facts {
  startMs: number;
  restMegabytes: number;
  journalRows: number;
  spans: number;
}

function reportOf([bare, gateway]: [Subject, Subject], facts: Facts) {
  const answered = gateway.measures.reduce((sum, one) => sum + one.answered, 0);
  const failures = [
    ...(facts.journalRows < answered ? [`${facts.journalRows} journal rows for ${answered} answers`] : []),
    ...(facts.spans === 0 ? ["no span reached the collector"] : []),
  ];
  const ratio = (of: (gateway: Measure, bare: Measure) => number) =>
    spread(gateway.measures.map((one, index) => of(one, bare.measures[index] as Measure)));
  return {
    bench: "http",
    ratios: {
      cachedReadVsBareFastify: ratio((ours, theirs) => ours.perSecond / theirs.perSecond),
      cachedReadVsBareFastifyByCpu: ratio((ours, theirs) => theirs.cpuMicros / ours.cpuMicros),
    },
    subjects: Object.fromEntries(
      [bare, gateway].map(({ name, measures }) => [
        name,
        {
          perSecond: spread(measures.map((one) => one.perSecond)),
          cpuMicrosPerRequest: spread(measures.map((one) => one.cpuMicros)),
          p99Ms: spread(measures.map((one) => one.p99Ms)),
        },
      ]),
    ),
    answered,
    ...facts,
    rounds: { count: rounds, seconds, connections },
    versions: { node: process.version, fastify: bareVersion() },
    machine: { cpu: cpus()[0]?.model.trim(), cores: cpus().length, system: `${release()} ${arch()}` },
    store: process.env.DATABASE_URL ? "PostgreSQL" : "PGlite",
    failures,
  };
}

type Report = ReturnType<typeof reportOf>;
type Spread = { median: number; min: number; max: number };

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const round = (value = 0) => Math.round(value * 100) / 100;
  return {
    median: round(sorted[Math.floor(sorted.length / 2)]),
    min: round(sorted[0]),
    max: round(sorted.at(-1)),
  };
}

function textOf(report: Report): string {
  const told = ({ median, min, max }: Spread) => `${median} (${min} .. ${max})`;
  return [
    `ratios.cachedReadVsBareFastify ${told(report.ratios.cachedReadVsBareFastify)} by rate`,
    `ratios.cachedReadVsBareFastifyByCpu ${told(report.ratios.cachedReadVsBareFastifyByCpu)}`,
    ...Object.entries(report.subjects).map(
      ([name, { perSecond, cpuMicrosPerRequest, p99Ms }]) =>
        `${name}: ${told(perSecond)} req/s, ${told(cpuMicrosPerRequest)} µs CPU a request, p99 ${told(p99Ms)} ms`,
    ),
    `${report.answered} answers, ${report.journalRows} journal rows in the store, ${report.spans} spans at the collector`,
    `start ${Math.round(report.startMs)} ms, at rest ${report.restMegabytes} MB`,
    `Node ${report.versions.node}, fastify ${report.versions.fastify}, ${report.store}, ${report.machine.cores} x ${report.machine.cpu}`,
    ...report.failures.map((failure) => `FAILED: ${failure}`),
  ].join("\n");
}

function bareVersion(): string {
  return process.env.npm_package_dependencies_fastify ?? fastifyVersion;
}
const fastifyVersion = JSON.parse(
  await readFile(new URL("../node_modules/fastify/package.json", import.meta.url), "utf8"),
).version as string;

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startGateway(dataDir: string, collector: string) {
  const [port, metrics, sandbox] = [await freePort(), await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const startedAt = performance.now();
  const child = await Child.start("subjects/gateway.ts", {
    PORT: String(port),
    METRICS_PORT: String(metrics),
    SANDBOX_PORT: String(sandbox),
    PUBLIC_URL: url,
    DATA_DIR: dataDir,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector,
    RATE_LIMIT_PER_MINUTE: "100000000",
    FRMR_CACHE_SECONDS: "3600",
    TOKEN_SECONDS: "3600",
  });
  return { child, url, startMs: performance.now() - startedAt };
}

async function restMemory(child: Child): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  return Math.round((await child.ask<Usage>({})).rssBytes / 1_048_576);
}

interface Read {
  url: string;
  headers: Record<string, string>;
  body: string;
  contentType: string;
}

/** Finds the sandbox's doctor by СНИЛС, so that the read by logical id comes from the cache. */
async function readPractitioner(base: string, dataDir: string): Promise<Read> {
  const jwk = JSON.parse(await readFile(join(dataDir, "demo-client.jwk.json"), "utf8"));
  const tokenUrl = `${base}/auth/token`;
  const assertion = await clientAssertion({ clientId: "demo", jwk }, tokenUrl);
  const issued = await requestToken(tokenUrl, assertion, "system/Practitioner.rs");
  const { access_token: token } = (await issued.json()) as { access_token: string };
  const headers = { authorization: `Bearer ${token}`, accept: "application/fhir+json" };
  const found = await fetch(`${base}/fhir/Practitioner/_search`, {
    method: "POST",
    headers,
    body: new URLSearchParams({ identifier: "urn:oid:1.2.643.100.3|90000000182" }),
  });
  const bundle = (await found.json()) as { entry?: { resource: { id: string } }[] };
  const id = bundle.entry?.[0]?.resource.id;
  if (!id) throw new Error(`the sandbox's doctor was not found: ${JSON.stringify(bundle)}`);
  const url = `${base}/fhir/Practitioner/${id}`;
  const read = await fetch(url, { headers });
  if (!read.ok) throw new Error(`read ${read.status}`);
  return { url, headers, body: await read.text(), contentType: read.headers.get("content-type") ?? "" };
}

async function startBare({ body, contentType }: Read): Promise<{ child: Child; url: string }> {
  const port = await freePort();
  const env = { PORT: String(port), BODY: body, CONTENT_TYPE: contentType };
  const child = await Child.start("subjects/bare-fastify.ts", env);
  return { child, url: `http://127.0.0.1:${port}/fhir/Practitioner/1` };
}

/** Rows in the store itself, counted after the gateway has stopped. */
async function journalRows(dataDir: string): Promise<number> {
  const { db, close } = await openDatabase({ dataDir, url: process.env.DATABASE_URL });
  const { rows } = await sql<{
    count: string;
  }>`select count(*) as count from journal`.execute(db);
  await close();
  return Number(rows[0]?.count);
}

interface SpanSink {
  url: string;
  count(): number;
  close(): void;
}

/** A collector that counts the spans it is sent. */
async function countSpans(): Promise<SpanSink> {
  let spans = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    spans += Buffer.concat(chunks).toString().split('"spanId"').length - 1;
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, count: () => spans, close: () => void server.close() };
}
