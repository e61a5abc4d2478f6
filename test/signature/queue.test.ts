import { randomUUID } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Task } from "@medplum/fhirtypes";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { openKeyring } from "../../src/key-encryption.ts";
import { createSandbox } from "../../src/sandbox/server.ts";
import { openDatabase } from "../../src/store/database.ts";
import { actingWorker, snilsOf } from "../support/acting.ts";
import { Cabinet } from "../support/cabinet.ts";
import { freshDatabase, withClient } from "../support/database.ts";
import { fhirCall } from "../support/fhir-call.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { LockHolder } from "../support/lock-holder.ts";
import { activateCertificates, signedByTool, type ToolOrder } from "../support/signing.ts";

// authorities and signing tools live on while the gateway is killed
let authorities: Awaited<ReturnType<typeof createSandbox>>;
let authoritiesUrl: string;
let gateway: TestGateway;
let databaseUrl: string;

beforeAll(async () => {
  authorities = await createSandbox({ clock: systemClock, logger: silentLogger });
  authoritiesUrl = (await authorities.listen(0, "127.0.0.1")).replace("127.0.0.1", "localhost");
  const roots = mkdtempSync(join(tmpdir(), "roots-"));
  const pem = await (await fetch(`${authoritiesUrl}/pki/roots`)).text();
  writeFileSync(join(roots, "roots.pem"), pem);
  databaseUrl = await freshDatabase();
  gateway = await startGateway({
    DATABASE_URL: databaseUrl,
    SIGNATURE_ROOTS_DIR: roots,
    SIGNATURE_REVOCATION_HOSTS: new URL(authoritiesUrl).host,
    SIGNATURE_REVOCATION_TIMEOUT_MS: "2000",
  });
});
afterAll(async () => {
  await gateway?.remove();
  await authorities?.close();
});

async function play(scenario: string | undefined): Promise<void> {
  await fetch(`${authoritiesUrl}/_scenario`, { method: "DELETE" });
  if (scenario === undefined) return;
  await fetch(`${authoritiesUrl}/_scenario`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ system: "pki", scenario, times: 1000, at: "/ocsp" }),
  });
}

async function inDatabase(...statements: string[]): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    for (const statement of statements) await client.query(statement);
  });
}

/** The time of the next try has come, and nobody else is at it, nor at a request that a dead process held. */
const untilDue = () =>
  inDatabase(
    "update signature set due_at = 0 where due_at is not null",
    "delete from job_lease",
    "delete from revocation_answer",
    "update idempotency set lease_until = 0",
  );

async function entered(): Promise<Cabinet> {
  const cabinet = new Cabinet(gateway.url);
  await cabinet.visitor.follow(`${gateway.url}/auth/login?as=worker&persona=doctor`);
  await cabinet.acceptTerms();
  return cabinet;
}

/** The certificate of the person's tool is active, and no authority was asked about it. */
async function activated(cabinet: Cabinet, tool: ToolOrder = { kind: "gost" }): Promise<void> {
  const { id } = (await cabinet.get("/me")).body;
  const store = await openDatabase({ url: databaseUrl, dataDir: "" });
  const keyring = await openKeyring(readConfig(gateway.environment), store.db);
  await activateCertificates({ parts: { store, keyring }, sandboxUrl: authoritiesUrl }, id, tool);
  await store.close();
}

it("E-26 a check that takes over a minute queues the document, which a killed process does not lose", async () => {
  const cabinet = await entered();
  await activated(cabinet);
  const bytes = Buffer.from(`Записка ${randomUUID()}`);
  const document = { title: "Записка", contentType: "text/plain", content: bytes.toString("base64") };
  const { body: request } = await cabinet.send("POST", "/me/signatures", { document });
  const signature = (await signedByTool(authoritiesUrl, bytes, { kind: "gost" })).toString("base64");
  await play("hang");
  const path = `/me/signatures/${request.id}`;
  const queued = await cabinet.send("PUT", `${path}/signature`, { signature });
  expect([queued.status, queued.body.state, queued.body.task]).toEqual([
    202,
    "verification-pending",
    `Task/${request.id}`,
  ]);
  expect(queued.headers.get("content-location")).toBe(`/cabinet/v1${path}`);
  expect(queued.body.document).toBeUndefined();
  const door = { url: gateway.url, config: { DATA_DIR: gateway.environment["DATA_DIR"] ?? "" } };
  const task = async () => {
    const token = await (await actingWorker(door, snilsOf.doctor)).token();
    return (await fhirCall<Task>(gateway, token, `GET /Task/${request.id}`)).body;
  };
  expect((await task()).status).toBe("in-progress");

  await gateway.server.kill();
  await play(undefined);
  await untilDue();
  // a process that has just started is slow
  gateway.environment["SIGNATURE_REVOCATION_TIMEOUT_MS"] = "10000";
  await gateway.server.start();

  const later = async () => (await cabinet.get(path)).body;
  await expect.poll(async () => (await later()).state, { timeout: 45_000, interval: 500 }).toBe("signed");
  const { document: stored, checks } = await later();
  expect(stored).toMatchObject({ version: 1 });
  expect(checks.map(({ verdict }: { verdict: string }) => verdict)).toEqual(["unknown", "good"]);
  expect(await task()).toMatchObject({
    status: "completed",
    output: [
      { valueReference: { type: "DocumentReference", identifier: { value: `urn:uuid:${stored.id}` } } },
    ],
  });
}, 120_000);

/** What stops the settlement of one signature while lock 7 is held. */
const stops = (id: string): string[] => [
  `create function stop_settlement() returns trigger language plpgsql as $$ begin
    if new.id = '${id}' and new.state = 'signed' then perform pg_advisory_xact_lock(7); end if; return new; end $$`,
  "create trigger stop before update on signature for each row execute function stop_settlement()",
];

describe("kill -9 while documents are signed", () => {
  const waits: ToolOrder = { kind: "gost", variant: "expiring" };
  let cabinet: Cabinet;
  let locks: LockHolder;

  /** A request with its key, as the page repeats it until it is answered. */
  interface Deed {
    method: string;
    path: string;
    body: object;
    key: string;
  }
  const send = ({ method, path, body, key }: Deed) =>
    cabinet.send(method, path, body, { "idempotency-key": key });
  const preparing = (more: object = {}): Deed => {
    const content = Buffer.from(`Записка ${randomUUID()}`).toString("base64");
    const document = { title: "Записка", contentType: "text/plain", content, ...more };
    return { method: "POST", path: "/me/signatures", body: { document }, key: randomUUID() };
  };
  const prepared = async (more?: object) => (await send(preparing(more))).body;
  const signing = async ({ id, content }: { id: string; content: string }, tool = waits): Promise<Deed> => {
    const signature = await signedByTool(authoritiesUrl, Buffer.from(content, "base64"), tool);
    const body = { signature: signature.toString("base64") };
    return { method: "PUT", path: `/me/signatures/${id}/signature`, body, key: randomUUID() };
  };
  const states = (ids: readonly string[]) =>
    Promise.all(ids.map(async (id) => (await rowsOf<{ state: string }>("signature", "id", id))[0]?.state));
  const rowsOf = <T extends object>(table: string, column: string, value: string) =>
    locks.query<T>(`select * from ${table} where ${column} = $1`, [value]);
  const count = async (table: string, where: string) =>
    Number((await locks.query<{ n: string }>(`select count(*) as n from ${table} where ${where}`))[0]?.n);
  const kill = async () => {
    await gateway.server.kill();
    await locks.endOthers();
  };

  beforeAll(() => {
    locks = new LockHolder(databaseUrl);
  });
  afterEach(() => locks.release());

  it("prepare, sign, settle what waited and sign anew: each has its effect once, and its journal", async () => {
    cabinet = await entered();
    await activated(cabinet);
    await activated(cabinet, waits);
    await play("unknown-status");
    const waiting = await prepared();
    expect((await send(await signing(waiting))).body.state).toBe("verification-pending");
    await play(undefined);
    const gost: ToolOrder = { kind: "gost" };
    const { document } = (await send(await signing(await prepared(), gost))).body;
    const [fresh, next] = [await prepared(), await prepared({ replaces: document.id, reason: "Исправлено" })];
    const deeds = [preparing(), await signing(fresh, gost), await signing(next, gost)];
    const own = `row ~ '"action":"(sign|prepare-signature)"'`;
    const [provenances, requests, rows] = [
      await count("resource_history", "type = 'Provenance'"),
      await count("signature", "true"),
      await count("journal", own),
    ];
    const effects = async () => [
      ...(await states([waiting.id, fresh.id, next.id])),
      (await count("resource_history", "type = 'Provenance'")) - provenances,
      (await count("signature", "true")) - requests,
      (await count("journal", own)) - rows,
    ];
    const before = ["verification-pending", "prepared", "prepared", 0, 0, 0];
    const lost = () =>
      deeds.map((deed) =>
        send(deed).then(
          () => "answered",
          () => "lost",
        ),
      );

    // inside the transaction of each request
    await locks.hold("lock table signature in share mode");
    const inside = lost();
    const stopped = "select query from pg_stat_activity where wait_event_type = 'Lock'";
    await expect.poll(async () => (await locks.query(stopped)).length, { timeout: 60_000 }).toBe(3);
    await kill();
    expect(await Promise.all(inside)).toEqual(["lost", "lost", "lost"]);
    expect(await effects()).toEqual(before);
    await locks.release();

    // after the commit of each; and inside the transaction of the job, which begins with the process
    await inDatabase(...stops(waiting.id));
    await locks.hold("select pg_advisory_lock(7)");
    await untilDue();
    // a process that has just started is slow
    gateway.environment["SIGNATURE_REVOCATION_TIMEOUT_MS"] = "10000";
    await gateway.server.start();
    const committed = lost();
    const settled = ["verification-pending", "signed", "signed", 2, 1, 3];
    await expect.poll(effects, { timeout: 60_000 }).toEqual(settled);
    await locks.stopped(/update "signature"/);
    await kill();
    await Promise.all(committed);
    expect(await effects()).toEqual(settled);
    await inDatabase("drop trigger stop on signature");
    await locks.release();

    await untilDue();
    await gateway.server.start();
    const answers = await Promise.all(deeds.map(send));
    expect(answers.map(({ headers }) => headers.get("idempotent-replayed"))).toEqual([
      "true",
      "true",
      "true",
    ]);
    expect(answers.map(({ status, body }) => [status, body.state])).toEqual([
      ...[
        [201, "prepared"],
        [200, "signed"],
      ],
      [200, "signed"],
    ]);
    await expect.poll(effects, { timeout: 60_000 }).toEqual(["signed", "signed", "signed", 3, 1, 3]);
    expect(answers[2]?.body.document).toEqual({ id: document.id, version: 2 });
    for (const [id, checks] of [
      [waiting.id, 2],
      [fresh.id, 1],
      [next.id, 1],
    ])
      expect((await rowsOf("signature_evidence", "signature_id", id)).length).toBe(checks);
    for (const { body } of answers.slice(1)) {
      const { id, version } = body.document;
      const rows = await locks.query(
        `select n from journal where row like '%"actorId":"signatures"%' and row like '%' || $1 || '%'`,
        [id],
      );
      expect(rows.length).toBe(version);
    }
  }, 300_000);
});
