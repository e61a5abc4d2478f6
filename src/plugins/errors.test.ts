import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import type { OperationOutcome } from "@medplum/fhirtypes";
import fastify, { type FastifyInstance } from "fastify";
import { beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../core/clock.ts";
import { type ErrorCode, errorTable } from "../core/error-table.ts";
import { GatewayError, type RetryContract } from "../core/errors.ts";
import { registerContext } from "./context.ts";
import { registerErrors } from "./errors.ts";
import { serverOptions } from "./server-options.ts";

const publicUrl = "https://gw.example";
const logged: object[] = [];
const record = (fields: object) => void logged.push(fields);
const log = { debug: record, info: record, warn: record, error: record };

let app: FastifyInstance;
let journal: { code: ErrorCode; url: string }[];
let journalFails = false;

beforeEach(() => {
  logged.length = 0;
  journal = [];
  journalFails = false;
  app = fastify(serverOptions({ publicUrl, timeoutMs: 30_000 }));
  registerContext(app, { clock: systemClock, log, timeoutMs: 30_000 });
  registerErrors(app, {
    publicUrl,
    record: async ({ url }, code) => {
      if (journalFails) throw new GatewayError("store-unavailable");
      journal.push({ code, url });
    },
  });
  const fail = (code: string) => {
    if (code === "unforeseen") throw new TypeError("secret of the house");
    throw new GatewayError(code as ErrorCode, { field: "Practitioner.name", detail: "because of a test" });
  };
  for (const path of ["/fhir/fail/:code", "/cabinet/v1/fail/:code"])
    app.get<{ Params: { code: string } }>(path, async ({ params }) => fail(params.code));
  app.post<{ Querystring: { code: string } }>("/auth/token", async ({ query }) => fail(query.code));
  const schema = { body: { type: "object", required: ["name"], properties: { name: { type: "string" } } } };
  app.post("/cabinet/v1/people", { schema, bodyLimit: 100 }, async () => ({}));
});

const codes = Object.keys(errorTable) as ErrorCode[];

/** The contract as an OperationOutcome carries it. */
function contractIn({ issue }: OperationOutcome): Record<string, unknown> {
  const parts = issue[0]?.extension?.[0]?.extension ?? [];
  return Object.fromEntries(
    parts.map(({ url, valueBoolean, valueUnsignedInt }) => [url, valueBoolean ?? valueUnsignedInt]),
  );
}

describe("one table of errors", () => {
  it("L-52 every code is answered under /fhir with its coding, Russian text and remedy", async () => {
    for (const code of codes) {
      const answer = await app.inject(`/fhir/fail/${code}`);
      expect(answer.statusCode).toBe(errorTable[code].status);
      expect(answer.headers["content-type"]).toMatch(/^application\/fhir\+json/);
      const { resourceType, issue } = answer.json();
      expect(resourceType).toBe("OperationOutcome");
      expect(issue[0].code).toBe(errorTable[code].issue);
      expect(issue[0].details.coding[0].code).toBe(code);
      expect(issue[0].details.text).toMatch(/[а-яё]/i);
      expect(errorTable[code].remedy).toMatch(/[а-яё]/i);
      expect(issue[0].diagnostics).toContain(errorTable[code].remedy);
    }
  });

  it("L-53 an input error names the element to mend, in both dialects", async () => {
    const fhir = await app.inject("/fhir/fail/validation-failed");
    expect(fhir.json().issue[0].expression).toEqual(["Practitioner.name"]);
    const cabinet = await app.inject("/cabinet/v1/fail/validation-failed");
    expect(cabinet.json().field).toBe("Practitioner.name");
  });

  it("L-52 every code is a problem document elsewhere, with its Russian text and remedy", async () => {
    for (const code of codes) {
      const answer = await app.inject(`/cabinet/v1/fail/${code}`);
      expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
      expect(answer.json()).toMatchObject({
        type: `${publicUrl}/docs/errors#${code}`,
        code,
        title: errorTable[code].text,
        remedy: errorTable[code].remedy,
        requestId: expect.any(String),
      });
    }
  });

  it.each([
    ["/fhir/fail/", "GET", contractIn],
    ["/cabinet/v1/fail/", "GET", (body: { retry: object }) => body.retry],
    ["/auth/token?code=", "POST", (body: { retry: object }) => body.retry],
  ] as const)("every code tells its retry contract at %s", async (path, method, read) => {
    const documented = await readFile(new URL("../../docs/errors.md", import.meta.url), "utf8");
    for (const code of codes) {
      const { retry, status } = errorTable[code];
      const answer = await app.inject({ method, url: path + code });
      const told = read(answer.json()) as RetryContract;
      const retryable = retry === "later" || retry === "same-key";
      expect(told, code).toMatchObject({ retryable, sameRequestId: retry === "same-key" });
      expect(answer.headers["retry-after"], code).toBe(told.retryAfter?.toString());
      if (status === 503 || status === 429) expect([code, told]).toEqual([code, { ...told, retryAfter: 5 }]);
      expect(documented).toMatch(
        new RegExp(
          `^\\| \`${code}\` \\| ${status} .* \\| ${told.retryable} \\| ${told.sameRequestId} \\|$`,
          "m",
        ),
      );
    }
  });

  it("the token endpoint answers as RFC 6749 says", async () => {
    const expected = {
      "invalid-client": [401, "invalid_client"],
      "invalid-scope": [400, "invalid_scope"],
      "unsupported-grant-type": [400, "unsupported_grant_type"],
      internal: [500, "server_error"],
      "bad-request": [400, "invalid_request"],
    };
    for (const [code, [status, error]] of Object.entries(expected)) {
      const answer = await app.inject({ method: "POST", url: `/auth/token?code=${code}` });
      expect(answer.statusCode).toBe(status);
      expect(answer.json()).toMatchObject({ error, code });
      expect(answer.headers["cache-control"]).toBe("no-store");
    }
  });
});

describe("what nobody foresaw", () => {
  it("is told as one fixed sentence; the details are in the log under the request id", async () => {
    for (const path of ["/fhir/fail/unforeseen", "/cabinet/v1/fail/unforeseen"]) {
      const answer = await app.inject(path);
      expect(answer.statusCode).toBe(500);
      expect(answer.body).not.toMatch(/secret of the house|\.ts|node_modules/);
    }
    expect(logged).toContainEqual(
      expect.objectContaining({ code: "internal", request_id: expect.any(String) }),
    );
  });

  it("an access that can't be journalled is answered store-unavailable, and the answer doesn't leave", async () => {
    journalFails = true;
    const answer = await app.inject("/cabinet/v1/fail/forbidden");
    expect(answer.statusCode).toBe(503);
    expect(answer.json().code).toBe("store-unavailable");
  });

  it("a refusal is handed to the journal with its code", async () => {
    await app.inject("/fhir/fail/forbidden");
    expect(journal).toEqual([{ code: "forbidden", url: "/fhir/fail/forbidden" }]);
  });
});

describe("broken requests", () => {
  const post = (payload: string, type = "application/json") =>
    app.inject({ method: "POST", url: "/cabinet/v1/people", payload, headers: { "content-type": type } });

  it("malformed JSON, a wrong type, an empty and a too large body have codes and quote nothing", async () => {
    const cases: [Awaited<ReturnType<typeof post>>, ErrorCode][] = [
      [await post('{"name": Иванов'), "bad-request"],
      [await post("name=Иванов", "text/csv"), "unsupported-media-type"],
      [await post(""), "bad-request"],
      [await post(JSON.stringify({ name: "Иванов".repeat(50) })), "payload-too-large"],
    ];
    for (const [answer, code] of cases) {
      expect(answer.statusCode).toBe(errorTable[code].status);
      expect(answer.json().code).toBe(code);
      expect(answer.body).not.toContain("Иванов");
    }
  });

  it("a body against the contract names the field", async () => {
    const missing = await post("{}");
    expect(missing.json()).toMatchObject({ code: "bad-request", field: "body/name" });
    const wrong = await post('{"name": {}}');
    expect(wrong.json().field).toBe("body/name");
  });

  it("an unknown path is 404, a known one with another method 405 with Allow", async () => {
    const unknown = await app.inject("/fhir/nowhere/at/all/x");
    expect(unknown.statusCode).toBe(404);
    expect(unknown.json().resourceType).toBe("OperationOutcome");
    const method = await app.inject({ method: "DELETE", url: "/cabinet/v1/people" });
    expect(method.statusCode).toBe(405);
    expect(method.headers.allow).toBe("POST");
    expect(method.json().code).toBe("method-not-allowed");
  });

  it("a path under /fhir that is no URL is refused by an OperationOutcome", async () => {
    const answer = await app.inject("/fhir/fail/%E0%A4%A");
    expect(answer.statusCode).toBe(400);
    expect(answer.headers["content-type"]).toMatch(/^application\/fhir\+json/);
    expect(answer.json().issue[0].details.coding[0].code).toBe("bad-request");
  });

  it.each([
    ["HPE_HEADER_OVERFLOW", "431 Request Header Fields Too Large"],
    ["ERR_HTTP_REQUEST_TIMEOUT", "408 Request Timeout"],
    ["HPE_INVALID_METHOD", "400 Bad Request"],
  ])("what is no request (%s) is answered %s, in the body too", (code, line) => {
    const sent: string[] = [];
    const socket = { writable: true, end: (text: string) => sent.push(text) } as unknown as Socket;
    const { clientErrorHandler } = serverOptions({ publicUrl, timeoutMs: 30_000 });
    clientErrorHandler?.call(app, Object.assign(new Error(), { code }) as never, socket);
    const [head = "", body = ""] = sent.join("").split("\r\n\r\n");
    expect(head.split("\r\n")[0]).toBe(`HTTP/1.1 ${line}`);
    expect(JSON.parse(body).status).toBe(Number(line.slice(0, 3)));
  });

  it("a path that is no URL is refused in our words", async () => {
    const answer = await app.inject("/cabinet/v1/fail/%E0%A4%A");
    expect(answer.statusCode).toBe(400);
    expect(answer.json().code).toBe("bad-request");
  });
});
