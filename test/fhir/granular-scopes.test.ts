import type { Bundle, DiagnosticReport, Observation } from "@medplum/fhirtypes";
import { afterAll, beforeAll, expect, it } from "vitest";
import { codeOf, type FhirServer, startFhirServer } from "../support/fhir-server.ts";

const categories = "http://terminology.hl7.org/CodeSystem/observation-category";
const laboratory = `category=${categories}|laboratory`;

let server: FhirServer;
let token: string;
const ids: Record<"laboratory" | "vital-signs", string[]> = { laboratory: [], "vital-signs": [] };
let report: string;

const observationOf = (category: string, n: number): Observation => ({
  resourceType: "Observation",
  status: "final",
  category: [{ coding: [{ system: categories, code: category }] }],
  code: { text: "показатель" },
  valueInteger: n,
});

beforeAll(async () => {
  server = await startFhirServer();
  token = await server.tokenFor(`system/Observation.rs?${laboratory} system/DiagnosticReport.rs`);
  for (const category of ["laboratory", "vital-signs"] as const)
    for (const n of [1, 2, 3]) {
      const { body } = await server.call<Observation>("POST", "/Observation", {
        body: observationOf(category, n),
      });
      ids[category].push(body.id as string);
    }
  const result = Object.values(ids).flatMap((of) => of.map((id) => ({ reference: `Observation/${id}` })));
  const content: DiagnosticReport = {
    resourceType: "DiagnosticReport",
    status: "final",
    code: { text: "отчёт" },
    result,
  };
  report = (await server.call<DiagnosticReport>("POST", "/DiagnosticReport", { body: content })).body
    .id as string;
});
afterAll(() => server?.close());

const idsIn = ({ entry = [] }: Bundle) =>
  entry
    .flatMap(({ resource }) => (resource?.resourceType === "Observation" ? (resource.id ?? []) : []))
    .sort();

it("a search finds what the granular scope finds, on every page", async () => {
  const found: string[] = [];
  let path = "/Observation?_count=2&_total=accurate";
  for (let pages = 0; path; pages++) {
    expect(pages).toBeLessThan(4);
    const { body } = await server.call<Bundle>("GET", path, { token });
    if (body.total !== undefined) expect(body.total).toBe(3);
    found.push(...idsIn(body));
    path = body.link?.find(({ relation }) => relation === "next")?.url.replace(/^.*\/fhir/, "") ?? "";
  }
  expect(found.sort()).toEqual([...ids.laboratory].sort());
  const asked = await server.call<Bundle>("GET", `/Observation?category=${categories}|vital-signs`, {
    token,
  });
  expect(idsIn(asked.body)).toEqual([]);
});

it("an include brings no more", async () => {
  const path = "/DiagnosticReport?_include=DiagnosticReport:result";
  const { body } = await server.call<Bundle>("GET", path, { token });
  expect(idsIn(body)).toEqual([...ids.laboratory].sort());
  expect(idsIn((await server.call<Bundle>("GET", path)).body)).toHaveLength(6);
});

it("a read and a batch open what it finds, and nothing of the past", async () => {
  const [open = ""] = ids.laboratory;
  const [shut = ""] = ids["vital-signs"];
  expect((await server.call("GET", `/Observation/${open}`, { token })).status).toBe(200);
  const refused = await server.call("GET", `/Observation/${shut}`, { token });
  expect([refused.status, codeOf(refused)]).toEqual([403, "scope-missing"]);
  const batch: Bundle = {
    resourceType: "Bundle",
    type: "batch",
    entry: [open, shut].map((id) => ({ request: { method: "GET", url: `Observation/${id}` } })),
  };
  const { body } = await server.call<Bundle>("POST", "", { body: batch, token });
  expect(body.entry?.map(({ response }) => response?.status.slice(0, 3))).toEqual(["200", "403"]);
  for (const path of [
    `/Observation/${open}/_history/1`,
    `/Observation/${open}/_history`,
    "/Observation/_history",
  ])
    expect(codeOf(await server.call("GET", path, { token })), path).toBe("scope-missing");
});

it("several granular scopes open what any of them finds", async () => {
  const both = await server.tokenFor(
    `system/Observation.rs?${laboratory} system/Observation.s?category=${categories}|vital-signs`,
  );
  const { body } = await server.call<Bundle>("GET", "/Observation", { token: both });
  expect(idsIn(body)).toHaveLength(6);
  const [shut = ""] = ids["vital-signs"];
  expect((await server.call("GET", `/Observation/${shut}`, { token: both })).status).toBe(403);
});

it("in a search over several types it narrows its own type, in whichever order they stand", async () => {
  const narrow = await server.tokenFor(`system/Observation.rs?${laboratory} system/Patient.rs`);
  await server.call("POST", "/Patient", { body: { resourceType: "Patient" } });
  for (const types of ["Observation,Patient", "Patient,Observation"]) {
    const { status, body } = await server.call<Bundle>("GET", `/?_type=${types}`, { token: narrow });
    expect(status, types).toBe(200);
    expect(idsIn(body)).toEqual([...ids.laboratory].sort());
    expect(body.entry?.some(({ resource }) => resource?.resourceType === "Patient")).toBe(true);
  }
});

it("it writes nothing, and the other type stays whole", async () => {
  const { status } = await server.call("POST", "/Observation", {
    body: observationOf("laboratory", 9),
    token,
  });
  expect(status).toBe(403);
  expect((await server.call("GET", `/DiagnosticReport/${report}`, { token })).status).toBe(200);
});
