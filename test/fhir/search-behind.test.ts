import type { Bundle, Observation, Patient, Provenance, Resource } from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, type FhirServer, startFhirServer } from "../support/fhir-server.ts";

let server: FhirServer;
const secret = new Set<string>();

beforeAll(async () => {
  server = await startFhirServer({
    validate: async () => [],
    refuses: (_action, { id }) => id !== undefined && secret.has(id),
  });
});
afterAll(() => server?.close());

async function create<R extends Resource>(resource: R): Promise<string> {
  const { status, body } = await server.call("POST", `/${resource.resourceType}`, { body: resource });
  expect(status).toBe(201);
  return body.id as string;
}

const patient = (gender: Patient["gender"] = "male") => create({ resourceType: "Patient", gender });

const observation = (code: string, subject: string) =>
  create<Observation>({
    resourceType: "Observation",
    status: "final",
    code: { coding: [{ system: "urn:test", code }] },
    subject: { reference: `Patient/${subject}` },
  });

const provenance = (target: string) =>
  create<Provenance>({
    resourceType: "Provenance",
    target: [{ reference: `Observation/${target}` }],
    recorded: "2026-11-20T10:00:00Z",
    agent: [{ who: { display: "прибор" } }],
  });

async function found(path: string): Promise<string[]> {
  const { status, body } = await server.call<Bundle>("GET", `${path}&_total=accurate`);
  expect(status).toBe(200);
  const ids = (body.entry ?? []).flatMap(({ resource }) => resource?.id ?? []);
  expect(body.total).toBe(ids.length);
  return ids.sort();
}

describe("the types that a search goes through", () => {
  const hiv = "_has:Observation:patient:code=hiv";
  const nested = "_has:Observation:patient:_has:Provenance:target:recorded=2026-11-20";

  it.each([
    ["_has", `/Patient?${hiv}`, "system/Patient.rs", "Observation"],
    ["a granular scope", `/Patient?${hiv}`, "system/Patient.rs system/Observation.rs?code=x", "Observation"],
    ["a scope to read", `/Patient?${hiv}`, "system/Patient.rs system/Observation.r", "Observation"],
    ["_has in another", `/Patient?${nested}`, "system/Patient.rs system/Observation.rs", "Provenance"],
    ["a chain", "/Observation?patient.gender=male", "system/Observation.rs", "Patient"],
    [
      "a chain in _has",
      "/Patient?_has:Observation:patient:encounter:Encounter.status=planned",
      "system/Patient.rs system/Observation.rs",
      "Encounter",
    ],
    [
      "several types",
      "/?_type=Observation,Condition&patient.gender=male",
      "system/Observation.rs system/Condition.rs",
      "Patient",
    ],
  ])("need a scope on the whole of them: %s", async (_what, path, scope, missing) => {
    const token = await server.tokenFor(scope);
    const refused = await server.call("GET", path, { token });
    expect([refused.status, codeOf(refused)]).toEqual([403, "scope-missing"]);
    expect(refused.text).toContain(`system/${missing}.s`);
    const whole = await server.tokenFor(`${scope} system/${missing}.s`);
    expect((await server.call("GET", path, { token: whole })).status).toBe(200);
  });

  it("need it in a batch too, and in the criteria of a change", async () => {
    const token = await server.tokenFor(
      "system/Patient.crus system/PractitionerRole.rs system/Location.cruds",
    );
    const batch: Bundle = {
      resourceType: "Bundle",
      type: "batch",
      entry: [{ request: { method: "GET", url: `Patient?${hiv}` } }],
    };
    const { body } = await server.call<Bundle>("POST", "", { body: batch, token });
    expect(body.entry?.[0]?.response?.status).toMatch(/^403/);
    const conditional = (name: string, criteria: string) =>
      server.call("POST", `/${name}`, {
        body: { resourceType: name },
        headers: { "if-none-exist": criteria },
        token,
      });
    expect(codeOf(await conditional("Patient", `_id=1&${hiv}`))).toBe("scope-missing");
    expect(codeOf(await conditional("Location", "_id=1&_has:HealthcareService:location:active=true"))).toBe(
      "scope-missing",
    );
  });
});

describe("a match is told of only by what the caller may see", () => {
  it("through _has", async () => {
    const [hidden, seen, both] = [await patient(), await patient(), await patient()];
    secret.add(await observation("told", hidden));
    await observation("told", seen);
    secret.add(await observation("told", both));
    await observation("told", both);
    expect(await found("/Patient?_has:Observation:patient:code=told")).toEqual([seen, both].sort());
    expect(
      await found("/Patient?_has:Observation:patient:code:not=other&_has:Observation:patient:code=told"),
    ).toEqual([seen, both].sort());
  });

  it("through _has in another", async () => {
    const [hidden, seen] = [await patient(), await patient()];
    const [one, other] = [await observation("deep", hidden), await observation("deep", seen)];
    secret.add(await provenance(one));
    await provenance(other);
    const nested = "_has:Observation:patient:_has:Provenance:target:recorded=2026-11-20";
    const path = `/Patient?${nested}&_has:Observation:patient:code=deep`;
    expect(await found(path)).toEqual([seen]);
    secret.add(other);
    expect(await found(path)).toEqual([]);
  });

  it("through a chain", async () => {
    const [hidden, seen] = [await patient("other"), await patient("other")];
    secret.add(hidden);
    await observation("chain", hidden);
    const told = await observation("chain", seen);
    expect(await found("/Observation?code=chain&patient.gender=other")).toEqual([told]);
    expect(await found("/?_type=Observation,Condition&patient.gender=other")).toEqual([told]);
    const through = await provenance(told);
    await provenance(await observation("chain", hidden));
    expect(await found("/Provenance?target:Observation.patient.gender=other")).toEqual([through]);
  });

  it("and more than a batch of what is hidden does not end the search for it", async () => {
    const one = await patient();
    await observation("many", one);
    for (let n = 0; n < 230; n++) secret.add(await observation("many", one));
    expect(await found("/Patient?_has:Observation:patient:code=many")).toEqual([one]);
  });

  it("the criteria of a change do not go through data of people at all", async () => {
    const one = await patient();
    await observation("condition", one);
    for (const criteria of ["_has:Observation:patient:code=condition", "link:Patient.gender=male"]) {
      const answer = await server.call("POST", "/Patient", {
        body: { resourceType: "Patient" },
        headers: { "if-none-exist": `_id=${one}&${criteria}` },
      });
      expect([answer.status, codeOf(answer)]).toEqual([400, "bad-request"]);
    }
  });
});

describe("people who are left out of an answer", () => {
  type Told = [action: string, subject: string | undefined, outcome: string];
  const rowsAfter = async (work: () => Promise<unknown>): Promise<Told[]> => {
    const from = server.journal.length;
    await work();
    return server.journal.slice(from).map(({ action, subject, outcome }) => [action, subject, outcome]);
  };
  const ask = async (method: string, path: string, body?: object) => {
    const { status } = await server.call(method, path, body && { body });
    expect(status, path).toBeLessThan(300);
  };

  it("are journalled once each by a search, an include, a history, a batch and an operation", async () => {
    const [open, closed] = [await patient(), await patient()];
    const seen = await observation("left-out", open);
    const unseen = await observation("left-out", closed);
    for (const id of [unseen, await observation("left-out", closed)]) secret.add(id);
    const search = "Observation?code=left-out";
    const batch = {
      resourceType: "Bundle",
      type: "batch",
      entry: [{ request: { method: "GET", url: search } }],
    };
    for (const [action, work] of [
      ["search", () => ask("GET", `/${search}`)],
      ["search", () => ask("GET", `/${search}&_summary=count`)],
      ["search", () => ask("POST", "/", batch)],
      ["search", () => ask("GET", `/Patient?_id=${open},${closed}&_revinclude=Observation:patient`)],
      ["history-type", () => ask("GET", "/Observation/_history?_count=3")],
      ["everything", () => ask("GET", `/Patient/${closed}/$everything`)],
    ] as const) {
      const rows = (await rowsAfter(work)).filter(([name]) => name.startsWith("hidden"));
      expect(rows).toEqual([[`hidden ${action}`, closed, "access-denied"]]);
    }
    expect(await rowsAfter(() => ask("GET", `/Observation/${seen}`))).toEqual([["read", open, "ok"]]);
  });

  it("are at most twenty rows an answer, and a number", async () => {
    for (let n = 0; n < 23; n++) secret.add(await observation("crowd", await patient()));
    const from = server.journal.length;
    expect(await found("/Observation?code=crowd")).toEqual([]);
    const rows = server.journal.slice(from).filter(({ action }) => action === "hidden search");
    expect(new Set(rows.flatMap(({ subject }) => subject ?? [])).size).toBe(20);
    expect(rows.slice(20).map(({ subject, ground }) => [subject, ground])).toEqual([
      [undefined, "further-people:3"],
    ]);
  });
});
