import type { Binary, Bundle, BundleEntry, Location, Observation, Patient } from "@medplum/fhirtypes";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { codeOf, type FhirServer, startFhirServer } from "../support/fhir-server.ts";

let server: FhirServer;
// Observations that decide() keeps from the caller
const hidden = new Set<string>();
beforeAll(async () => {
  server = await startFhirServer({
    rules: { deletesMany: true },
    refuses: (_action, { type, id }) => type === "Observation" && hidden.has(id ?? ""),
  });
});
afterAll(() => server?.close());
afterEach(() => hidden.clear());

const place = (name: string): Location => ({ resourceType: "Location", name });
const create = async (name: string) => (await server.call("POST", "/Location", { body: place(name) })).body;
const total = async (name: string) =>
  (await server.call<Bundle>("GET", `/Location?name=${name}&_total=accurate&_count=0`)).body.total;
const post = (type: "batch" | "transaction", ...entry: BundleEntry[]) =>
  server.call<Bundle>("POST", "", { body: { resourceType: "Bundle", type, entry } });
const controls = ["_count=1", "_count=0", "_sort=name", "_total=accurate", "_include=Location:organization"];

describe("a control parameter is no criterion", () => {
  it.each(controls)("%s", async (control) => {
    await create("K");
    await create("K");
    const before = await total("K");
    const body = place("K");
    const query = `name=K&${control}`;
    const answers = [
      await server.call("PUT", `/Location?${query}`, { body }),
      await server.call("POST", "/Location", { body, headers: { "if-none-exist": query } }),
      await server.call("DELETE", `/Location?${query}`),
    ];
    for (const answer of answers) expect([answer.status, codeOf(answer)]).toEqual([400, "bad-request"]);
    const ofEntry = await post("transaction", {
      resource: body,
      request: { method: "POST", url: "Location", ifNoneExist: query },
    });
    expect([ofEntry.status, codeOf(ofEntry)]).toEqual([400, "bad-request"]);
    expect(await total("K")).toBe(before);
  });

  it.each(["status:not=", "status:not=,", "status:not=%00", "status:not=%00,%00x", "name=&status:not="])(
    "a criterion without a value is none: %s",
    async (query) => {
      await create("kept");
      const body = place("kept");
      const answers = [
        await server.call("DELETE", `/Location?${query}`),
        await server.call("PUT", `/Location?${query}`, { body }),
        await server.call("POST", "/Location", { body, headers: { "if-none-exist": query } }),
        await post("transaction", { request: { method: "DELETE", url: `Location?${query}` } }),
      ];
      for (const answer of answers) expect([answer.status, codeOf(answer)]).toEqual([400, "bad-request"]);
      const lenient = { prefer: "handling=lenient" };
      expect((await server.call("DELETE", `/Location?${query}`, { headers: lenient })).status).toBe(400);
      expect(await total("kept")).toBeGreaterThan(0);
    },
  );

  it("_summary and _elements are none in If-None-Exist", async () => {
    const headers = { "if-none-exist": "name=K&_summary=count" };
    const answer = await server.call("POST", "/Location", { body: place("K"), headers });
    expect([answer.status, codeOf(answer)]).toEqual([400, "bad-request"]);
  });

  it("what says how the answer looks still may stand in the URL", async () => {
    const answer = await server.call("PUT", "/Location?name=look&_format=json", { body: place("look") });
    expect(answer.status).toBe(201);
  });
});

describe("several matches", () => {
  const make = async (name: string, count: number) => {
    const one = { resource: place(name), request: { method: "POST", url: "Location" } } as const;
    for (let left = count; left > 0; left -= 150)
      expect((await post("batch", ...Array.from({ length: Math.min(left, 150) }, () => one))).status).toBe(
        200,
      );
  };

  it("60 are all deleted at once", async () => {
    await make("many", 60);
    expect((await server.call("DELETE", "/Location?name=many")).status).toBe(204);
    expect(await total("many")).toBe(0);
  });

  it("more than 200 are too broad, and none is deleted", async () => {
    await make("crowd", 201);
    const answer = await server.call("DELETE", "/Location?name=crowd");
    expect([answer.status, codeOf(answer)]).toEqual([400, "search-too-broad"]);
    expect(await total("crowd")).toBe(201);
  });
});

describe("criteria tell nothing of what the caller may not see", () => {
  const patch = [{ op: "replace", path: "/status", value: "amended" }];
  const observation = async (code: string, subject: string) => {
    const body: Observation = {
      resourceType: "Observation",
      status: "final",
      code: { coding: [{ system: "https://mis.example/codes", code }] },
      subject: { reference: `Patient/${subject}` },
    };
    return (await server.call<Observation>("POST", "/Observation", { body })).body.id ?? "";
  };
  const newPatient = async () => {
    const body: Patient = { resourceType: "Patient", name: [{ family: "Вымышленный" }] };
    return (await server.call("POST", "/Patient", { body })).body.id ?? "";
  };
  const patched = (query: string) =>
    server.call("PATCH", `/Observation?${query}`, {
      body: JSON.stringify(patch),
      headers: { "content-type": "application/json-patch+json" },
    });

  it("a patch, a delete and a reference answer as for nothing", async () => {
    const subject = await newPatient();
    const id = await observation("hiv", subject);
    hidden.add(id);
    const answersTo = async (code: string) => {
      const query = `subject=Patient/${subject}&code=${code}`;
      const data = Buffer.from(JSON.stringify(patch)).toString("base64");
      const resource: Binary = { resourceType: "Binary", contentType: "application/json-patch+json", data };
      const linked: Observation = {
        resourceType: "Observation",
        status: "final",
        code: { text: "x" },
        hasMember: [{ reference: `Observation?${query}` }],
      };
      const answers = [
        await patched(query),
        await server.call("DELETE", `/Observation?${query}`),
        await post("transaction", { resource: linked, request: { method: "POST", url: "Observation" } }),
        await post("transaction", { resource, request: { method: "PATCH", url: `Observation?${query}` } }),
      ];
      return answers.map((answer) => [answer.status, codeOf(answer)]);
    };
    const secret = await answersTo("hiv");
    expect(secret).toEqual([
      [404, "not-found"],
      [204, undefined],
      [412, "criteria-ambiguous"],
      [404, "not-found"],
    ]);
    expect(secret).toEqual(await answersTo("other"));
    hidden.clear();
    expect((await server.call("GET", `/Observation/${id}`)).status).toBe(200);
  });

  it("what may be seen is still changed, although something hidden answers too", async () => {
    const subject = await newPatient();
    hidden.add(await observation("mixed", subject));
    const open = await observation("mixed", subject);
    const query = `subject=Patient/${subject}&code=mixed`;
    expect((await patched(query)).status).toBe(200);
    expect((await server.call("DELETE", `/Observation?${query}`)).status).toBe(204);
    expect((await server.call("GET", `/Observation/${open}`)).status).toBe(410);
    const [kept = ""] = hidden;
    hidden.clear();
    expect((await server.call("GET", `/Observation/${kept}`)).status).toBe(200);
  });
});
