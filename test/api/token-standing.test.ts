import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import { afterAll, beforeAll, expect, it } from "vitest";
import { clientAssertion, requestToken, type SystemKey } from "../../scripts/system-client.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { freshDatabase } from "../support/database.ts";

// two replicas on one PostgreSQL and one Redis, three clients of two legal entities
let replicas: [TestApp, TestApp];
let folder: string;
const keys = new Map<string, SystemKey>();
const scope = "system/Organization.rs";
const tenants = { first: "1.2.643.5.1.13.13.12.2.77.90001", second: "1.2.643.5.1.13.13.12.2.77.90002" };

async function registered(clientId: string, tenant: string) {
  const { privateKey, publicKey } = await generateKeyPair("ES384", { extractable: true });
  keys.set(clientId, { clientId, jwk: { ...(await exportJWK(privateKey)), alg: "ES384" } });
  return {
    clientId,
    name: clientId,
    tenant,
    scopes: [scope, "system/Task.rs"],
    jwks: { keys: [await exportJWK(publicKey)] },
  };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clients-"));
  const file = join(folder, "clients.json");
  const clients = [
    await registered("own", tenants.first),
    await registered("colleague", tenants.first),
    await registered("stranger", tenants.second),
  ];
  await writeFile(file, JSON.stringify(clients));
  const settings = {
    CLIENTS_FILE: file,
    DATABASE_URL: await freshDatabase(),
    REDIS_URL: process.env.TEST_REDIS_URL ?? "",
    MASTER_KEY: randomBytes(32).toString("base64"),
  };
  const first = await startApp(settings);
  replicas = [first, await startApp({ ...settings, PUBLIC_URL: first.url })];
});
afterAll(async () => {
  for (const replica of replicas ?? []) await replica.close();
  await rm(folder, { recursive: true, force: true });
});

const tokenUrl = () => `${replicas[0].url}/auth/token`;
const assertionOf = (client: string) => clientAssertion(keys.get(client) as SystemKey, tokenUrl());

async function tokenOf(client: string): Promise<string> {
  const answer = await requestToken(tokenUrl(), await assertionOf(client), scope);
  return ((await answer.json()) as { access_token: string }).access_token;
}

async function ask(path: "introspect" | "revoke", client: string, form: Record<string, string>) {
  const answer = await fetch(`${replicas[0].url}/auth/${path}`, {
    method: "POST",
    body: new URLSearchParams({
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: await assertionOf(client),
      ...form,
    }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text ? (JSON.parse(text) as Record<string, unknown>) : undefined };
}

const read = async (replica: TestApp, token: string): Promise<number> =>
  (await fetch(`${replica.url}/fhir/Organization/none`, { headers: { authorization: `Bearer ${token}` } }))
    .status;

it("a revoked token is refused by every replica from the answer on", async () => {
  const token = await tokenOf("own");
  // both replicas have it in memory
  expect(await Promise.all(replicas.map((replica) => read(replica, token)))).toEqual([404, 404]);
  expect(await ask("revoke", "own", { token })).toEqual({ status: 200, body: undefined });
  expect(await Promise.all(replicas.map((replica) => read(replica, token)))).toEqual([401, 401]);
  expect((await ask("introspect", "own", { token })).body).toEqual({ active: false });
  // revoking what is no token any more succeeds (RFC 7009 2.2)
  expect((await ask("revoke", "own", { token })).status).toBe(200);
});

it("a client revokes its own tokens only", async () => {
  const token = await tokenOf("own");
  const { status, body } = await ask("revoke", "colleague", { token });
  expect([status, body?.error, body?.code]).toEqual([400, "invalid_grant", "foreign-token"]);
  expect(await read(replicas[1], token)).toBe(404);
});

it("introspection tells of tokens of the same legal entity", async () => {
  const token = await tokenOf("own");
  const { body } = await ask("introspect", "colleague", { token });
  expect(body).toMatchObject({ active: true, client_id: "own", scope, token_type: "Bearer" });
  expect(Number(body?.exp) - Number(body?.iat)).toBe(replicas[0].config.TOKEN_SECONDS);
  expect((await ask("introspect", "stranger", { token })).body).toEqual({ active: false });
  expect((await ask("introspect", "own", { token: "no.such.token" })).body).toEqual({ active: false });
});

it("both want a client, a form and the token in it", async () => {
  for (const path of ["introspect", "revoke"] as const) {
    const bare = await fetch(`${replicas[0].url}/auth/${path}`, {
      method: "POST",
      body: new URLSearchParams({ token: "x" }),
    });
    expect([bare.status, ((await bare.json()) as { error: string }).error]).toEqual([401, "invalid_client"]);
    const { status, body } = await ask(path, "own", {});
    expect([status, body?.error]).toEqual([400, "invalid_request"]);
  }
});

it("smart-configuration names both endpoints", async () => {
  const answer = await fetch(`${replicas[0].url}/fhir/.well-known/smart-configuration`);
  expect(await answer.json()).toMatchObject({
    introspection_endpoint: `${replicas[0].url}/auth/introspect`,
    revocation_endpoint: `${replicas[0].url}/auth/revoke`,
    code_challenge_methods_supported: ["S256"],
  });
});

it.each([
  ["a search of the type", "system/Task.rs?status=completed", 200, undefined],
  ["a parameter without a value", "system/Task.rs?status:not=", 400, "invalid_scope"],
  ["a value that nothing has", "system/Task.rs?status:not=%00", 400, "invalid_scope"],
  ["an unknown parameter", "system/Task.rs?colour=red", 400, "invalid_scope"],
  ["a person's name", "system/Task.rs?patient:Patient.name=X", 400, "invalid_scope"],
  ["a type that is not searched by the index", `${scope}?name=x`, 400, "invalid_scope"],
])("a granular scope is a search that can be made: %s", async (_what, asked, status, error) => {
  const answer = await requestToken(tokenUrl(), await assertionOf("own"), asked);
  expect([answer.status, ((await answer.json()) as { error?: string }).error]).toEqual([status, error]);
});
