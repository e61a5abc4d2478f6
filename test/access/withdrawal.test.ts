import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actingWorker, snilsOf } from "../support/acting.ts";
import { Cabinet } from "../support/cabinet.ts";
import { freshDatabase } from "../support/database.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { codeSentTo, messagesTo } from "../support/messages.ts";
import { startRedis } from "../support/redis-server.ts";

const phone = "+79990000005";
const rounds = 4;

const stops: (() => Promise<unknown>)[] = [];
let replicas: TestGateway[];
let citizen: Cabinet;
let patient: string;
let doctor: string;
let token: string;
let condition: string;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "gateway-withdrawal-"));
  stops.push(() => rm(folder, { recursive: true, force: true }));
  const redis = await startRedis();
  stops.push(() => redis.server.kill());
  const shared = {
    DATABASE_URL: await freshDatabase(),
    REDIS_URL: redis.url,
    MASTER_KEY: randomBytes(32).toString("base64"),
    DATA_DIR: folder,
    RATE_LIMIT_PER_MINUTE: "10000000",
    SIGN_IN_PER_MINUTE: "10000",
    TOKEN_SECONDS: "3600",
  };
  const first = await started(shared);
  // one token for all, one outbox of messages to look into
  const same = { PUBLIC_URL: first.url, NOTIFY_URL: `${first.sandboxUrl}/notify` };
  replicas = [first, await started({ ...shared, ...same }), await started({ ...shared, ...same })];

  citizen = new Cabinet(first.url);
  await citizen.visitor.follow(`${first.url}/auth/login?as=citizen&persona=citizen`);
  await citizen.acceptTerms();
  patient = (await citizen.get("/me")).body.id;
  const worker = await actingWorker({ url: first.url, config: { DATA_DIR: folder } }, snilsOf.doctor);
  doctor = worker.id;
  token = await worker.token();
  await granted({ kind: "processing" });
  const entering = await granted(permission(["view", "enter"]));
  condition = await written();
  await withdrawn(entering);
}, 180_000);

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

async function started(settings: Record<string, string>): Promise<TestGateway> {
  const replica = await startGateway(settings);
  stops.push(() => replica.remove());
  return replica;
}

const permission = (rights: string[]) => ({ kind: "access", grantee: { practitioner: doctor }, rights });

async function withCode(ask: () => Promise<string>): Promise<{ id: string; code: string }> {
  const [first] = replicas;
  if (!first) throw new Error("no replica");
  const before = (await messagesTo(first, phone)).filter(({ text }) => /^\d{6}/.test(text)).length;
  const id = await ask();
  return { id, code: await codeSentTo(first, phone, before) };
}

async function granted(terms: object): Promise<string> {
  const { id, code } = await withCode(async () => {
    const { body } = await citizen.send("POST", "/me/consents", terms);
    return body.consent.id;
  });
  expect((await citizen.send("POST", `/me/consents/${id}/confirmation`, { code })).status).toBe(200);
  return id;
}

/** Resolves when the withdrawal is acknowledged. */
async function withdrawn(id: string): Promise<void> {
  const { code } = await withCode(async () => {
    await citizen.send("POST", `/me/consents/${id}/code`);
    return id;
  });
  expect((await citizen.send("POST", `/me/consents/${id}/withdrawal`, { code })).status).toBe(200);
}

async function written(): Promise<string> {
  const answer = await fetch(`${replicas[0]?.url}/fhir/Condition`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/fhir+json",
      "idempotency-key": randomUUID(),
    },
    body: JSON.stringify({ resourceType: "Condition", subject: { reference: `Patient/${patient}` } }),
  });
  expect(answer.status, await answer.clone().text()).toBe(201);
  return ((await answer.json()) as { id: string }).id;
}

async function read(replica: TestGateway): Promise<number> {
  const answer = await fetch(`${replica.url}/fhir/Condition/${condition}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  await answer.arrayBuffer();
  return answer.status;
}

describe("a withdrawal on three replicas", () => {
  it("Z-26 after it is acknowledged no replica opens the card once more, however busy its readers", async () => {
    const counts = { opened: 0, closed: 0, old: 0 };
    const state = { running: true, acknowledged: true };
    const reader = async (replica: TestGateway) => {
      while (state.running) {
        const closedBefore = state.acknowledged;
        const status = await read(replica);
        if (status === 200) counts.opened += 1;
        else if (status === 403) counts.closed += 1;
        else throw new Error(`answered ${status}`);
        // permitted although the withdrawal had been acknowledged before the question was put
        if (status === 200 && closedBefore && state.acknowledged) counts.old += 1;
      }
    };
    const readers = Promise.all(replicas.flatMap((replica) => [reader(replica), reader(replica)]));
    // what one of them threw is told below, where all are awaited
    readers.catch(() => undefined);
    try {
      for (let round = 0; round < rounds; round++) {
        state.acknowledged = false;
        const id = await granted(permission(["view"]));
        // a permission that is acknowledged holds everywhere, too
        expect(await Promise.all(replicas.map(read))).toEqual([200, 200, 200]);
        await withdrawn(id);
        state.acknowledged = true;
        expect(await Promise.all(replicas.map(read))).toEqual([403, 403, 403]);
      }
    } finally {
      state.running = false;
      await readers;
    }
    expect(counts.old).toBe(0);
    expect(counts.opened).toBeGreaterThan(50);
    expect(counts.closed).toBeGreaterThan(50);
  }, 120_000);
});
