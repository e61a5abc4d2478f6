import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { type AddressInfo, connect, createServer as createSwitch, type Server as Switch } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Bundle } from "@medplum/fhirtypes";
import { afterAll, beforeAll, expect, it } from "vitest";
import { clientAssertion } from "../scripts/system-client.ts";
import { freshDatabase, withClient } from "./support/database.ts";
import { startGateway, type TestGateway } from "./support/gateway.ts";
import { startRedis } from "./support/redis-server.ts";

/** A balancer in small: new connections go to a replica whose readiness answered 200 at the last look. */
class LoopbackSwitch {
  readonly #replicas: string[] = [];
  #ready: string[] = [];
  #next = 0;
  #looking = true;
  readonly #server: Switch = createSwitch((client) => {
    const replica = this.#ready[this.#next++ % this.#ready.length];
    if (!replica) return client.destroy();
    const { port, hostname } = new URL(replica);
    const upstream = connect(Number(port), hostname);
    client.pipe(upstream).pipe(client);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    void this.#look();
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  add(replica: string): void {
    this.#replicas.push(replica);
  }

  isReady(replica: string): boolean {
    return this.#ready.includes(replica);
  }

  close(): void {
    this.#looking = false;
    this.#server.close();
  }

  async #look(): Promise<void> {
    while (this.#looking) {
      const states = await Promise.all(
        this.#replicas.map((replica) =>
          fetch(`${replica}/health/ready`, { signal: AbortSignal.timeout(2_000) }).then(
            ({ ok }) => ok,
            () => false,
          ),
        ),
      );
      this.#ready = this.#replicas.filter((_, index) => states[index]);
      await pause(50);
    }
  }
}

interface Outcome {
  /** ids of the requests that were answered with 200 */
  answered: string[];
  failures: string[];
}

interface Question {
  url: string;
  token?: string;
  /** present: it is a POST */
  body?: { type: string; text: string };
}

/** Clients with kept connections that ask again and again until told to stop, each with a pause of its own length. */
async function load(
  question: () => Question | Promise<Question>,
  running: { on: boolean },
  pauses: readonly number[],
): Promise<Outcome> {
  const agent = new Agent({ keepAlive: true, maxSockets: pauses.length });
  const outcome: Outcome = { answered: [], failures: [] };
  const one = ({ url, token, body }: Question) =>
    new Promise<void>((resolve) => {
      const id = randomUUID();
      const failed = (reason: string) => {
        outcome.failures.push(`${body ? "POST" : "GET"} ${url}: ${reason}`);
        resolve();
      };
      const headers = {
        "x-request-id": id,
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body && { "content-type": body.type, "content-length": Buffer.byteLength(body.text) }),
      };
      request(url, { agent, headers, method: body ? "POST" : "GET" }, (answer) => {
        answer.resume();
        answer.on("end", () => {
          if (answer.statusCode !== 200) return failed(`status ${answer.statusCode}`);
          outcome.answered.push(id);
          resolve();
        });
      })
        .on("error", (error) => failed(error.message))
        .end(body?.text);
    });
  await Promise.all(
    pauses.map(async (ms) => {
      while (running.on) {
        await one(await question());
        await pause(ms);
      }
    }),
  );
  agent.destroy();
  return outcome;
}

const replicas: TestGateway[] = [];
const balancer = new LoopbackSwitch();
const stops: (() => unknown)[] = [];
let entry: string;
let databaseUrl: string;

async function untilServed({ url }: TestGateway): Promise<void> {
  for (let looks = 0; looks < 400; looks++) {
    if (balancer.isReady(url)) return;
    await pause(50);
  }
  throw new Error(`${url} did not become ready`);
}

beforeAll(async () => {
  entry = await balancer.listen();
  stops.push(() => balancer.close());
  databaseUrl = await freshDatabase();
  const redis = await startRedis();
  stops.push(() => redis.server.stop());
  const folder = await mkdtemp(join(tmpdir(), "gateway-replicas-"));
  stops.push(() => rm(folder, { recursive: true, force: true }));
  const shared = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    MASTER_KEY: randomBytes(32).toString("base64"),
    DATA_DIR: folder,
    PUBLIC_URL: entry,
    DRAIN_NOTICE_MS: "1000",
    DRAIN_IDLE_MS: "3000",
    RATE_LIMIT_PER_MINUTE: "10000000",
    TOKEN_SECONDS: "3600",
  };
  // one after the other: two first starts at once would take a small machine too long
  for (const _ of ["first", "second"]) {
    const replica = await startGateway(shared);
    stops.push(() => replica.remove());
    replicas.push(replica);
    balancer.add(replica.url);
    await untilServed(replica);
  }
}, 180_000);

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

const form = "application/x-www-form-urlencoded";

async function tokenQuestion(scope: string): Promise<Required<Pick<Question, "url" | "body">>> {
  const folder = replicas[0]?.environment["DATA_DIR"] ?? "";
  const jwk = JSON.parse(await readFile(join(folder, "demo-client.jwk.json"), "utf8"));
  const url = `${entry}/auth/token`;
  const text = new URLSearchParams({
    grant_type: "client_credentials",
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: await clientAssertion({ clientId: "demo", jwk }, url),
    scope,
  }).toString();
  return { url, body: { type: form, text } };
}

async function token(): Promise<string> {
  const { url, body } = await tokenQuestion("system/Practitioner.rs");
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": form },
    body: body.text,
  });
  return ((await answer.json()) as { access_token: string }).access_token;
}

const searchQuestion = (bearer: string) => ({
  url: `${entry}/fhir/Practitioner/_search`,
  token: bearer,
  body: { type: form, text: "identifier=urn:oid:1.2.643.100.3|90000000283" },
});

async function practitionerUrl(bearer: string): Promise<string> {
  const { url, body } = searchQuestion(bearer);
  const answer = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${bearer}`, "content-type": body.type },
    body: body.text,
  });
  const { entry: entries } = (await answer.json()) as Bundle;
  return `${entry}/fhir/Practitioner/${entries?.[0]?.resource?.id}`;
}

async function journalled(): Promise<ReadonlySet<string>> {
  const { rows } = await withClient(databaseUrl, (client) =>
    client.query("select row::json->>'requestId' as id from journal"),
  );
  return new Set(rows.map(({ id }) => id));
}

it("I-16 a rolling restart under load fails no request and loses no row of an answered one", {
  timeout: 240_000,
}, async () => {
  const bearer = await token();
  const running = { on: true };
  const read = { url: await practitionerUrl(bearer), token: bearer };
  // starting replicas need the machine too; some pause longer than the notice
  const pauses = [20, 400, 1_500, 2_500];
  const loaded = Promise.all([
    load(() => read, running, [5, 5, 5, 5, ...pauses]),
    load(() => searchQuestion(bearer), running, pauses),
    load(() => tokenQuestion("system/Practitioner.rs"), running, pauses),
  ]);
  for (const replica of replicas) {
    await pause(500);
    await replica.server.stop();
    await replica.server.start();
    await untilServed(replica);
  }
  running.on = false;
  const outcomes = await loaded;
  expect(outcomes.flatMap(({ failures }) => failures)).toEqual([]);
  // a token is no access, and has no row
  const answered = outcomes.slice(0, 2).flatMap((outcome) => outcome.answered);
  expect(answered.length).toBeGreaterThan(300);
  const rows = await journalled();
  expect(answered.filter((id) => !rows.has(id))).toEqual([]);
});
