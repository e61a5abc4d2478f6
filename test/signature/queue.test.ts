import { randomUUID } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Task } from "@medplum/fhirtypes";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { openKeyring } from "../../src/key-encryption.ts";
import { createSandbox } from "../../src/sandbox/server.ts";
import { openDatabase } from "../../src/store/database.ts";
import { actingWorker, snilsOf } from "../support/acting.ts";
import { Cabinet } from "../support/cabinet.ts";
import { freshDatabase } from "../support/database.ts";
import { fhirCall } from "../support/fhir-call.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { activateCertificates, signedByTool } from "../support/signing.ts";

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
    SIGNATURE_REVOCATION_TIMEOUT_MS: "300",
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
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

/** The time of the next try has come, and nobody else is at it. */
const untilDue = () =>
  inDatabase("update signature set due_at = 0 where due_at is not null", "delete from job_lease");

async function entered(): Promise<Cabinet> {
  const cabinet = new Cabinet(gateway.url);
  await cabinet.visitor.follow(`${gateway.url}/auth/login?as=worker&persona=doctor`);
  await cabinet.acceptTerms();
  return cabinet;
}

/** The certificate of the person's tool is active, and no authority was asked about it. */
async function activated(cabinet: Cabinet): Promise<void> {
  const { id } = (await cabinet.get("/me")).body;
  const store = await openDatabase({ url: databaseUrl, dataDir: "" });
  const keyring = await openKeyring(readConfig(gateway.environment), store.db);
  await activateCertificates({ parts: { store, keyring }, sandboxUrl: authoritiesUrl }, id, { kind: "gost" });
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
    output: [{ valueReference: { reference: `DocumentReference/${stored.id}/_history/1` } }],
  });
}, 120_000);
