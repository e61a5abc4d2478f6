import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { clientAssertion, requestToken } from "../../scripts/system-client.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { programArguments } from "../support/compiled.ts";
import { projectRoot } from "../support/project-files.ts";

let app: TestApp | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function tokenOf({ url, config }: TestApp, clientId: string, key: string, scope: string) {
  const jwk = JSON.parse(await readFile(join(config.DATA_DIR, key), "utf8"));
  const tokenUrl = `${url}/auth/token`;
  const answer = await requestToken(tokenUrl, await clientAssertion({ clientId, jwk }, tokenUrl), scope);
  return ((await answer.json()) as { access_token: string }).access_token;
}

it("X-Debug-Trace keeps a trace for a client with the duty of tracing and for nobody else", async () => {
  app = await startApp();
  const { url, telemetry } = app;
  const ask = (path: string, token: string) =>
    fetch(`${url}/fhir/${path}`, { headers: { authorization: `Bearer ${token}`, "x-debug-trace": "1" } });
  const asked = () => telemetry.instruments.tracesKept.of({ reason: "asked" }).value;
  const guard = await tokenOf(app, "demo-security", "demo-security-client.jwk.json", "system/AuditEvent.rs");
  expect((await ask("AuditEvent?_count=1", guard)).status).toBe(200);
  expect((await ask("metadata", "")).status).toBe(200);
  expect(asked()).toBe(0);
  expect((await ask("ConceptMap", await app.token("system/ConceptMap.rs"))).status).toBe(200);
  await expect.poll(asked).toBe(1);
});

it("a configured quota holds calls to its system back, and to no other", async () => {
  app = await startApp({ UPSTREAM_QUOTAS: "frmr=1/3600", STALLED_CONNECTION_MS: "1000" });
  const { url } = app;
  expect(app.app.server.timeout).toBe(31_000);
  const token = await app.token("system/Practitioner.rs system/Organization.rs");
  const search = (type: string, identifier: string) =>
    fetch(`${url}/fhir/${type}/_search`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: new URLSearchParams({ identifier }),
    });
  const worker = (snils: string) => search("Practitioner", `urn:oid:1.2.643.100.3|${snils}`);
  expect((await worker("90000000283")).status).toBe(200);
  const over = await worker("90000000182");
  expect([over.status, over.headers.has("retry-after")]).toEqual([503, true]);
});

it("ФРМР is asked for its operations by the names of the settings", async () => {
  const heard: string[] = [];
  const frmr = createServer((request, response) => {
    heard.push(String(request.headers["soapaction"]));
    request.on("data", (chunk) => heard.push(String(chunk)));
    request.on("end", () => response.writeHead(500, { "content-type": "text/plain" }).end());
  }).listen(0, "127.0.0.1");
  await once(frmr, "listening");
  app = await startApp({
    FRMR_URL: `http://127.0.0.1:${(frmr.address() as AddressInfo).port}/`,
    FRMR_OPERATION: "findWorker",
    FRMR_LIST_OPERATION: "findChanged",
  });
  await fetch(`${app.url}/fhir/Practitioner/_search`, {
    method: "POST",
    headers: { authorization: `Bearer ${await app.token("system/Practitioner.rs")}` },
    body: new URLSearchParams({ identifier: "urn:oid:1.2.643.100.3|90000000283" }),
  });
  await app.parts.copies.sync(AbortSignal.timeout(20_000));
  frmr.close();
  const text = heard.join(" ");
  for (const name of ["findWorker", "findChanged"])
    expect(text).toMatch(new RegExp(`/${name}"? .*:${name}Request`, "s"));
  expect(text).not.toMatch(/getEmployee|listEmployees/);
});

it("a quota for a system that does not exist ends the start with one line that names it", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "gateway-"));
  const free = { PORT: "0", METRICS_PORT: "0", SANDBOX_PORT: "0" };
  const { status, stdout, stderr } = spawnSync(process.execPath, programArguments("src/main.ts"), {
    cwd: projectRoot,
    encoding: "utf8",
    env: {
      PATH: process.env.PATH,
      ...free,
      DATA_DIR: dataDir,
      LOG_LEVEL: "silent",
      UPSTREAM_QUOTAS: "nobody=1/1",
    },
  });
  await rm(dataDir, { recursive: true });
  expect({ status, stdout, stderr }).toEqual({
    status: 78,
    stdout: "",
    stderr: "Settings refused: UPSTREAM_QUOTAS names nobody, no such system\n",
  });
});

it("a caller who sends a header byte by byte is told off in time, and a trusted balancer's callers are told apart", async () => {
  app = await startApp({
    REQUEST_TIMEOUT_MS: "1000",
    TRUSTED_PROXIES: "127.0.0.1",
    REFUSALS_PER_MINUTE: "2",
  });
  const { url } = app;
  const ask = async (from: string) => {
    const headers = { authorization: "Bearer wrong", "x-forwarded-for": from };
    return (await fetch(`${url}/fhir/Practitioner/1`, { headers })).status;
  };
  for (const status of [401, 401, 429]) expect(await ask("198.51.100.1")).toBe(status);
  expect(await ask("198.51.100.2")).toBe(401);

  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write("GET /health/live HTTP/1.1\r\nHost: a\r\nX-");
  const told = (await once(socket, "data")).toString();
  expect(told).toMatch(/^HTTP\/1\.1 408 .*"code":"[a-z-]+"/s);
  await once(socket, "close");
});

it("a replica whose event loop lags refuses work and still says that it lives", async () => {
  // less than the resolution of the measurement: every loop lags
  app = await startApp({ OVERLOAD_MS: "10" });
  const { url } = app;
  const metadata = () => fetch(`${url}/fhir/metadata`);
  await expect.poll(async () => (await metadata()).status, { timeout: 10_000 }).toBe(503);
  const refused = await metadata();
  expect([refused.headers.has("retry-after"), await refused.text()]).toEqual([
    true,
    expect.stringContaining("overloaded"),
  ]);
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
});
