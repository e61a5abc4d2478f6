import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { clientAssertion, requestToken } from "../../scripts/system-client.ts";
import { openDatabase } from "../../src/store/database.ts";
import { Child } from "../child.ts";
import type { Usage } from "../subjects/cpu.ts";

/** A read that the gateway answers from its cache. */
export interface Read {
  url: string;
  headers: Record<string, string>;
  body: string;
  contentType: string;
  etag: string;
}

/** The product as it starts in an empty folder, under load for a client with a token, its spans sent to a collector. */
export class BenchedGateway {
  readonly child: Child;
  readonly startMs: number;
  readonly #url: string;
  readonly #dataDir: string;
  readonly #collector: Collector;

  private constructor(url: string, started: { child: Child; startMs: number }, parts: Surroundings) {
    this.#url = url;
    this.child = started.child;
    this.startMs = started.startMs;
    this.#dataDir = parts.dataDir;
    this.#collector = parts.collector;
  }

  static async start(): Promise<BenchedGateway> {
    const dataDir = await mkdtemp(join(tmpdir(), "gateway-bench-"));
    const collector = await startCollector();
    const [port, metrics, sandbox] = [await freePort(), await freePort(), await freePort()];
    const url = `http://127.0.0.1:${port}`;
    const startedAt = performance.now();
    const child = await Child.start("subjects/gateway.ts", {
      PORT: String(port),
      METRICS_PORT: String(metrics),
      SANDBOX_PORT: String(sandbox),
      PUBLIC_URL: url,
      DATA_DIR: dataDir,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      RATE_LIMIT_PER_MINUTE: "100000000",
      FRMR_CACHE_SECONDS: "3600",
      TOKEN_SECONDS: "3600",
    });
    const startMs = Math.round(performance.now() - startedAt);
    return new BenchedGateway(url, { child, startMs }, { dataDir, collector });
  }

  /** Resident memory of a gateway that nobody has asked anything yet. */
  async restMegabytes(): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    return Math.round((await this.child.ask<Usage>({})).rssBytes / 1_048_576);
  }

  /** Finds the sandbox's doctor by СНИЛС, so that the read by logical id comes from the cache. */
  async practitioner(): Promise<Read> {
    const base = this.#url;
    const headers = { authorization: `Bearer ${await this.#token()}`, accept: "application/fhir+json" };
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
    const [contentType, etag] = [read.headers.get("content-type"), read.headers.get("etag")];
    if (!read.ok || !contentType || !etag) throw new Error(`read ${read.status}`);
    return { url, headers, body: await read.text(), contentType, etag };
  }

  /** Ends the gateway and tells what it left behind: rows in the store itself, spans that came to the collector. */
  async stop(): Promise<{ journalRows: number; spans: number }> {
    await this.child.stop();
    const journalRows = await countRows(this.#dataDir);
    this.#collector.close();
    await rm(this.#dataDir, { recursive: true, force: true });
    return { journalRows, spans: this.#collector.spans() };
  }

  async #token(): Promise<string> {
    const jwk = JSON.parse(await readFile(join(this.#dataDir, "demo-client.jwk.json"), "utf8"));
    const tokenUrl = `${this.#url}/auth/token`;
    const assertion = await clientAssertion({ clientId: "demo", jwk }, tokenUrl);
    const issued = await requestToken(tokenUrl, assertion, "system/Practitioner.rs");
    return ((await issued.json()) as { access_token: string }).access_token;
  }
}

interface Surroundings {
  dataDir: string;
  collector: Collector;
}

async function countRows(dataDir: string): Promise<number> {
  const { db, close } = await openDatabase({ dataDir, url: process.env.DATABASE_URL });
  const { rows } = await sql<{ count: string }>`select count(*) as count from journal`.execute(db);
  await close();
  return Number(rows[0]?.count);
}

interface Collector {
  url: string;
  spans(): number;
  close(): void;
}

/** A collector that counts the spans it is sent. */
async function startCollector(): Promise<Collector> {
  let spans = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    spans += Buffer.concat(chunks).toString().split('"spanId"').length - 1;
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, spans: () => spans, close: () => void server.close() };
}

export async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
