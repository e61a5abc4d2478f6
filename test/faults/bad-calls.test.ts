import { randomUUID } from "node:crypto";
import { connect, type Socket } from "node:net";
import type { OperationOutcome } from "@medplum/fhirtypes";
import { exportJWK, generateKeyPair, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clientAssertion, requestToken } from "../../scripts/system-client.ts";
import { freshDatabase } from "../support/database.ts";
import { codeOf, Door, sandboxPeople } from "../support/door.ts";
import { demoScopes, startGateway, type TestGateway } from "../support/gateway.ts";

let gateway: TestGateway;
let tokenUrl: string;
let snils: string;
beforeAll(async () => {
  gateway = await startGateway({
    TRACE_SLOW_MS: "1",
    DATABASE_URL: await freshDatabase(),
    MAX_CONNECTIONS: "12",
  });
  tokenUrl = `${gateway.url}/auth/token`;
  snils = (await sandboxPeople(gateway)).get("doctor")!;
});
afterAll(() => gateway?.remove());

describe("POST /auth/token", () => {
  const refusal = async (assertion: string, scope = demoScopes) => {
    const answer = await requestToken(tokenUrl, assertion, scope);
    const { error } = (await answer.json()) as { error: string };
    return [answer.status, error];
  };

  it("takes an assertion once", async () => {
    const assertion = await clientAssertion(await gateway.key(), tokenUrl);
    expect((await requestToken(tokenUrl, assertion, demoScopes)).status).toBe(200);
    expect(await refusal(assertion)).toEqual([401, "invalid_client"]);
  });

  it("refuses alg:none", async () => {
    const { clientId } = await gateway.key();
    const unsigned = new UnsecuredJWT({ jti: randomUUID() })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(tokenUrl)
      .setExpirationTime("4m")
      .encode();
    expect(await refusal(unsigned)).toEqual([401, "invalid_client"]);
  });

  it("refuses another's key, an old assertion, a far expiry and another audience", async () => {
    const key = await gateway.key();
    const stranger = await generateKeyPair("ES384", { extractable: true });
    const jwk = { ...(await exportJWK(stranger.privateKey)), alg: "ES384", kid: key.jwk.kid };
    const now = Math.floor(Date.now() / 1000);
    const wrong = [
      await clientAssertion({ ...key, jwk }, tokenUrl),
      await clientAssertion(key, tokenUrl, { exp: now - 60 }),
      await clientAssertion(key, tokenUrl, { exp: now + 3_600 }),
      await clientAssertion(key, "https://elsewhere.example/auth/token"),
      await clientAssertion({ ...key, clientId: "nobody" }, tokenUrl),
      "no.jwt",
    ];
    for (const assertion of wrong) expect(await refusal(assertion)).toEqual([401, "invalid_client"]);
  });

  it("refuses a scope that the client doesn't hold", async () => {
    const assertion = await clientAssertion(await gateway.key(), tokenUrl);
    expect(await refusal(assertion, "user/Practitioner.rs")).toEqual([400, "invalid_scope"]);
  });
});

describe("/fhir", () => {
  it.each([
    ["no token", ""],
    ["a word", "Bearer secret"],
    ["an unsigned token", `Bearer ${new UnsecuredJWT({ scope: "system/*.rs" }).encode()}x`],
  ])("refuses %s", async (_name, authorization) => {
    const answer = await fetch(`${gateway.url}/fhir/Practitioner/1`, { headers: { authorization } });
    expect(answer.status).toBe(401);
    expect(codeOf((await answer.json()) as OperationOutcome)).toBe("unauthorized");
  });

  it("refuses a token with one changed letter", async () => {
    const token = await gateway.token();
    const [head, claims = "", signature] = token.split(".");
    const changed = `${claims.slice(0, 9)}${claims[9] === "A" ? "B" : "A"}${claims.slice(10)}`;
    const reply = await new Door(gateway, [head, changed, signature].join(".")).search<OperationOutcome>(
      snils,
    );
    expect([reply.status, codeOf(reply.body)]).toEqual([401, "unauthorized"]);
  });

  it("R-09 refuses a registry query that the token's scopes don't cover", async () => {
    const door = await Door.open(gateway, "system/Organization.rs");
    const replies = [
      await door.search<OperationOutcome>(snils),
      await door.call<OperationOutcome>("/fhir/Practitioner/1"),
      await door.call<OperationOutcome>("/fhir/PractitionerRole?practitioner=Practitioner/1"),
    ];
    for (const { status, body } of replies) expect([status, codeOf(body)]).toEqual([403, "scope-missing"]);
  });

  it("names an unknown search parameter, or ignores it when asked to be lenient", async () => {
    const door = await Door.open(gateway);
    const strict = await door.search<OperationOutcome>(snils, { shoesize: "43" });
    expect([strict.status, codeOf(strict.body)]).toEqual([400, "unknown-parameter"]);
    expect(JSON.stringify(strict.body)).toContain("shoesize");
    const lenient = await door.search(snils, { shoesize: "43" }, { prefer: "handling=lenient" });
    expect(lenient.status).toBe(200);
    const warnings = lenient.body.entry?.filter(({ search }) => search?.mode === "outcome") ?? [];
    expect(warnings).toHaveLength(1);
  });

  it("refuses a СНИЛС with a wrong check digit and one in the URL", async () => {
    const door = await Door.open(gateway);
    const wrong = snils.slice(0, -1) + ((Number(snils.at(-1)) + 1) % 10);
    const refused = await door.search<OperationOutcome>(wrong);
    expect([refused.status, codeOf(refused.body)]).toEqual([400, "invalid-snils"]);
    expect(JSON.stringify(refused.body)).not.toContain(wrong);
    const inUrl = `/fhir/Practitioner?identifier=urn:oid:1.2.643.100.3|${snils}`;
    const shown = await door.call<OperationOutcome>(inUrl);
    expect([shown.status, codeOf(shown.body)]).toEqual([400, "identifier-in-url"]);
  });

  it("leaves its trace when it took longer than the setting", async () => {
    await expect
      .poll(() => gateway.metric('cabinet_telemetry_traces_kept_total{reason="slow"}'))
      .toBeGreaterThan(5);
  });
});

describe("connections", () => {
  const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
  const open = (bytes: string): Socket => {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname).on("error", () => {});
    socket.write(bytes);
    return socket;
  };
  const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const received = async (socket: Socket) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    await closed(socket);
    return text;
  };
  const metric = async (name: string) => {
    const answer = await fetch(`http://127.0.0.1:${gateway.environment["METRICS_PORT"]}/metrics`);
    return Number(new RegExp(`^${name}\\S* (\\d+)`, "m").exec(await answer.text())?.[1]);
  };

  it("a request without Host and one with a wrong escape are refused as others are", async () => {
    const text = await received(open("GET /fhir/metadata HTTP/1.1\r\nConnection: close\r\n\r\n"));
    expect(text).toMatch(/^HTTP\/1.1 400/);
    expect(text).toContain('"code":"bad-request"');
    const escaped = await fetch(`${gateway.url}/fhir/%ZZ?a=%ZZ`);
    expect([escaped.status, codeOf((await escaped.json()) as OperationOutcome)]).toEqual([
      400,
      "bad-request",
    ]);
    expect((await fetch(`${gateway.url}/fhir/Patient/${"1".repeat(200)}`)).status).toBe(400);
    for (const header of ["x-content-type-options", "ratelimit-limit", "x-request-id"])
      expect(escaped.headers.get(header), header).toBeTruthy();
  });

  it("pipelined requests are answered in order", async () => {
    const socket = open(ask("/health/live") + ask("/docs/errors") + ask("/health/ready"));
    socket.write(ask("/nowhere").replace("Host", "Connection: close\r\nHost"));
    const text = await received(socket);
    expect(text.match(/HTTP\/1.1 \d+/g)).toEqual([200, 200, 200, 404].map((status) => `HTTP/1.1 ${status}`));
    expect(text.indexOf("alive")).toBeLessThan(text.indexOf("Коды ошибок"));
  });

  it("callers that pipeline without end and read nothing are cut before they fill the memory", async () => {
    const before = await metric("cabinet_process_resident_memory_bytes");
    const sockets = Array.from({ length: 4 }, () => open(ask("/docs").repeat(1_500)).pause());
    const active = () => metric("cabinet_http_server_active_requests");
    await expect.poll(active, { timeout: 10_000, interval: 200 }).toBe(0);
    expect((await metric("cabinet_process_resident_memory_bytes")) - before).toBeLessThan(200e6);
    await Promise.all(sockets.map((socket) => closed(socket.resume())));
  });

  it("connections beyond the limit are closed at once, and the others go on", async () => {
    const kept = Array.from({ length: 12 }, () => open(""));
    await closed(open(ask("/health/live")));
    for (const socket of kept) socket.destroy();
    await expect
      .poll(() =>
        fetch(`${gateway.url}/health/live`).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
  });
});
