import type { Bundle, OperationOutcome, Patient, Resource } from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, type FhirServer, resourcesIn, startFhirServer } from "../support/fhir-server.ts";

let server: FhirServer;
let refused: string | undefined;
beforeAll(async () => {
  server = await startFhirServer({ refuses: (_action, { id }) => id !== undefined && id === refused });
});
afterAll(() => server?.close());

const create = async <T extends Resource>(resource: T): Promise<T & { id: string }> =>
  (await server.call<T & { id: string }>("POST", `/${resource.resourceType}`, { body: resource })).body;
const patient = (more: Partial<Patient>): Patient => ({ resourceType: "Patient", ...more });
const observation = (id: string): Resource => ({
  resourceType: "Observation",
  status: "final",
  code: { text: "пульс" },
  subject: { reference: `Patient/${id}` },
});

describe("Patient/$everything", () => {
  it("is the patient with all that is about them, and nobody else's", async () => {
    const [one, other] = [await create(patient({})), await create(patient({}))];
    const own = [await create(observation(one.id)), await create(observation(one.id))];
    await create(observation(other.id));
    server.journal.length = 0;
    const { body } = await server.call<Bundle>("GET", `/Patient/${one.id}/$everything`);
    expect(
      resourcesIn(body)
        .map(({ id }) => id)
        .sort(),
    ).toEqual([one, ...own].map(({ id }) => id).sort());
    expect(server.journal).toHaveLength(3);
    expect(server.journal[0]).toMatchObject({ action: "everything", subject: one.id });
    const some = await server.call<Bundle>("GET", `/Patient/${one.id}/$everything?_type=Observation`);
    expect(resourcesIn(some.body)).toHaveLength(3);
    const token = await server.tokenFor("system/Patient.r");
    const scoped = await server.call<Bundle>("GET", `/Patient/${one.id}/$everything`, { token });
    expect(resourcesIn(scoped.body).map(({ resourceType }) => resourceType)).toEqual(["Patient"]);
    refused = own[0]?.id;
    const decided = await server.call<Bundle>("GET", `/Patient/${one.id}/$everything`);
    expect(resourcesIn(decided.body)).toHaveLength(2);
    refused = undefined;
  });

  it("comes in pages that lose nothing of what changes meanwhile, and since a moment", async () => {
    const { id } = await create(patient({}));
    const own: string[] = [];
    for (let n = 0; n < 5; n++) {
      await server.clock.advance(1_000);
      own.push((await create(observation(id))).id);
    }
    const everything = (query: string) => server.call<Bundle>("GET", `/Patient/${id}/$everything${query}`);
    const shown: (string | undefined)[][] = [];
    for (let query: string | undefined = "?_count=2&_elements=status"; query !== undefined; ) {
      const { status, body } = await everything(query);
      expect(status).toBe(200);
      shown.push(resourcesIn(body).map((one) => one.id));
      const next = body.link?.find(({ relation }) => relation === "next")?.url;
      if (next) expect(next).toContain("&_elements=status");
      if (shown.length === 2) {
        const changed = { ...observation(id), id: own[4], note: [{ text: "позже" }] };
        const headers = { "if-match": 'W/"1"' };
        expect((await server.call("PUT", `/Observation/${own[4]}`, { body: changed, headers })).status).toBe(
          200,
        );
        await server.clock.advance(1_000);
        own.push((await create(observation(id))).id);
      }
      query = next?.split("$everything")[1];
    }
    expect(shown.map(({ length }) => length)).toEqual([2, 2, 2, 1]);
    expect(shown.flat().sort()).toEqual([id, ...own].sort());
    const since = new Date(server.clock.now() - 1_000).toISOString();
    const late = await everything(`?_since=${since}&_type=Observation`);
    expect(resourcesIn(late.body).map((one) => one.id)).toEqual([id, own[4], own[5]]);
    const other = await create(patient({}));
    const link = (await everything("?_count=1")).body.link?.[1]?.url.split("?")[1];
    const foreign = await server.call("GET", `/Patient/${other.id}/$everything?${link}`);
    expect([foreign.status, codeOf(foreign)]).toEqual([400, "page-link-rejected"]);
    const ofOthers = await server.call("GET", `/Patient/${id}/$everything?${link}`, {
      token: await server.tokenFor("system/Patient.r"),
    });
    expect([ofOthers.status, codeOf(ofOthers)]).toEqual([400, "page-link-rejected"]);
    for (const query of ["_count=0", "_count=x", "_since=2020", "_since=", `${link}&_count=1`])
      expect([query, (await everything(`?${query}`)).status]).toEqual([query, 400]);
  });

  it("of nobody is 404, with an unknown type or parameter 400", async () => {
    expect((await server.call("GET", `/Patient/${crypto.randomUUID()}/$everything`)).status).toBe(404);
    const { id } = await create(patient({}));
    expect((await server.call("GET", `/Patient/${id}/$everything?_type=Spaceship`)).status).toBe(400);
    expect((await server.call("GET", `/Patient/${id}/$everything?start=2020`)).status).toBe(400);
  });
});

describe("Composition/$document", () => {
  const compose = async (subject: string, entry: string) =>
    create({
      resourceType: "Composition",
      status: "final",
      type: { text: "выписка" },
      title: "Выписка",
      date: "2026-11-22",
      author: [{ reference: subject }],
      subject: { reference: subject },
      section: [{ title: "Измерения", entry: [{ reference: entry }] }],
    });

  it("is the composition first and all that it refers to", async () => {
    const { id } = await create(patient({}));
    const measured = await create(observation(id));
    const composition = await compose(`Patient/${id}`, `Observation/${measured.id}`);
    const { body } = await server.call<Bundle>("GET", `/Composition/${composition.id}/$document`);
    expect(body).toMatchObject({
      type: "document",
      identifier: { value: expect.stringMatching(/^urn:uuid:/) },
    });
    expect(resourcesIn(body).map((one) => one.id)).toEqual([composition.id, id, measured.id]);
    const persisted = (answer: string) =>
      server.call("GET", `/Composition/${composition.id}/$document?persist=${answer}`);
    expect((await persisted("false")).status).toBe(200);
    for (const answer of ["true", "perhaps"]) expect((await persisted(answer)).status).toBe(400);
    refused = measured.id;
    const denied = await server.call("GET", `/Composition/${composition.id}/$document`);
    expect([denied.status, codeOf(denied)]).toEqual([403, "access-denied"]);
    refused = undefined;
  });

  it("holds the very version that the composition names", async () => {
    const { id } = await create(patient({ birthDate: "1980-01-01" }));
    const changed = patient({ id, birthDate: "1980-01-02" });
    await server.call("PUT", `/Patient/${id}`, { body: changed, headers: { "if-match": 'W/"1"' } });
    const measured = await create(observation(id));
    const composition = await compose(`Patient/${id}/_history/1`, `Observation/${measured.id}`);
    const { body } = await server.call<Bundle>("GET", `/Composition/${composition.id}/$document`);
    expect(resourcesIn(body)[1]).toMatchObject({ id, birthDate: "1980-01-01", meta: { versionId: "1" } });
  });

  it("whose part is gone is not made", async () => {
    const { id } = await create(patient({}));
    const composition = await compose(`Patient/${id}`, `Observation/${crypto.randomUUID()}`);
    expect((await server.call("GET", `/Composition/${composition.id}/$document`)).status).toBe(404);
  });
});

describe("Patient/$match", () => {
  const match = (resource: Patient, ...more: object[]) =>
    server.call<Bundle>("POST", "/Patient/$match", {
      body: { resourceType: "Parameters", parameter: [{ name: "resource", resource }, ...more] },
    });
  const grades = ({ entry = [] }: Bundle) =>
    entry.map(({ resource, search }) => [resource?.id, search?.extension?.[0]?.valueCode, search?.score]);

  it("grades by identifier, by name with birth date, by surname with birth date", async () => {
    const identifier = [{ system: "https://mis.example/card", value: "m,1" }];
    const birthDate = "1980-05-05";
    const certain = await create(patient({ identifier }));
    const probable = await create(patient({ name: [{ family: "Ёжиков", given: ["Пётр"] }], birthDate }));
    const possible = await create(patient({ name: [{ family: "Ежиков", given: ["Иван"] }], birthDate }));
    await create(patient({ name: [{ family: "Ежиков", given: ["Петр"] }], birthDate: "1981-05-05" }));
    await create(patient({ name: [{ family: "Ежиков", given: ["Петр"] }], birthDate, gender: "female" }));
    const asked = patient({
      identifier,
      name: [{ family: "Ежиков", given: ["Петр"] }],
      birthDate,
      gender: "male",
    });
    const { body } = await match(asked);
    expect(grades(body)).toEqual([
      [certain.id, "certain", 1],
      [probable.id, "probable", 0.8],
      [possible.id, "possible", 0.5],
    ]);
    const sure = await match(asked, { name: "onlyCertainMatches", valueBoolean: true });
    expect(grades(sure.body)).toEqual([[certain.id, "certain", 1]]);
    expect((await match(asked, { name: "count", valueInteger: 1 })).body.entry).toHaveLength(1);
  });

  it("knows a СНИЛС in each spelling, and another СНИЛС is another person", async () => {
    const name = [{ family: "Соснин", given: ["Глеб"] }];
    const birthDate = "1979-02-03";
    const withSnils = (value: string, system = "urn:oid:1.2.643.100.3") =>
      patient({ name, birthDate, identifier: [{ system, value }] });
    const { id } = await create(withSnils("11223344595"));
    for (const asked of [
      withSnils("112-233-445 95"),
      withSnils("11223344595", "https://fhir.ru/core/sid/snils"),
    ])
      expect(grades((await match(asked)).body)).toEqual([[id, "certain", 1]]);
    expect(grades((await match(withSnils("90000000384"))).body)).toEqual([]);
  });

  it("says nobody is certain when two are", async () => {
    const identifier = [{ system: "https://mis.example/card", value: "twice" }];
    await create(patient({ identifier }));
    await create(patient({ identifier }));
    const asked = patient({ identifier });
    expect((await match(asked)).body.entry).toHaveLength(2);
    const sure = await match(asked, { name: "onlyCertainMatches", valueBoolean: true });
    expect(sure.body).toMatchObject({ total: 0, entry: [] });
  });

  it("without a Patient is refused", async () => {
    expect((await match(observation("1") as unknown as Patient)).status).toBe(400);
  });

  it.each([
    { name: "count", valueInteger: 0 },
    { name: "count", valueInteger: -1 },
    { name: "count", valueString: "all" },
    { name: "onlyCertainMatches", valueString: "perhaps" },
  ])("with %o is refused", async (parameter) => {
    const answer = await match(patient({}), parameter);
    expect([answer.status, codeOf(answer)]).toEqual([400, "bad-request"]);
  });
});

describe("Binary", () => {
  const bytes = "%PDF-1.7 я";

  it("comes and goes as bytes, or as a resource when FHIR is asked for", async () => {
    const headers = { "content-type": "application/pdf", "x-security-context": "Patient/1" };
    const made = await server.call("POST", "/Binary", { body: bytes, headers });
    expect(made.body).toMatchObject({
      contentType: "application/pdf",
      securityContext: { reference: "Patient/1" },
      data: Buffer.from(bytes).toString("base64"),
    });
    const path = `/Binary/${made.body.id}`;
    const raw = await server.call("GET", path);
    expect([raw.text, raw.headers.get("content-type"), raw.headers.get("content-disposition")]).toEqual([
      bytes,
      "application/pdf",
      "attachment",
    ]);
    const fhir = await server.call("GET", path, { headers: { accept: "application/fhir+json" } });
    expect(fhir.body).toEqual(made.body);
    const version = await server.call("GET", `${path}/_history/1`);
    expect([version.text, version.headers.get("content-type")]).toEqual([bytes, "application/pdf"]);
  });

  it("never changes", async () => {
    const headers = { "content-type": "application/pdf" };
    const { body } = await server.call("POST", "/Binary", { body: bytes, headers });
    const changed = await server.call("PUT", `/Binary/${body.id}`, { body });
    expect([changed.status, changed.headers.get("allow")]).toEqual([405, "GET, HEAD, DELETE"]);
    expect((await server.call("POST", "/Binary", { headers })).status).toBe(400);
  });
});

describe("an operation", () => {
  it.each([
    ["GET", "/Patient/$match", "POST"],
    ["DELETE", "/Patient/$match", "POST"],
    ["PUT", "/Patient/$match", "POST"],
    ["PATCH", "/Composition/1/$document", "GET, HEAD, POST"],
    ["DELETE", "/Patient/1/$everything", "GET, HEAD, POST"],
  ])("%s %s is 405 and names what it takes", async (method, path, allowed) => {
    const answer = await server.call(method, path, method === "PUT" ? { body: patient({}) } : {});
    expect([answer.status, codeOf(answer)]).toEqual([405, "method-not-allowed"]);
    expect(answer.headers.get("allow")?.split(", ").sort()).toEqual(allowed.split(", "));
  });

  it.each(["/Patient/$nothing", "/Patient/1/$nothing", "/Patient/$everything", "/Patient/1/$match"])(
    "%s is 404 by any method: there is none",
    async (path) => {
      for (const method of ["GET", "POST", "PUT", "DELETE"]) {
        const answer = await server.call(method, path, method === "PUT" ? { body: patient({}) } : {});
        expect([method, answer.status, codeOf(answer)]).toEqual([method, 404, "not-found"]);
      }
    },
  );

  const request = (method: string, url: string, resource?: object) => ({
    request: { method, url },
    ...(resource && { resource }),
  });
  const batch = async (...entry: object[]) =>
    (await server.call<Bundle>("POST", "", { body: { resourceType: "Bundle", type: "batch", entry } })).body;

  it("in a batch is called by its address, with its input as the entry's resource", async () => {
    const identifier = [{ system: "https://mis.example/card", value: "batched" }];
    const one = await create(patient({ identifier }));
    await create(observation(one.id));
    const input = {
      resourceType: "Parameters",
      parameter: [{ name: "resource", resource: patient({ identifier }) }],
    };
    server.journal.length = 0;
    const { entry = [] } = await batch(
      request("GET", `Patient/${one.id}/$everything`),
      request("GET", `${server.baseUrl}/Patient/${one.id}/$everything?_type=Patient`),
      request("POST", "Patient/$match", input),
      request("GET", "Patient/$match"),
      request("GET", "Patient/$nothing"),
      request("HEAD", `Patient/${one.id}/$everything`),
      request("GET", `Patient/${one.id}/_history/$everything`),
    );
    expect(entry.map(({ response }) => response?.status.slice(0, 3))).toEqual([
      "200",
      "200",
      "200",
      "405",
      "404",
      "405",
      "400",
    ]);
    const sizes = entry.slice(0, 3).map(({ resource }) => resourcesIn(resource as Bundle).length);
    expect(sizes).toEqual([2, 1, 1]);
    expect(server.journal.filter(({ outcome }) => outcome === "ok").map(({ action }) => action)).toEqual([
      "everything",
      "everything",
      "everything",
      "match",
    ]);
  });

  it("in a batch is judged as outside of it", async () => {
    const one = await create(patient({}));
    await create(observation(one.id));
    const token = await server.tokenFor("system/Patient.r");
    const body = {
      resourceType: "Bundle",
      type: "batch",
      entry: [
        request("GET", `Patient/${one.id}/$everything`),
        request("POST", "Patient/$match", patient({})),
      ],
    };
    const { entry = [] } = (await server.call<Bundle>("POST", "", { body, token })).body;
    expect(resourcesIn(entry[0]?.resource as Bundle).map(({ resourceType }) => resourceType)).toEqual([
      "Patient",
    ]);
    expect(entry[1]?.response?.status).toBe("403");
    refused = one.id;
    const denied = await batch(request("GET", `Patient/${one.id}/$everything`));
    expect(denied.entry?.[0]?.response?.status).toBe("403");
    refused = undefined;
  });

  it("in a transaction is refused by its code, and nothing of the transaction is done", async () => {
    const { id } = await create(patient({}));
    const wanted = crypto.randomUUID();
    const entry = [
      request("PUT", `Patient/${wanted}`, { ...patient({}), id: wanted }),
      request("GET", `Patient/${id}/$everything`),
    ];
    const body = { resourceType: "Bundle", type: "transaction", entry };
    const answer = await server.call<OperationOutcome>("POST", "", { body });
    expect([answer.status, codeOf(answer), answer.body.issue[0]?.expression]).toEqual([
      422,
      "not-in-transaction",
      ["Bundle.entry[1].request.url"],
    ]);
    expect((await server.call("GET", `/Patient/${wanted}`)).status).toBe(404);
  });
});
