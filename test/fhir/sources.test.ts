import type { Bundle, OperationOutcome, Patient, Practitioner } from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GatewayError } from "../../src/core/errors.ts";
import type { SourceStatus } from "../../src/core/source-status.ts";
import type { Provider } from "../../src/fhir/provider.ts";
import { codeOf, type FhirServer, resourcesIn, startFhirServer } from "../support/fhir-server.ts";

// a type that registries hold: read through, and written by nobody here
const practitioner: Practitioner & { id: string } = { resourceType: "Practitioner", id: crypto.randomUUID() };
let sources: SourceStatus[] = [];
const registry: Provider = {
  type: "Practitioner",
  documentation: "of a registry",
  searchParameters: [
    { name: "_id", type: "token", documentation: "logical id" },
    { name: "active", type: "token", documentation: "whether active" },
  ],
  read: async (id) => {
    if (id !== practitioner.id) throw new GatewayError("not-found");
    return { value: practitioner, sources };
  },
  search: async () => ({ value: [practitioner], sources }),
};

let server: FhirServer;
beforeAll(async () => {
  server = await startFhirServer({ providers: [registry] });
});
afterAll(() => server?.close());

const patient: Patient = { resourceType: "Patient" };
const entry = (method: string, url: string, resource?: object) => ({
  request: { method, url },
  ...(resource && { resource }),
});
const post = <T = Bundle>(type: string, ...entries: object[]) =>
  server.call<T>("POST", "", { body: { resourceType: "Bundle", type, entry: entries } });

describe("an entry that goes to another system", () => {
  it("in a batch is read through, and a write says what the type does not do", async () => {
    const { body } = await post(
      "batch",
      entry("GET", `Practitioner/${practitioner.id}`),
      entry("GET", "Practitioner?active=true"),
      entry("POST", "Practitioner", { resourceType: "Practitioner" }),
      entry("POST", "Patient", patient),
    );
    expect(body.entry?.map(({ response }) => response?.status.slice(0, 3))).toEqual([
      "200",
      "200",
      "405",
      "201",
    ]);
    expect(body.entry?.[0]?.resource).toEqual(practitioner);
  });

  const wanted = crypto.randomUUID();
  it.each([
    ["a read", entry("GET", `Practitioner/${practitioner.id}`)],
    ["a search", entry("GET", "Practitioner?active=true")],
    ["a create", entry("POST", "Practitioner", { resourceType: "Practitioner" })],
    ["an update", entry("PUT", `Practitioner/${practitioner.id}`, practitioner)],
    ["a delete", entry("DELETE", `Practitioner/${practitioner.id}`)],
  ])("in a transaction %s of it is refused by its code, and nothing is done", async (_name, external) => {
    const own = entry("PUT", `Patient/${wanted}`, { ...patient, id: wanted });
    const answer = await post<OperationOutcome>("transaction", own, external);
    expect([answer.status, codeOf(answer), answer.body.issue[0]?.expression]).toEqual([
      422,
      "not-in-transaction",
      ["Bundle.entry[1].request.url"],
    ]);
    expect(answer.body.issue[0]?.diagnostics).toContain("Practitioner is not kept in our own store");
    expect((await server.call("GET", `/Patient/${wanted}`)).status).toBe(404);
  });
});

describe("a search over sources", () => {
  const outcomesIn = (bundle: Bundle) =>
    (bundle.entry ?? [])
      .filter(({ search }) => search?.mode === "outcome")
      .map(({ resource }) => (resource as OperationOutcome).issue[0]);

  it("has an outcome entry for each source that did not answer, and for each old answer", async () => {
    sources = [
      { system: "frmr", status: "fresh" },
      { system: "frmo", status: "unavailable", retryAfter: 7 },
      { system: "nsi", status: "unavailable" },
      { system: "erz", status: "stale", asOf: Date.UTC(2026, 10, 20) },
    ];
    const { body } = await server.call<Bundle>("GET", "/Practitioner?active=true");
    expect(resourcesIn(body)[0]).toEqual(practitioner);
    expect(
      outcomesIn(body).map((issue) => [
        issue?.severity,
        issue?.details?.coding?.[0]?.code,
        issue?.expression?.[0],
      ]),
    ).toEqual([
      ["warning", "upstream-unavailable", "frmo"],
      ["warning", "upstream-unavailable", "nsi"],
      ["information", undefined, "erz"],
    ]);
    expect(body.entry?.filter(({ search }) => search?.mode === "outcome" && "fullUrl" in search)).toEqual([]);
    sources = [];
    expect(outcomesIn((await server.call<Bundle>("GET", "/Practitioner?active=true")).body)).toEqual([]);
  });

  it("refuses an unknown parameter by name, also when told to be strict", async () => {
    for (const prefer of ["", "handling=strict"]) {
      const answer = await server.call<OperationOutcome>("GET", "/Practitioner?active=true&shoesize=43", {
        headers: { prefer },
      });
      expect([answer.status, codeOf(answer), answer.body.issue[0]?.expression]).toEqual([
        400,
        "unknown-parameter",
        ["shoesize"],
      ]);
    }
  });

  it("leaves it out with a warning when lenient, and self shows what was applied", async () => {
    const { body } = await server.call<Bundle>("GET", "/Practitioner?active=true&shoesize=43&_count=5", {
      headers: { prefer: "handling=lenient" },
    });
    expect(outcomesIn(body).map((issue) => [issue?.severity, issue?.expression])).toEqual([
      ["warning", ["shoesize"]],
    ]);
    expect(body.link?.[0]).toEqual({
      relation: "self",
      url: `${server.baseUrl}/Practitioner?active=true&_count=5`,
    });
  });
});
