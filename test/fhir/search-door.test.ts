import type { Bundle, Observation, Patient, Resource } from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expiry } from "../../src/jobs/expiry.ts";
import { purgeExpired } from "../../src/store/purge.ts";
import {
  type Answer,
  codeOf,
  type FhirServer,
  resourcesIn,
  startFhirServer,
} from "../support/fhir-server.ts";

let server: FhirServer;
const secret = new Set<string>();

beforeAll(async () => {
  server = await startFhirServer({
    validate: async () => [],
    refuses: (_action, { id }) => id !== undefined && secret.has(id),
  });
});
afterAll(() => server?.close());

async function create<R extends Resource>(resource: R): Promise<R & { id: string }> {
  const { status, body } = await server.call<R & { id: string }>("POST", `/${resource.resourceType}`, {
    body: resource,
  });
  expect(status).toBe(201);
  return body;
}

const post = (type: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
  server.call<Bundle>("POST", `/${type}/_search`, {
    body: new URLSearchParams(form).toString(),
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
  });
const get = (path: string, token?: string) => server.call<Bundle>("GET", path, { ...(token && { token }) });
const link = ({ body }: Answer<Bundle>, relation: string) =>
  body.link?.find((one) => one.relation === relation)?.url?.replace(server.baseUrl, "");
const matches = ({ body }: Answer<Bundle>) =>
  (body.entry ?? []).filter(({ search }) => search?.mode === "match").map(({ resource }) => resource?.id);
const included = ({ body }: Answer<Bundle>) =>
  (body.entry ?? []).filter(({ search }) => search?.mode === "include").map(({ resource }) => resource?.id);

const observation = (code: string, subject: string): Observation => ({
  resourceType: "Observation",
  status: "final",
  code: { coding: [{ system: "urn:test", code }] },
  subject: { reference: `Patient/${subject}` },
});

async function walk(first: Answer<Bundle>, between: () => Promise<unknown> = async () => undefined) {
  const seen = [...matches(first)];
  for (let next = link(first, "next"); next; ) {
    await between();
    const page = await get(next);
    expect(page.status).toBe(200);
    seen.push(...matches(page));
    next = link(page, "next");
  }
  return seen;
}

describe("pages", () => {
  it("show each resource once, whatever is written meanwhile, and the last has no next", async () => {
    const { id } = await create<Patient>({ resourceType: "Patient" });
    const made: string[] = [];
    for (let n = 0; n < 12; n++) made.push((await create(observation("page", id))).id);
    const first = await get("/Observation?code=page&_count=3");
    expect(first.body.total).toBeUndefined();
    const seen = await walk(first, async () => {
      await create(observation("page", id));
      // an update of what was not shown yet leaves it in its place
      await server.call("PUT", `/Observation/${made[1]}`, {
        body: { ...observation("page", id), id: made[1], valueString: String(Math.random()) },
        headers: { "if-match": await etagOf(made[1] ?? "") },
      });
    });
    expect(seen).toEqual([...made].reverse());
  });

  it("of a sorted search keep the order that the first page found", async () => {
    const { id } = await create<Patient>({ resourceType: "Patient" });
    for (let n = 0; n < 7; n++)
      await create({ ...observation("sorted", id), effectiveDateTime: `2024-01-0${n + 1}` });
    const all = matches(await get("/Observation?code=sorted&_sort=date"));
    const first = await get("/Observation?code=sorted&_sort=date&_count=2");
    const seen = await walk(first, () =>
      create({ ...observation("sorted", id), effectiveDateTime: "2024-01-01" }),
    );
    expect(seen).toEqual(all);
  });

  it("of a sorted search run out, and the job of expiry forgets their order then and not before", async () => {
    const { id } = await create<Patient>({ resourceType: "Patient" });
    for (let n = 0; n < 3; n++) await create(observation("kept", id));
    await get("/Observation?code=kept&_sort=date&_count=1");
    const { db } = server.store;
    const kept = async () => (await db.selectFrom("search_snapshot").select("id").execute()).length;
    const job = expiry([() => purgeExpired(db, "search_snapshot", server.clock.now())]);
    const before = await kept();
    await job.run(new AbortController().signal);
    expect([before > 0, await kept()]).toEqual([true, before]);
    await server.clock.advance(15 * 60_000 + 1);
    await job.run(new AbortController().signal);
    expect(await kept()).toBe(0);
  });

  it("lead back by previous to what was shown before", async () => {
    const { id } = await create<Patient>({ resourceType: "Patient" });
    for (let n = 0; n < 6; n++)
      await create({ ...observation("back", id), effectiveDateTime: `2024-01-0${n + 1}` });
    for (const sort of ["", "&_sort=-date"]) {
      const first = await get(`/Observation?code=back&_count=2${sort}`);
      const second = await get(link(first, "next") ?? "");
      const third = await get(link(second, "next") ?? "");
      expect(link(third, "next")).toBeUndefined();
      const again = await get(link(third, "previous") ?? "");
      expect(matches(again)).toEqual(matches(second));
      const start = await get(link(again, "previous") ?? "");
      expect(matches(start)).toEqual(matches(first));
      expect(link(start, "previous")).toBeUndefined();
      expect(matches(await get(link(start, "next") ?? ""))).toEqual(matches(second));
    }
  });

  it("are filled from further candidates where decide() leaves some out, and totals count only what is permitted", async () => {
    const { id } = await create<Patient>({ resourceType: "Patient" });
    const made: string[] = [];
    for (let n = 0; n < 9; n++) made.push((await create(observation("hidden", id))).id);
    for (const index of [8, 7, 5, 2]) secret.add(made[index] ?? "");
    const first = await get("/Observation?code=hidden&_count=2&_total=accurate");
    expect(first.body.total).toBe(5);
    expect(matches(first)).toEqual([made[6], made[4]]);
    expect(await walk(first)).toEqual([6, 4, 3, 1, 0].map((index) => made[index]));
    expect((await get("/Observation?code=hidden")).body.total).toBe(5);
    expect((await get("/Observation?code=hidden&_count=0")).body).toMatchObject({ total: 5, entry: [] });
  });

  it("hide the query: no personal value stands in any link", async () => {
    for (let n = 0; n < 3; n++)
      await create<Patient>({ resourceType: "Patient", name: [{ family: "Скрытнова" }] });
    const found = await post("Patient", {
      name: "скрытнова",
      gender: "female,male",
      _count: "1",
      "gender:missing": "true",
    });
    const strict = await post("Patient", { name: "скрытнова", _count: "1" });
    expect(strict.body.link?.find(({ relation }) => relation === "self")?.url).toBe(
      `${server.baseUrl}/Patient?_count=1`,
    );
    const urls = JSON.stringify([strict.body.link, found.body.link]);
    expect(decodeURIComponent(urls)).not.toMatch(/скрытнова/i);
    expect(
      Buffer.from(
        new URL(`http://x${link(strict, "next")}`).searchParams.get("_page") ?? "",
        "base64url",
      ).toString("latin1"),
    ).not.toContain("name");
    expect(matches(await get(link(strict, "next") ?? ""))).toHaveLength(1);
  });

  it("are asked for by their link alone, in an address or in a form", async () => {
    const { id } = await create<Patient>({ resourceType: "Patient" });
    for (let n = 0; n < 4; n++) await create(observation("alone", id));
    const next = link(await get("/Observation?code=alone&_count=2"), "next") ?? "";
    const second = matches(await get(next));
    expect(second).toHaveLength(2);
    const _page = new URLSearchParams(next.split("?")[1]).get("_page") ?? "";
    expect(matches(await post("Observation", { _page }))).toEqual(second);
    const beside = await get(`${next}&_count=1`);
    expect([beside.status, codeOf(beside)]).toEqual([400, "bad-request"]);
    expect((await get(`${next}&_format=xml`)).status).toBe(200);
    const history = await get("/Observation/_history?_count=1");
    expect((await get(`${link(history, "next")}&_since=2024-01-01T00:00:00Z`)).status).toBe(400);
  });

  it("belong to a caller and scopes, run out with 410, and a forged link is refused", async () => {
    const { id } = await create<Patient>({ resourceType: "Patient" });
    for (let n = 0; n < 3; n++) await create(observation("owned", id));
    const next = link(await get("/Observation?code=owned&_count=1"), "next") ?? "";
    const refused = await get(next, await server.tokenFor("system/Observation.rs"));
    expect([refused.status, codeOf(refused)]).toEqual([400, "page-link-rejected"]);
    const token = next.split("_page=")[1] ?? "";
    for (const forged of [
      token.slice(0, -2),
      `B${token.slice(1)}`,
      "",
      "x",
      "%00",
      "'; drop table resource",
      "a".repeat(9_000),
    ]) {
      const answer = await get(`/Observation?_page=${encodeURIComponent(forged)}`);
      expect([answer.status, codeOf(answer)]).toEqual([400, "page-link-rejected"]);
    }
    const elsewhere = await get(`/Patient?_page=${token}`);
    expect(codeOf(elsewhere)).toBe("page-link-rejected");
    server.clock.advance(11 * 60_000);
    const late = await get(next);
    expect([late.status, codeOf(late)]).toEqual([410, "page-expired"]);
  });
});

const etagOf = async (id: string) =>
  (await server.call("GET", `/Observation/${id}`)).headers.get("etag") ?? "";

describe("what comes along", () => {
  it("includes and reverse includes, filtered by decision and by scope", async () => {
    const { id: hospital } = await create({ resourceType: "Location", name: "h" } as Resource & {
      id?: string;
    });
    const { id } = await create<Patient>({ resourceType: "Patient" });
    const encounter = await create({
      resourceType: "Encounter",
      status: "finished",
      class: { code: "AMB" },
      subject: { reference: `Patient/${id}` },
      location: [{ location: { reference: `Location/${hospital}` } }],
    } as Resource);
    const measured = await create({
      ...observation("incl", id),
      encounter: { reference: `Encounter/${encounter.id}` },
    });
    const both = await get(
      "/Observation?code=incl&_include=Observation:subject&_include=Observation:encounter",
    );
    expect(included(both).sort()).toEqual([id, encounter.id].sort());
    const iterated = await get(
      "/Observation?code=incl&_include=Observation:encounter&_include:iterate=Encounter:location",
    );
    expect(included(iterated).sort()).toEqual([hospital, encounter.id].sort());
    expect(included(await get(`/Patient?_id=${id}&_revinclude=Observation:subject`))).toEqual([measured.id]);
    const narrow = await get(
      "/Observation?code=incl&_include=Observation:subject",
      await server.tokenFor("system/Observation.rs"),
    );
    expect(included(narrow)).toEqual([]);
    secret.add(encounter.id);
    expect(
      included(
        await get("/Observation?code=incl&_include=Observation:subject&_include=Observation:encounter"),
      ),
    ).toEqual([id]);
  });

  it("all references of a type come along by *, as far as they may be seen", async () => {
    const { id } = await create<Patient>({ resourceType: "Patient" });
    const first = await create(observation("star", id));
    const second = await create({
      ...observation("star2", id),
      hasMember: [{ reference: `Observation/${first.id}` }],
    });
    for (const asked of ["*", "Observation:*"]) {
      const answer = await get(`/Observation?code=star2&_include=${asked}`);
      expect([asked, included(answer).sort()]).toEqual([asked, [id, first.id].sort()]);
    }
    const back = await get(`/Patient?_id=${id}&_revinclude=Observation:*`);
    expect(included(back).sort()).toEqual([first.id, second.id].sort());
    secret.add(first.id);
    expect(included(await get("/Observation?code=star2&_include=*"))).toEqual([id]);
  });

  it("a cycle of includes ends", async () => {
    const one = await create({ resourceType: "Location", name: "one" } as Resource);
    const other = await create({
      resourceType: "Location",
      name: "other",
      partOf: { reference: `Location/${one.id}` },
    } as Resource);
    await server.call("PUT", `/Location/${one.id}`, {
      body: {
        resourceType: "Location",
        id: one.id,
        name: "one",
        partOf: { reference: `Location/${other.id}` },
      },
      headers: { "if-match": 'W/"1"' },
    });
    const found = await get(
      `/Location?_id=${one.id}&_include:iterate=Location:partof&_revinclude:iterate=Location:partof`,
    );
    expect([found.status, included(found)]).toEqual([200, [other.id]]);
  });
});

describe("places of search", () => {
  it("a patient's compartment holds what is the patient's own", async () => {
    const { id } = await create<Patient>({ resourceType: "Patient" });
    const { id: other } = await create<Patient>({ resourceType: "Patient" });
    const own = await create(observation("own", id));
    await create(observation("own", other));
    const answer = await get(`/Patient/${id}/Observation?code=own`);
    expect(matches(answer)).toEqual([own.id]);
    expect(link(answer, "self")).toBe(`/Patient/${id}/Observation?code=own`);
    expect((await server.call("GET", `/Patient/${id}/_history`)).status).toBe(200);
    expect(codeOf(await get(`/Patient/${id}/ValueSet`))).toBe("unsupported-type");
  });

  it("an encounter's and a practitioner's compartment hold what refers to them", async () => {
    const { id } = await create<Patient>({ resourceType: "Patient" });
    const visit = await create({
      resourceType: "Encounter",
      status: "finished",
      class: { code: "AMB" },
    } as Resource);
    const doctor = crypto.randomUUID();
    const inVisit = await create({
      ...observation("visit", id),
      encounter: { reference: `Encounter/${visit.id}` },
    });
    const byDoctor = await create({
      ...observation("visit", id),
      performer: [{ reference: `Practitioner/${doctor}` }],
    });
    for (const [owner, own] of [
      [`Encounter/${visit.id}`, inVisit.id],
      [`Practitioner/${doctor}`, byDoctor.id],
    ]) {
      const answer = await get(`/${owner}/Observation?code=visit&_count=1`);
      expect([owner, matches(answer)]).toEqual([owner, [own]]);
      expect(link(answer, "self")).toBe(`/${owner}/Observation?code=visit&_count=1`);
      const entry = [{ request: { method: "GET", url: `${owner}/Observation` } }];
      const batch = { resourceType: "Bundle", type: "batch", entry };
      const answered = await server.call<Bundle>("POST", "", { body: batch });
      expect(answered.body.entry?.[0]?.resource).toMatchObject({
        total: 1,
        entry: [{ resource: { id: own } }],
      });
    }
    expect(codeOf(await get(`/Encounter/${visit.id}/Location`))).toBe("unsupported-type");
    expect((await get(`/Location/1/Observation`)).status).toBe(404);
  });

  it("several types are searched together by what they share", async () => {
    const { id } = await create<Patient>({ resourceType: "Patient" });
    const measured = await create(observation("both", id));
    const condition = await create({
      resourceType: "Condition",
      subject: { reference: `Patient/${id}` },
    } as Resource);
    const answer = await get(`/?_type=Observation,Condition&patient=${id}&_count=1`);
    expect(await walk(answer)).toEqual([condition.id, measured.id]);
    expect(
      matches(
        await server.call<Bundle>("POST", "/_search", {
          body: `_type=Observation,Condition&patient=${id}`,
          headers: { "content-type": "application/x-www-form-urlencoded" },
        }),
      ),
    ).toHaveLength(2);
    expect(codeOf(await get("/?patient=1"))).toBe("bad-request");
    expect(codeOf(await get("/?_type=Observation,Condition&onset-date=2024"))).toBe("unknown-parameter");
  });
});

describe("bad searches", () => {
  const refused: [string, string][] = [
    ["/Observation?date=yesterday", "bad-request"],
    ["/Observation?date=2024-13-45", "bad-request"],
    ["/Observation?value-quantity=much", "bad-request"],
    ["/Observation?code:fuzzy=1", "bad-request"],
    ["/Observation?code=a|b|c", "bad-request"],
    ["/Observation?status:missing=perhaps", "bad-request"],
    ["/Observation?code-value-quantity=1", "bad-request"],
    ["/Observation?_sort=tea", "unknown-parameter"],
    ["/Patient?_sort=gender", "unknown-parameter"],
    ["/Observation?_total=all", "bad-request"],
    ["/Observation?_count=-1", "bad-request"],
    ["/Observation?_count=1&_count=2", "bad-request"],
    ["/Observation?_sort=date&_sort=-date", "bad-request"],
    ["/Observation?code=", "bad-request"],
    ["/Observation?code=,", "bad-request"],
    ["/Observation?_include=*:subject", "unknown-parameter"],
    ["/Observation?_revinclude=*", "unknown-parameter"],
    ["/?_type=Observation,Patient&_include=*", "unknown-parameter"],
    ["/Observation?_revinclude=Location:*", "unknown-parameter"],
    ["/Observation?favourite=tea", "unknown-parameter"],
    ["/Observation?_include=Observation:code", "unknown-parameter"],
    ["/Observation?subject.subject.subject.subject.subject=1", "unknown-parameter"],
    [`/Location?${"partof.".repeat(9)}name=1`, "bad-request"],
    [
      `/Patient?${"_has:Observation:patient:".repeat(1)}${"_has:Provenance:target:".repeat(5)}agent=1`,
      "bad-request",
    ],
    [`/Location?${"_has:Location:partof:".repeat(5)}name=1`, "bad-request"],
    [`/Observation?${Array.from({ length: 500 }, (_, n) => `code=${n}`).join("&")}`, "bad-request"],
    [`/Observation?code=${Array.from({ length: 500 }, (_, n) => n).join(",")}`, "bad-request"],
    ["/Patient?name=x", "identifier-in-url"],
    ["/Observation?subject:Patient.name=x", "identifier-in-url"],
    ["/Patient?_has:RelatedPerson:patient:name=x", "identifier-in-url"],
  ];
  it.each(refused)("%s is refused", async (path, code) => {
    const answer = await get(path);
    expect([answer.status, codeOf(answer)]).toEqual([400, code]);
  });

  it.each([
    "'; drop table resource; --",
    "%",
    "_",
    "\\",
    "a\\",
    "\u0000",
    "\u{10FFFF}",
    "ё".repeat(3000),
    "$",
    "|",
    ",",
    " ",
  ])("text is only text: %#", async (text) => {
    for (const name of ["name", "identifier", "birthdate", "_profile", "general-practitioner", "_id"]) {
      const { status, body } = await post("Patient", { [name]: text });
      expect([200, 400]).toContain(status);
      expect(["Bundle", "OperationOutcome"]).toContain((body as Resource).resourceType);
    }
  });

  it("lenient handling leaves out what is unknown, warns, and the self link shows what was applied", async () => {
    const query =
      "code=none&favourite=tea&_sort=tea&date=&_include=Observation:subject&_include=Observation:tea";
    const answer = await server.call<Bundle>("GET", `/Observation?${query}`, {
      headers: { prefer: "handling=lenient" },
    });
    expect(link(answer, "self")).toBe("/Observation?code=none&_include=Observation%3Asubject");
    const warnings = resourcesIn(answer.body).flatMap((one) =>
      one.resourceType === "OperationOutcome" ? (one.issue[0]?.expression ?? []) : [],
    );
    expect(warnings).toEqual(["favourite", "date", "_sort", "_include"]);
  });

  it("takes a plus that the address made a space, and any large _count", async () => {
    const { id } = await create<Patient>({ resourceType: "Patient" });
    const one = await create({ ...observation("plus", id), effectiveDateTime: "2024-01-01T10:00:00Z" });
    for (const date of ["2024-01-01T13:00:00+03:00", "2024-01-01T13:00:00%2B03:00"])
      expect(matches(await get(`/Observation?code=plus&date=${date}&_count=1000000000`))).toEqual([one.id]);
    expect(matches(await get("/Observation?code=plus&date=2024-01-01T13:00:00-03:00"))).toEqual([]);
  });
});
