import type {
  Bundle,
  OperationOutcome,
  Organization,
  Practitioner,
  PractitionerRole,
} from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";

const scopes = "system/Practitioner.rs system/PractitionerRole.rs system/Organization.rs";
let app: TestApp;
let token: string;
beforeAll(async () => {
  app = await startApp();
  token = await app.token(scopes);
});
afterAll(() => app?.close());

async function get<T>(path: string): Promise<{ status: number; body: T }> {
  const answer = await fetch(`${app.url}/fhir/${path}`, { headers: { authorization: `Bearer ${token}` } });
  return { status: answer.status, body: (await answer.json()) as T };
}

const search = async (type: string, form: Record<string, string>) =>
  (await get<Bundle>(`${type}?${new URLSearchParams(form)}`)).body;

const found = <T>({ entry = [] }: Bundle): T[] =>
  entry.filter(({ search: { mode } = {} }) => mode === "match").map(({ resource }) => resource as T);

const agesIn = ({ entry = [] }: Bundle) =>
  entry
    .filter(({ search: { mode } = {} }) => mode === "outcome")
    .map(({ resource }) => (resource as OperationOutcome).issue[0]?.diagnostics);

const sync = () => app.parts.copies.sync(new AbortController().signal);

describe("what a registry can't find is searched in its copy", () => {
  it("before there is a copy the search says so, and does not come out empty", async () => {
    const { status, body } = await get<OperationOutcome>("Practitioner?family=Тестов");
    expect([status, body.issue[0]?.code]).toEqual([503, "transient"]);
  });

  it("by name, post, specialty, organisation and place, with the age of the copy", async () => {
    const before = Date.now() / 1_000;
    await sync();
    for (const { value } of app.telemetry.instruments.registryCopied.series)
      expect(value).toBeGreaterThanOrEqual(before);
    expect(app.telemetry.instruments.registryCopied.series).toHaveLength(2);
    const [worker] = found<Practitioner>(await search("Practitioner", { name: "двойнова" }));
    expect(worker?.name?.[0]?.family).toBe("Двойнова");
    const bundle = await search("PractitionerRole", {
      role: "34",
      practitioner: `Practitioner/${worker?.id}`,
      "specialty:not": "1",
    });
    const [role] = found<PractitionerRole>(bundle);
    expect(role?.code?.[0]?.coding?.[0]?.code).toBe("34");
    expect(agesIn(bundle)).toEqual([expect.stringMatching(/^found in the copy of frmr as of 20\d\d-/)]);
    const here = await search("PractitionerRole", {
      organization: role?.organization?.reference ?? "",
      specialty: "118",
    });
    expect(found<PractitionerRole>(here).map(({ id }) => id)).toContain(role?.id);
    const named = await search("PractitionerRole", { "practitioner.family": "Двойнова" });
    expect(found<PractitionerRole>(named)).toHaveLength(2);
    const [organization] = found<Organization>(
      await search("Organization", { name: "ГБУЗ «тестовая городская поликлиника № 1»" }),
    );
    const units = found<Organization>(
      await search("Organization", { partof: `Organization/${organization?.id}` }),
    );
    expect(units.map(({ name }) => name)).toContain("Кардиологическое отделение");
    const unit = await get<Organization>(`Organization/${units[0]?.id}`);
    expect([unit.status, unit.body.name]).toEqual([200, units[0]?.name]);
  });

  it("what is found has the version that a read of it has", async () => {
    const [worker] = found<Practitioner>(await search("Practitioner", { family: "Двойнова" }));
    const { body } = await get<Practitioner>(`Practitioner/${worker?.id}`);
    expect(worker?.meta?.versionId).toBe(body.meta?.versionId);
    expect({ ...worker, meta: 0 }).toEqual({ ...body, meta: 0 });
  });

  it("sorts and pages", async () => {
    const first = await search("Practitioner", { gender: "female", _sort: "family", _count: "3" });
    const next = first.link?.find(({ relation }) => relation === "next")?.url ?? "";
    const second = (await get<Bundle>(next.replace(`${app.url}/fhir/`, ""))).body;
    const families = [...found<Practitioner>(first), ...found<Practitioner>(second)].map(
      ({ name }) => name?.[0]?.family ?? "",
    );
    expect(families).toHaveLength(6);
    expect(families).toEqual([...families].sort());
  });
});
