import { randomUUID } from "node:crypto";
import type { Bundle, BundleEntry, Location, Patient } from "@medplum/fhirtypes";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Answer, codeOf, type FhirServer, startFhirServer } from "../support/fhir-server.ts";

let server: FhirServer;
// what a read of a Patient throws once the store has been asked that often
let failing: { after: number; error: unknown } | undefined;
beforeAll(async () => {
  server = await startFhirServer({
    withEach: (provider) =>
      provider.type !== "Patient"
        ? provider
        : {
            ...provider,
            read: (id, ctx) => {
              if (failing && failing.after-- <= 0) throw failing.error;
              return provider.read(id, ctx);
            },
          },
  });
});
afterAll(() => server?.close());
afterEach(() => {
  failing = undefined;
});

const get = (url: string): BundleEntry => ({ request: { method: "GET", url } });
const place = (name: string): BundleEntry => ({
  resource: { resourceType: "Location", name },
  request: { method: "POST", url: "Location" },
});
const post = (type: Bundle["type"], entry: BundleEntry[], headers: Record<string, string> = {}) =>
  server.call<Bundle>("POST", "", { body: { resourceType: "Bundle", type, entry }, headers });
const statuses = ({ body }: Answer<Bundle>) =>
  body.entry?.map(({ response }) => response?.status?.slice(0, 3));
const placesNamed = async (name: string) =>
  (await server.call<Bundle>("GET", `/Location?name=${name}&_total=accurate`)).body.total;
const newPatient = async () => {
  const body: Patient = { resourceType: "Patient", gender: "female", name: [{ family: "Вымышленная" }] };
  return (await server.call<Patient>("POST", "/Patient", { body })).body.id ?? "";
};

describe("a transaction with a GET", () => {
  it.each([
    ["an unknown parameter", "Patient?nonsense=1", 400, "unknown-parameter"],
    ["an unknown parameter of a read", "Patient/{id}?nonsense=1", 400, "unknown-parameter"],
    ["a wrong view", "Patient/{id}?_summary=maybe", 400, "bad-request"],
    ["a wrong inclusion", "Patient?_include=Patient:nobody", 400, "unknown-parameter"],
    ["a version that there is not", "Patient/{id}/_history/7", 404, "not-found"],
    ["an id that there is not", "Patient/unknown", 404, "not-found"],
  ])("writes nothing when it is refused for %s", async (name, url, status, code) => {
    const address = url.replace("{id}", await newPatient());
    const answer = await post("transaction", [place(name), get(address)]);
    expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    expect(await placesNamed(encodeURIComponent(name))).toBe(0);
  });

  it("writes nothing when its scope opens no search or inclusion", async () => {
    const token = await server.tokenFor("system/Location.crus");
    for (const url of ["Patient?gender=male", "Location?_revinclude=Encounter:location", "Patient/1"]) {
      const body = { resourceType: "Bundle", type: "transaction", entry: [place("scope"), get(url)] };
      const answer = await server.call<Bundle>("POST", "", { body, token });
      expect([url, answer.status, codeOf(answer)]).toEqual([url, 403, "scope-missing"]);
    }
    expect(await placesNamed("scope")).toBe(0);
  });

  it("answers a repeat with the same bytes, its reads too", async () => {
    const id = await newPatient();
    const key = { "idempotency-key": randomUUID() };
    const send = () =>
      post("transaction", [place("однажды"), get(`Patient/${id}`), get("Location?name=однажды")], key);
    const [first, again] = [await send(), await send()];
    expect([first.status, statuses(first)]).toEqual([200, ["201", "200", "200"]]);
    expect([again.text, again.headers.has("idempotent-replayed")]).toEqual([first.text, true]);
    expect(await placesNamed(encodeURIComponent("однажды"))).toBe(1);
  });

  it("that fails after the commit is the failure of its entry only, and is kept so", async () => {
    const id = await newPatient();
    const key = { "idempotency-key": randomUUID() };
    const send = () => post("transaction", [place("после"), get(`Patient/${id}`)], key);
    failing = { after: 1, error: new Error("a fault of ours") };
    const first = await send();
    expect([first.status, statuses(first)]).toEqual([200, ["201", "500"]]);
    failing = undefined;
    expect((await send()).text).toBe(first.text);
    expect(await placesNamed(encodeURIComponent("после"))).toBe(1);
  });
});

describe("the controls of an entry", () => {
  it.each(["batch", "transaction"] as const)("of a %s make its view", async (type) => {
    const id = await newPatient();
    const answer = await post(type, [
      get(`Patient/${id}?_elements=gender`),
      get(`Patient?_id=${id}&_summary=count`),
      get(`Patient?_id=${id}&_elements=gender`),
      get(`Patient/${id}/_history/1?_summary=true`),
    ]);
    expect(statuses(answer)).toEqual(["200", "200", "200", "200"]);
    const [one, count, found, version] = (answer.body.entry ?? []).map(({ resource }) => resource);
    const shown = ["gender", "id", "meta", "resourceType"];
    expect(Object.keys(one ?? {}).sort()).toEqual(shown);
    expect(count).toMatchObject({ resourceType: "Bundle", total: 1 });
    expect((count as Bundle).entry).toBeUndefined();
    expect(Object.keys((found as Bundle).entry?.[0]?.resource ?? {}).sort()).toEqual(shown);
    expect(version?.meta?.tag?.[0]?.code).toBe("SUBSETTED");
    const self = (found as Bundle).link?.find(({ relation }) => relation === "self");
    expect(self?.url).toContain("_elements=gender");
  });

  it("of a batch refuse their own entry only", async () => {
    const id = await newPatient();
    const answer = await post("batch", [
      get(`Patient/${id}?nonsense=1`),
      get(`Patient/${id}?_summary=maybe`),
      get(`Patient/${id}/_history/1?nonsense=1`),
      get(`Patient/${id}?_format=json&_pretty=true`),
    ]);
    expect(statuses(answer)).toEqual(["400", "400", "400", "200"]);
  });
});

describe.each(["batch", "transaction"] as const)("an entry of a %s", (type) => {
  it("searches a compartment and by POST, and reads histories, as HTTP does", async () => {
    const [id, other] = [await newPatient(), await newPatient()];
    for (const subject of [id, other])
      await server.call("POST", "/Observation", {
        body: {
          resourceType: "Observation",
          status: "final",
          code: { text: "пульс" },
          subject: { reference: `Patient/${subject}` },
        },
      });
    const search: BundleEntry = { request: { method: "POST", url: `Patient/_search?_id=${id}` } };
    const addresses = [
      `Patient/${id}/Observation`,
      `Patient/${id}/_history`,
      "Patient/_history?_count=1",
      "Patient/_search?_summary=count",
    ];
    const answer = await post(type, [search, ...addresses.map(get)]);
    expect(statuses(answer)).toEqual(["200", "200", "200", "200", "200"]);
    const [posted, compartment, ofOne, ofType] = (answer.body.entry ?? []).map(
      ({ resource }) => resource as Bundle,
    );
    expect(posted?.entry).toMatchObject([{ resource: { id } }]);
    expect(compartment?.entry).toMatchObject([{ resource: { subject: { reference: `Patient/${id}` } } }]);
    expect(ofOne).toMatchObject({ type: "history", entry: [{ resource: { id } }] });
    expect(ofType).toMatchObject({ type: "history", entry: [{}] });
    const links = await Promise.all(
      [compartment, ofType].map((bundle) => {
        const url = bundle?.link?.find(({ relation }) => relation !== "previous")?.url ?? "";
        return server.call("GET", url.replace(server.baseUrl, ""));
      }),
    );
    expect(links.map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe.each(["batch", "transaction"] as const)("a %s", (type) => {
  it("tells 304 by version or by time, and time counts only without a version", async () => {
    const id = await newPatient();
    const later = new Date(server.clock.now() + 60_000).toISOString();
    const before = new Date(server.clock.now() - 60_000).toISOString();
    const conditions = [
      { ifModifiedSince: later },
      { ifModifiedSince: before },
      { ifNoneMatch: 'W/"1"', ifModifiedSince: before },
      { ifNoneMatch: 'W/"7"', ifModifiedSince: later },
      { ifModifiedSince: "rubbish" },
    ];
    const entries = conditions.map((more) => ({
      request: { method: "GET" as const, url: `Patient/${id}`, ...more },
    }));
    expect(statuses(await post(type, entries))).toEqual(["304", "200", "304", "200", "200"]);
  });

  it("answers what is asked of the whole server as the server alone does", async () => {
    const id = await newPatient();
    const urls = [
      "metadata",
      "_history?_count=2",
      `?_type=Patient,Location&_id=${id}&_summary=count`,
      `${server.baseUrl}?_type=Patient&_id=${id}&_elements=gender`,
      `${server.baseUrl}/metadata?_elements=status`,
    ];
    const { status, body } = await post(type, urls.map(get));
    expect(status).toBe(200);
    for (const [index, url] of urls.entries()) {
      const alone = await server.call<Bundle>(
        "GET",
        `/${url.replace(`${server.baseUrl}/`, "").replace(server.baseUrl, "")}`,
      );
      const { link: _, ...entry } = (body.entry?.[index]?.resource ?? {}) as Bundle;
      const { link: __, ...expected } = alone.body;
      expect([url, entry]).toEqual([url, expected]);
    }
    const posted = { request: { method: "POST", url: `_search?_type=Patient&_id=${id}` } } as BundleEntry;
    const searched = (await post(type, [posted])).body.entry?.[0]?.resource;
    expect(searched).toMatchObject({ total: 1, entry: [{ resource: { id } }] });
  });

  it("refuses a history and a search of the whole server without their scopes", async () => {
    const token = await server.tokenFor("system/Patient.rs");
    for (const url of ["_history", "?_type=Patient,Location"]) {
      const body = { resourceType: "Bundle", type, entry: [get(url)] };
      const answer = await server.call<Bundle>("POST", "", { body, token });
      const told = type === "batch" ? answer.body.entry?.[0]?.response?.outcome : answer.body;
      expect([url, codeOf({ body: told } as Answer)]).toEqual([url, "scope-missing"]);
    }
  });
});

it("what a batch does not offer is refused entry by entry", async () => {
  const id = await newPatient();
  const asked: [string, string][] = [
    ["GET", "nowhere"],
    ["GET", "?_type=Spaceship"],
    ["GET", "?gender=female"],
    ["GET", "_history?nonsense=1"],
    ["POST", "metadata"],
    ["DELETE", "_history"],
    ["POST", ""],
    ["GET", `Patient/${id}/_history?nonsense=1`],
    ["GET", `Location/${id}/Observation`],
    ["GET", `Patient/${id}/Location`],
    ["PUT", `Patient/${id}/_history/1`],
    ["DELETE", `Patient/${id}/_history`],
    ["DELETE", `Patient/_search?_id=${id}`],
    ["PATCH", `Patient/${id}/Observation`],
    ["GET", `Patient/${id}`],
  ];
  const entries = asked.map(([method, url]) => ({ request: { method, url } }) as BundleEntry);
  expect(statuses(await post("batch", entries))).toEqual([
    ...["404", "404", "400", "400", "405", "405", "405"],
    ...["400", "400", "404", "405", "405", "405", "405", "200"],
  ]);
});

it("a read by HTTP refuses unknown parameters too, unless handling is lenient", async () => {
  const id = await newPatient();
  const bytes = { "content-type": "text/plain" };
  const { body: binary } = await server.call("POST", "/Binary", { body: "байты", headers: bytes });
  for (const path of [`/Patient/${id}`, `/Patient/${id}/_history/1`, `/Binary/${binary.id}`]) {
    const strict = await server.call<Location>("GET", `${path}?nonsense=1`);
    expect([path, strict.status, codeOf(strict)]).toEqual([path, 400, "unknown-parameter"]);
    const prefer = { prefer: "handling=lenient" };
    expect((await server.call("GET", `${path}?nonsense=1`, { headers: prefer })).status).toBe(200);
  }
});
