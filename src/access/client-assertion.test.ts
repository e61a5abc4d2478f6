import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../core/clock.ts";
import { authenticateClient } from "./client-assertion.ts";
import { createClientRegistry } from "./clients.ts";

const clock = new ManualClock();
const audience = "https://gateway.test/auth/token";
const nowSeconds = () => Math.floor(clock.now() / 1000);
let check: Parameters<typeof authenticateClient>[1];
const keys: Record<string, Awaited<ReturnType<typeof generateKeyPair>>["privateKey"]> = {};

beforeAll(async () => {
  const jwks = { keys: [] as object[] };
  for (const alg of ["RS384", "ES384", "RS256"]) {
    const pair = await generateKeyPair(alg, { extractable: true });
    keys[alg] = pair.privateKey;
    jwks.keys.push({ ...(await exportJWK(pair.publicKey)), kid: alg, alg });
  }
  keys.foreign = (await generateKeyPair("ES384")).privateKey;
  const seen = new Set<string>();
  check = {
    clients: createClientRegistry([
      { clientId: "mis-1", name: "МИС", tenant: "1.2.643", scopes: [], jwks: jwks as never },
    ]),
    audience,
    clock,
    claimOnce: async (purpose, value) => !seen.has(purpose + value) && !!seen.add(purpose + value),
  };
});

function assertion(change: Record<string, unknown> = {}, alg = "ES384", key = alg) {
  const claims = {
    iss: "mis-1",
    sub: "mis-1",
    aud: audience,
    exp: nowSeconds() + 240,
    jti: crypto.randomUUID(),
    ...change,
  };
  return new SignJWT(claims).setProtectedHeader({ alg, kid: alg }).sign(keys[key]!);
}

describe("private_key_jwt", () => {
  it.each(["RS384", "ES384"])("accepts %s", async (alg) => {
    const { client, human } = await authenticateClient(await assertion({}, alg), check);
    expect(client.clientId).toBe("mis-1");
    expect(human).toBeUndefined();
  });

  it("accepts an expiry with a fraction; the jti is remembered until a whole millisecond", async () => {
    const until: number[] = [];
    const claimOnce = async (_purpose: string, _value: string, at: number) => until.push(at) > 0;
    const jwt = await assertion({ exp: nowSeconds() + 100.0004 });
    await authenticateClient(jwt, { ...check, claimOnce });
    expect(until.map(Number.isInteger)).toEqual([true]);
  });

  it("accepts a jti once", async () => {
    const jwt = await assertion();
    await authenticateClient(jwt, check);
    await expect(authenticateClient(jwt, check)).rejects.toMatchObject({
      code: "invalid-assertion",
      field: "client_assertion.jti",
    });
  });

  it.each([
    ["a foreign audience", { aud: "https://else.test" }, "client_assertion.aud"],
    ["a foreign subject", { sub: "mis-2" }, "client_assertion.sub"],
    ["an expired assertion", { exp: 1000 }, "client_assertion.exp"],
    ["an assertion of an hour", { exp: 3600 }, "client_assertion.exp"],
    ["no jti", { jti: undefined }, "client_assertion.jti"],
  ])("refuses %s", async (_name, change, field) => {
    const claims = {
      ...change,
      ...("exp" in change && { exp: nowSeconds() + (change.exp === 1000 ? -1000 : 3600) }),
    };
    await expect(authenticateClient(await assertion(claims), check)).rejects.toMatchObject({
      code: "invalid-assertion",
      field,
    });
  });

  it("refuses a foreign key, another algorithm, alg:none and noise", async () => {
    const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from('{"iss":"mis-1"}').toString("base64url")}.`;
    const bad = [await assertion({}, "ES384", "foreign"), await assertion({}, "RS256"), none, "noise"];
    for (const jwt of bad)
      await expect(authenticateClient(jwt, check)).rejects.toMatchObject({ code: "invalid-assertion" });
  });

  it("does not know a client that was not registered", async () => {
    await expect(authenticateClient(await assertion({ iss: "mis-9" }), check)).rejects.toMatchObject({
      code: "invalid-client",
    });
  });
});
