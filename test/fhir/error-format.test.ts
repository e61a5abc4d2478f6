import type { OperationOutcome } from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GatewayError } from "../../src/core/errors.ts";
import { resourceOfXml } from "../../src/fhir/xml-codec.ts";
import { codeOf, type FhirServer, startFhirServer } from "../support/fhir-server.ts";

let server: FhirServer;
beforeAll(async () => {
  server = await startFhirServer({
    withEach: (provider) =>
      provider.type !== "Schedule"
        ? provider
        : {
            ...provider,
            read: async () => {
              throw new GatewayError("rate-limited", { retryAfter: 3 });
            },
          },
  });
});
afterAll(() => server?.close());

const errors: [string, number, string, { body?: string; token?: string; type?: string }?][] = [
  ["GET /Patient?nonsense=1", 400, "unknown-parameter"],
  ["GET /Patient/unknown", 404, "not-found"],
  ["GET /Spaceship", 404, "unsupported-type"],
  ["GET /Patient/1/2/3/4/5", 404, "not-found"],
  ["PUT /Patient/_history", 405, "method-not-allowed"],
  ["GET /Patient/1", 401, "unauthorized", { token: "" }],
  ["GET /Schedule/1", 429, "rate-limited"],
  ["POST /Patient", 415, "unsupported-media-type", { body: "x", type: "text/csv" }],
  ["POST /Patient", 400, "bad-request", { body: "{", type: "application/json" }],
  ["GET /%E0%A4%A", 400, "bad-request"],
];

describe.each(errors)("%s is %i", (line, status, code, { body, token, type } = {}) => {
  const [method = "", path = ""] = line.split(" ");
  const call = (headers: Record<string, string>) =>
    server.call<OperationOutcome>(method, path, {
      headers: {
        ...headers,
        ...(type && { "content-type": type }),
        ...(token === "" && { authorization: "" }),
      },
      ...(body !== undefined && { body }),
    });

  it("in XML when XML is asked for", async () => {
    const answer = await call({ accept: "application/fhir+xml" });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([
      status,
      "application/fhir+xml; charset=utf-8",
    ]);
    const outcome = resourceOfXml(answer.text) as OperationOutcome;
    expect(outcome.issue[0]?.details?.coding?.[0]?.code).toBe(code);
  });

  it("in JSON otherwise", async () => {
    for (const accept of ["application/fhir+json", "*/*", "application/*;q=0.5"]) {
      const answer = await call({ accept });
      expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    }
  });
});

it("_format wins over Accept", async () => {
  const headers = { accept: "application/fhir+json" };
  const xml = await server.call("GET", "/Patient/unknown?_format=xml", { headers });
  expect([xml.status, xml.text]).toEqual([404, expect.stringContaining("<OperationOutcome")]);
  const json = await server.call("GET", "/Patient/unknown?_format=json", {
    headers: { accept: "application/fhir+xml" },
  });
  expect([json.status, codeOf(json)]).toEqual([404, "not-found"]);
});

it("a format that there is not is refused in JSON, and so is what XML can't hold", async () => {
  for (const [path, accept] of [
    ["/Patient/unknown", "text/csv"],
    ["/Patient?_format=csv", "application/fhir+xml"],
  ] as const) {
    const answer = await server.call("GET", path, { headers: { accept } });
    expect(answer.headers.get("content-type")).toBe("application/fhir+json; charset=utf-8");
    expect(["not-acceptable", "not-found"]).toContain(codeOf(answer));
  }
  const unwritable = await server.call("GET", "/Patient?%00=1", {
    headers: { accept: "application/fhir+xml" },
  });
  expect([unwritable.status, codeOf(unwritable)]).toEqual([400, "unknown-parameter"]);
});
