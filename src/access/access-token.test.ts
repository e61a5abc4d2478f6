import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { revocationsInMemory } from "../../test/support/revocations.ts";
import { ManualClock } from "../core/clock.ts";
import { AccessTokens } from "./access-token.ts";

const settings = (clock = new ManualClock()) => ({
  revocations: revocationsInMemory(clock),
  key: new Uint8Array(32).fill(1),
  issuer: "https://gateway.test",
  audience: "https://gateway.test/fhir",
  lifeSeconds: 300,
  clock,
});
const client = { clientId: "mis-1", tenant: "1.2.643.5.1.13.13.12.2.77.90001" };

describe("access tokens", () => {
  it("carry client, tenant and scopes", async () => {
    const tokens = new AccessTokens(settings());
    const issued = await tokens.issue(client, ["system/Practitioner.rs"]);
    expect(issued).toMatchObject({ token_type: "Bearer", expires_in: 300, scope: "system/Practitioner.rs" });
    const facts = await tokens.check(issued.access_token);
    expect(facts.actor).toMatchObject({ kind: "client", id: "mis-1", tenant: client.tenant });
    expect(facts.scopes).toEqual([{ level: "system", type: "Practitioner", interactions: "rs" }]);
  });

  it("L-19 a token past its life is refused, also when it was checked before", async () => {
    const clock = new ManualClock();
    const tokens = new AccessTokens(settings(clock));
    const { access_token } = await tokens.issue(client, []);
    await tokens.check(access_token);
    await clock.advance(301_000);
    await expect(tokens.check(access_token)).rejects.toMatchObject({ code: "token-expired" });
  });

  it.each([
    ["another key", { key: new Uint8Array(32).fill(2) }],
    ["another issuer", { issuer: "https://else.test" }],
    ["another audience", { audience: "https://else.test/fhir" }],
  ])("a token made with %s is refused", async (_name, change) => {
    const clock = new ManualClock();
    const foreign = new AccessTokens({ ...settings(clock), ...change });
    const { access_token } = await foreign.issue(client, []);
    await expect(new AccessTokens(settings(clock)).check(access_token)).rejects.toMatchObject({
      code: "unauthorized",
    });
  });

  it("alg:none and a plain JWT of the same key are refused", async () => {
    const tokens = new AccessTokens(settings());
    const body = Buffer.from(JSON.stringify({ client_id: "mis-1", exp: 9_999_999_999 })).toString(
      "base64url",
    );
    const none = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString("base64url")}.${body}.`;
    await expect(tokens.check(none)).rejects.toMatchObject({ code: "unauthorized" });
    const plain = await new SignJWT({ client_id: "mis-1" })
      .setProtectedHeader({ alg: "HS256" })
      .setIssuer("https://gateway.test")
      .setAudience("https://gateway.test/fhir")
      .sign(settings().key);
    await expect(tokens.check(plain)).rejects.toMatchObject({ code: "unauthorized" });
  });
});
