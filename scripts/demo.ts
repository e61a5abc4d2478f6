/**
 * `npm run demo`: tells the story of part 1 over HTTP against a running gateway and its sandbox.
 * PUBLIC_URL, SANDBOX_PORT and DATA_DIR as for the gateway. Exits 0 only when each step holds.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type {
  Bundle,
  CapabilityStatement,
  OperationOutcome,
  Practitioner,
  PractitionerRole,
} from "@medplum/fhirtypes";
import { readConfig } from "../src/config.ts";
import { clientAssertion, requestToken } from "./system-client.ts";

const config = readConfig();
const gateway = config.PUBLIC_URL;
const sandbox = `http://localhost:${config.SANDBOX_PORT}`;
const snilsSystem = "urn:oid:1.2.643.100.3";

let token = "";
let steps = 0;

async function step(title: string, run: () => Promise<string>): Promise<void> {
  steps += 1;
  process.stdout.write(`${String(steps).padStart(2)}. ${title}\n    `);
  console.log(await run());
}

interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
}

async function call<T>(path: string, init: RequestInit = {}): Promise<Answer<T>> {
  const headers = { authorization: `Bearer ${token}`, ...init.headers };
  const answer = await fetch(`${gateway}${path}`, { ...init, headers });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as T };
}

const searchWorker = <T>(snils: string, headers: Record<string, string> = {}) =>
  call<T>("/fhir/Practitioner/_search", {
    method: "POST",
    headers,
    body: new URLSearchParams([
      ["identifier", `${snilsSystem}|${snils}`],
      ["_revinclude", "PractitionerRole:practitioner"],
      ["_include", "PractitionerRole:organization"],
    ]),
  });

async function snilsOf(persona: string): Promise<string> {
  const people = (await (await fetch(`${sandbox}/_people`)).json()) as { id: string; snils?: string }[];
  const snils = people.find(({ id }) => id === persona)?.snils;
  assert.ok(snils, `the sandbox knows no ${persona} with a СНИЛС`);
  return snils;
}

const resources = (bundle: Bundle, type: string) =>
  (bundle.entry ?? []).flatMap(({ resource }) => (resource?.resourceType === type ? [resource] : []));

await step("GET /fhir/metadata tells what this gateway speaks", async () => {
  const { status, body } = await call<CapabilityStatement>("/fhir/metadata");
  assert.equal(status, 200);
  assert.equal(body.fhirVersion, "4.0.1");
  const types = body.rest?.[0]?.resource?.map(({ type }) => type) ?? [];
  assert.ok(types.includes("Practitioner"));
  return `FHIR ${body.fhirVersion}: ${types.join(", ")}`;
});

await step("POST /auth/token gives the demo client a token for its signed assertion", async () => {
  const jwk = JSON.parse(readFileSync(join(config.DATA_DIR, "demo-client.jwk.json"), "utf8"));
  const tokenUrl = `${gateway}/auth/token`;
  const assertion = await clientAssertion({ clientId: "demo", jwk }, tokenUrl);
  const scope = "system/Practitioner.rs system/PractitionerRole.rs system/Organization.rs";
  const answer = await requestToken(tokenUrl, assertion, scope);
  const body = (await answer.json()) as { access_token: string; expires_in: number };
  assert.equal(answer.status, 200);
  token = body.access_token;
  const replay = await requestToken(tokenUrl, assertion, scope);
  assert.equal(replay.status, 401);
  return `valid ${body.expires_in} s; the same assertion a second time: ${replay.status}`;
});

const snils = await snilsOf("doctor");
let practitionerId = "";

await step(
  "POST /fhir/Practitioner/_search finds a worker in ФРМР by СНИЛС, with posts and organisations",
  async () => {
    const { status, body } = await searchWorker<Bundle>(snils);
    assert.equal(status, 200);
    const [worker] = resources(body, "Practitioner") as Practitioner[];
    const roles = resources(body, "PractitionerRole") as PractitionerRole[];
    assert.ok(worker?.id && roles.length > 0);
    practitionerId = worker.id;
    const name = [worker.name?.[0]?.family, ...(worker.name?.[0]?.given ?? [])].join(" ");
    const posts = roles.map((role) => role.code?.[0]?.coding?.[0]?.display ?? role.code?.[0]?.text);
    return `${name}, ${posts.join(", ")}; ${resources(body, "Organization").length} organisation(s)`;
  },
);

await step("GET /fhir/Practitioner/{id} answers from the cache", async () => {
  const { status, body, headers } = await call<Practitioner>(`/fhir/Practitioner/${practitionerId}`);
  assert.equal(status, 200);
  assert.equal(body.id, practitionerId);
  return `${headers.get("etag") ?? "no ETag"}`;
});

await step("GET /cabinet/v1/practitioners/{id}/registry-card is the same card for a portal", async () => {
  const card = await call<{
    practitioner: { name: string };
    roles: unknown[];
    sources: { system: string; status: string; asOf: string }[];
  }>(`/cabinet/v1/practitioners/${practitionerId}/registry-card`);
  assert.equal(card.status, 200);
  const [source] = card.body.sources;
  assert.equal(source?.status, "cached");
  const age = Math.round((Date.now() - Date.parse(source.asOf)) / 1000);
  return `${card.body.practitioner.name}, ${card.body.roles.length} post(s); ${source.system} is ${source.status}, ${age} s old`;
});

await step("A СНИЛС with a wrong check digit is refused before anybody is asked", async () => {
  const wrong = snils.slice(0, -1) + ((Number(snils.at(-1)) + 1) % 10);
  const { status, body } = await searchWorker<OperationOutcome>(wrong);
  assert.equal(status, 400);
  const [issue] = body.issue ?? [];
  assert.equal(issue?.details?.coding?.[0]?.code, "invalid-snils");
  return `${status} ${issue?.details?.text}`;
});

await step(
  "ФРМР answers with an HTML page (scenario html-502): an honest error, no invented data",
  async () => {
    const other = await snilsOf("nurse");
    const broken = await searchWorker<OperationOutcome>(other, { "x-scenario": "html-502" });
    assert.ok([502, 503].includes(broken.status), `status ${broken.status}`);
    assert.equal(broken.body.resourceType, "OperationOutcome");
    const again = await searchWorker<Bundle>(other);
    assert.equal(again.status, 200);
    const [issue] = broken.body.issue ?? [];
    return `${broken.status} ${issue?.details?.coding?.[0]?.code}; asked again without the fault: ${again.status}`;
  },
);

if (config.DATABASE_URL) {
  await step("npm run journal -- verify finds the journal unbroken", async () => {
    const verify = spawnSync("npm", ["run", "--silent", "journal", "--", "verify"], { encoding: "utf8" });
    assert.equal(verify.status, 0, verify.stderr);
    return verify.stdout.trim();
  });
} else {
  console.log("    the journal is embedded: stop the gateway, then npm run journal -- verify");
}
console.log("the story holds");
