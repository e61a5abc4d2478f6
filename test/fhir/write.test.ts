import { createHash } from "node:crypto";
import type { Bundle, Observation, OperationOutcome, Patient } from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resourceOfXml, xmlOfResource } from "../../src/fhir/xml-codec.ts";
import { codeOf, type FhirServer, startFhirServer } from "../support/fhir-server.ts";

let server: FhirServer;
// what decide() keeps from the caller
const hidden = new Set(["0000cafe-0000-4000-8000-000000000000"]);
beforeAll(async () => {
  server = await startFhirServer({ refuses: (_action, { id = "" }) => hidden.has(id) });
});
afterAll(() => server?.close());

const patient = (family = "Иванов"): Patient => ({ resourceType: "Patient", name: [{ family }] });
const created = async (resource = patient()) =>
  (await server.call<Patient>("POST", "/Patient", { body: resource })).body;
const path = ({ resourceType, id }: { resourceType: string; id?: string }) => `/${resourceType}/${id}`;
const seen = (version: string | undefined) => ({ "if-match": `W/"${version}"` });

describe("documents", () => {
  it("D-15 a document is downloaded byte for byte as it was uploaded", async () => {
    const bytes = Uint8Array.from({ length: 70_000 }, (_, n) => (n * 7_919) % 256);
    const headers = { authorization: `Bearer ${server.token}`, "content-type": "application/pdf" };
    const uploaded = await fetch(`${server.url}/fhir/Binary`, { method: "POST", headers, body: bytes });
    expect(uploaded.status).toBe(201);
    const { id } = (await uploaded.json()) as { id: string };
    const downloaded = await fetch(`${server.url}/fhir/Binary/${id}`, {
      headers: { authorization: headers.authorization },
    });
    expect(downloaded.headers.get("content-type")).toBe("application/pdf");
    expect(new Uint8Array(await downloaded.arrayBuffer())).toEqual(bytes);
  });
});

describe("integrity of files", () => {
  const bytes = Buffer.from("%PDF-1.7 заключение врача ".repeat(200));
  const digest = `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`;
  const upload = (headers: Record<string, string> = {}) =>
    fetch(`${server.url}/fhir/Binary`, {
      method: "POST",
      headers: { authorization: `Bearer ${server.token}`, "content-type": "application/pdf", ...headers },
      body: bytes,
    });
  const download = (id: string) =>
    fetch(`${server.url}/fhir/Binary/${id}`, { headers: { authorization: `Bearer ${server.token}` } });

  it("Z-18 a Binary is kept encrypted and comes with its hash; a changed byte on the way or at rest is refused", async () => {
    const other = digest.replace(/:(.)/, (_, sign) => `:${sign === "A" ? "B" : "A"}`);
    for (const field of ["content-digest", "repr-digest"]) {
      const refused = await upload({ [field]: other });
      expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining(field)]);
    }
    const { id } = (await (await upload({ "content-digest": digest })).json()) as { id: string };
    const answer = await download(id);
    expect(answer.headers.get("repr-digest")).toBe(digest);
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);

    const { db } = server.store;
    const row = () =>
      db.selectFrom("resource").select("content").where("id", "=", id).executeTakeFirstOrThrow();
    const sealed = Buffer.from((await row()).content ?? []);
    expect(sealed.includes(Buffer.from("%PDF"))).toBe(false);
    expect(sealed.includes(bytes.toString("base64").slice(0, 24))).toBe(false);
    for (const at of [20, sealed.length >> 1, sealed.length - 1]) {
      const changed = Buffer.from(sealed);
      changed[at]! ^= 1;
      await db.updateTable("resource").set({ content: changed }).where("id", "=", id).execute();
      const refused = await download(id);
      expect([refused.status >= 500, await refused.text()]).toEqual([
        true,
        expect.not.stringContaining("%PDF"),
      ]);
    }
    await db.updateTable("resource").set({ content: sealed }).where("id", "=", id).execute();
    expect((await download(id)).headers.get("repr-digest")).toBe(digest);
  });
});

describe("create", () => {
  it("gives a random id, a version and a time, and says where it is", async () => {
    const body = { ...patient(), id: "mine", meta: { versionId: "77", lastUpdated: "2001-01-01T00:00:00Z" } };
    const answer = await server.call<Patient>("POST", "/Patient", { body });
    expect(answer.status).toBe(201);
    const { id, meta } = answer.body;
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    expect(meta?.versionId).toBe("1");
    expect(meta?.lastUpdated).toBe(new Date(server.clock.now()).toISOString());
    expect(meta?.source).toBe(`#${answer.headers.get("x-request-id")}`);
    expect(answer.headers.get("location")).toBe(`${server.baseUrl}/Patient/${id}/_history/1`);
    expect(answer.headers.get("etag")).toBe('W/"1"');
    expect((await server.call("GET", `/Patient/${id}`)).body).toEqual(answer.body);
  });

  it("keeps the value of a decimal of 15 digits, not its text", async () => {
    const code = { text: "x" };
    const bodyOf = (value: string) =>
      JSON.stringify({ resourceType: "Observation", status: "final", code, valueQuantity: {} }).replace(
        '"valueQuantity":{}',
        `"valueQuantity":{"value":${value}}`,
      );
    const headers = { "content-type": "application/fhir+json" };
    for (const [sent, kept] of [
      ["123456789.012345", "123456789.012345"],
      ["0.000000000000001", "1e-15"],
      ["1.00", "1"],
    ] as const) {
      const { body } = await server.call("POST", "/Observation", { body: bodyOf(sent), headers });
      expect((await server.call("GET", path(body))).text).toContain(`"valueQuantity":{"value":${kept}}`);
    }
  });

  it("keeps profile, tag and security of the caller", async () => {
    const meta = { profile: ["https://a.example"], tag: [{ code: "t" }], security: [{ code: "R" }] };
    expect((await created({ ...patient(), meta })).meta).toMatchObject(meta);
  });

  it.each([
    ["minimal", 201, ""],
    ["representation", 201, "Patient"],
    ["OperationOutcome", 201, "OperationOutcome"],
  ])("answers what Prefer: return=%s asks for", async (wanted, status, type) => {
    const answer = await server.call("POST", "/Patient", {
      body: patient(),
      headers: { prefer: `return=${wanted}` },
    });
    expect([answer.status, answer.body?.resourceType ?? ""]).toEqual([status, type]);
    expect(answer.headers.get("preference-applied")).toBe(`return=${wanted}`);
    expect(answer.headers.get("etag")).toBe('W/"1"');
    expect(answer.headers.get("location")).toContain("/_history/1");
  });

  it("takes XML and gives XML", async () => {
    const answer = await server.call("POST", "/Patient", {
      body: xmlOfResource(patient("Ёлкин")),
      headers: { "content-type": "application/fhir+xml", accept: "application/fhir+xml" },
    });
    expect(answer.status).toBe(201);
    expect(resourceOfXml(answer.text)).toMatchObject(patient("Ёлкин"));
  });

  it.each(["Device", "Specimen", "Group", "Substance", "Endpoint"])(
    "shows in XML what contains a %s, which is not served itself",
    async (resourceType) => {
      const more: Record<string, object> = {
        Group: { type: "person", actual: true },
        Substance: { code: { text: "x" } },
        Endpoint: {
          status: "active",
          connectionType: { code: "hl7-fhir-rest" },
          payloadType: [{ text: "x" }],
          address: "https://mis.example",
        },
      };
      const contained = [{ resourceType, id: "c", ...more[resourceType] }];
      const extension = [{ url: "https://mis.example/uses", valueReference: { reference: "#c" } }];
      const one = await created({ ...patient(), contained, extension } as Patient);
      const headers = { accept: "application/fhir+xml" };
      for (const place of [path(one), `/Patient?_id=${one.id}`, `${path(one)}/_history`]) {
        const answer = await server.call("GET", place, { headers });
        expect([answer.status, answer.text]).toEqual([200, expect.stringContaining(`<${resourceType}>`)]);
      }
      const { text } = await server.call("GET", path(one), { headers });
      expect(resourceOfXml(text)).toEqual(one);
    },
  );

  it("is refused with the validator's findings, or passes with its warnings", async () => {
    const contact = [{ gender: "male" }];
    const refused = await server.call<OperationOutcome>("POST", "/Patient", {
      body: { ...patient(), contact },
    });
    expect([refused.status, codeOf(refused)]).toEqual([422, "validation-failed"]);
    expect(refused.body.issue[1]?.expression).toEqual(["Patient.contact[0]"]);
    const passed = await server.call<OperationOutcome>("POST", "/Patient", {
      body: { ...patient(), meta: { profile: ["https://nobody.example/StructureDefinition/none"] } },
      headers: { prefer: "return=OperationOutcome" },
    });
    expect(passed.status).toBe(201);
    expect(passed.body.issue[0]?.diagnostics).toContain("created");
  });

  it.each([
    [
      "two contained resources of one id",
      {
        contained: ["a", "b"].map((name) => ({ resourceType: "Organization", id: "o", name })),
        managingOrganization: { reference: "#o" },
      },
    ],
    [
      "a reference to another type than it says",
      { generalPractitioner: [{ reference: "Practitioner/1", type: "Organization" }] },
    ],
    [
      "a reference to something contained of another type than it says",
      {
        contained: [{ resourceType: "Organization", id: "o", name: "ГБУЗ" }],
        generalPractitioner: [{ reference: "#o", type: "Practitioner" }],
      },
    ],
  ])("refuses %s", async (_name, more) => {
    const answer = await server.call("POST", "/Patient", { body: { ...patient(), ...more } });
    expect([answer.status, codeOf(answer)]).toEqual([422, "validation-failed"]);
  });

  it.each<[string, unknown, number, string]>([
    ["another type", { resourceType: "Observation" }, 400, "bad-request"],
    [
      "an element that the type does not have",
      { resourceType: "Patient", shoeSize: 43 },
      422,
      "validation-failed",
    ],
    ["a wrong type of value", { resourceType: "Patient", active: "yes" }, 422, "validation-failed"],
    ["a type that nobody knows", { resourceType: "Spaceship" }, 400, "bad-request"],
    ["no resource", {}, 400, "bad-request"],
    ["an array", [], 400, "bad-request"],
    ["null", null, 400, "bad-request"],
    ["broken JSON", "{", 400, "bad-request"],
  ])("refuses %s", async (_name, body, status, code) => {
    const headers = { "content-type": "application/fhir+json" };
    const answer = await server.call("POST", "/Patient", { body, headers });
    expect([answer.status, codeOf(answer)]).toEqual([status, code]);
  });

  it("refuses a body of another media type", async () => {
    const headers = { "content-type": "text/csv" };
    const answer = await server.call("POST", "/Patient", { body: "a,b", headers });
    expect([answer.status, codeOf(answer)]).toEqual([415, "unsupported-media-type"]);
  });
});

describe("update", () => {
  it("makes the next version, which needs If-Match", async () => {
    const one = await created();
    const body = { ...one, name: [{ family: "Петров" }] };
    const blind = await server.call("PUT", path(one), { body });
    expect([blind.status, codeOf(blind)]).toEqual([412, "version-conflict"]);
    const answer = await server.call<Patient>("PUT", path(one), { body, headers: seen("1") });
    expect([answer.status, answer.body.meta?.versionId]).toEqual([200, "2"]);
    const stale = await server.call("PUT", path(one), { body: one, headers: seen("1") });
    expect([stale.status, codeOf(stale)]).toEqual([412, "version-conflict"]);
    expect((await server.call<Patient>("GET", path(one))).body.name).toEqual(body.name);
  });

  it("that says nothing new makes no version", async () => {
    const one = await created();
    const { name, ...rest } = one;
    const same = {
      name,
      ...rest,
      meta: { ...one.meta, versionId: "9", lastUpdated: "2001-01-01T00:00:00Z" },
    };
    const answer = await server.call<Patient>("PUT", path(one), { body: same, headers: seen("1") });
    expect([answer.status, answer.body]).toEqual([200, one]);
    const history = await server.call<Bundle>("GET", `${path(one)}/_history`);
    expect(history.body.entry).toHaveLength(1);
  });

  it("creates under an id that is a random UUID, and under no speaking one", async () => {
    const id = crypto.randomUUID();
    const answer = await server.call("PUT", `/Patient/${id}`, { body: { ...patient(), id } });
    expect([answer.status, answer.headers.get("location")]).toEqual([
      201,
      `${server.baseUrl}/Patient/${id}/_history/1`,
    ]);
    const speaking = await server.call("PUT", "/Patient/16012345678", {
      body: { ...patient(), id: "16012345678" },
    });
    expect([speaking.status, codeOf(speaking)]).toEqual([400, "bad-request"]);
    const place = { resourceType: "Location", id: "room-12", name: "Кабинет 12" };
    expect((await server.call("PUT", "/Location/room-12", { body: place })).status).toBe(201);
  });

  it("refuses a body of another id and an If-Match that is no ETag", async () => {
    const one = await created();
    const other = await server.call("PUT", path(one), { body: { ...one, id: "x" }, headers: seen("1") });
    expect(other.status).toBe(400);
    const wrong = await server.call("PUT", path(one), { body: one, headers: { "if-match": "one" } });
    expect(wrong.status).toBe(400);
  });

  it("of which two run at once, one wins and the other is stale", async () => {
    const one = await created();
    const put = (family: string) =>
      server.call("PUT", path(one), { body: { ...one, name: [{ family }] }, headers: seen("1") });
    const answers = await Promise.all([put("А"), put("Б"), put("В")]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
  });
});

describe("delete", () => {
  it("leaves 410, a version without content, and may be undone by an update", async () => {
    const one = await created();
    const blind = await server.call("DELETE", path(one));
    expect(blind.status).toBe(412);
    const answer = await server.call("DELETE", path(one), { headers: seen("1") });
    expect([answer.status, answer.text]).toEqual([204, ""]);
    const read = await server.call("GET", path(one));
    expect([read.status, codeOf(read)]).toEqual([410, "gone"]);
    expect((await server.call("DELETE", path(one))).status).toBe(204);
    expect((await server.call("GET", `${path(one)}/_history/1`)).status).toBe(200);
    expect((await server.call("GET", `${path(one)}/_history/2`)).status).toBe(410);
    const back = await server.call<Patient>("PUT", path(one), { body: one });
    expect([back.status, back.body.meta?.versionId]).toEqual([201, "3"]);
  });

  it("of what never was is done already", async () => {
    expect((await server.call("DELETE", `/Patient/${crypto.randomUUID()}`)).status).toBe(204);
  });
});

describe("history", () => {
  it("tells what was done, newest first, in pages", async () => {
    const one = await created();
    await server.clock.advance(1_000);
    const since = new Date(server.clock.now()).toISOString();
    await server.call("PUT", path(one), { body: { ...one, active: true }, headers: seen("1") });
    await server.call("DELETE", path(one), { headers: seen("2") });
    const all = (await server.call<Bundle>("GET", `${path(one)}/_history`)).body;
    expect(all.type).toBe("history");
    expect(
      all.entry?.map(({ request, response }) => [request?.method, response?.status, response?.etag]),
    ).toEqual([
      ["DELETE", "204", 'W/"3"'],
      ["PUT", "200", 'W/"2"'],
      ["POST", "201", 'W/"1"'],
    ]);
    expect(all.entry?.[0]?.resource).toBeUndefined();
    const late = (await server.call<Bundle>("GET", `${path(one)}/_history?_since=${since}`)).body;
    expect(late.entry).toHaveLength(2);
    const first = (await server.call<Bundle>("GET", `${path(one)}/_history?_count=2`)).body;
    const next = first.link?.find(({ relation }) => relation === "next")?.url ?? "";
    const second = (await server.call<Bundle>("GET", next.replace(server.baseUrl, ""))).body;
    expect(second.entry?.map(({ request }) => request?.method)).toEqual(["POST"]);
  });

  it("tells that what was deleted was made anew", async () => {
    const one = await created();
    await server.call("DELETE", path(one), { headers: seen("1") });
    expect((await server.call("PUT", path(one), { body: one })).status).toBe(201);
    const { entry = [] } = (await server.call<Bundle>("GET", `${path(one)}/_history`)).body;
    expect(entry.map(({ request, response }) => [request?.method, response?.status])).toEqual([
      ["PUT", "201"],
      ["DELETE", "204"],
      ["POST", "201"],
    ]);
  });

  it("of a type and of everything holds each version", async () => {
    const one = await created();
    for (const place of ["/Patient/_history", "/_history"]) {
      const { body } = await server.call<Bundle>("GET", `${place}?_count=1`);
      expect(body.entry?.map(({ resource }) => resource?.id)).toEqual([one.id]);
    }
  });

  it("of what never was is 404, and a wrong parameter is named", async () => {
    expect((await server.call("GET", `/Patient/${crypto.randomUUID()}/_history`)).status).toBe(404);
    const wrong = await server.call<OperationOutcome>("GET", "/Patient/_history?_since=yesterday");
    expect([wrong.status, wrong.body.issue[0]?.expression]).toEqual([400, ["_since"]]);
  });
});

describe("read", () => {
  it("answers 304 to a caller who has that version", async () => {
    const one = await created();
    const known = await server.call("GET", path(one), { headers: { "if-none-match": 'W/"1"' } });
    expect([known.status, known.text]).toEqual([304, ""]);
    const among = await server.call("GET", path(one), { headers: { "if-none-match": '"0", "1"' } });
    expect(among.status).toBe(304);
    const other = await server.call("GET", path(one), { headers: { "if-none-match": 'W/"2"' } });
    expect(other.status).toBe(200);
    const since = other.headers.get("last-modified") ?? "";
    const unchanged = await server.call("GET", path(one), { headers: { "if-modified-since": since } });
    expect(unchanged.status).toBe(304);
    const long = { "if-modified-since": "Tue, 01 Jan 2002 00:00:00 GMT" };
    expect((await server.call("GET", path(one), { headers: long })).status).toBe(200);
  });

  it("of a version that there never was is 404", async () => {
    const one = await created();
    for (const version of ["2", "0", "x", "99999999999"])
      expect((await server.call("GET", `${path(one)}/_history/${version}`)).status).toBe(404);
  });

  it("HEAD answers with headers alone", async () => {
    const answer = await server.call("HEAD", path(await created()));
    expect([answer.status, answer.text, answer.headers.get("etag")]).toEqual([200, "", 'W/"1"']);
  });
});

describe("access", () => {
  it("each interaction needs its letter of the scope", async () => {
    const one = await created();
    const token = await server.tokenFor("system/Patient.s");
    const refused = [
      await server.call("GET", path(one), { token }),
      await server.call("POST", "/Patient", { token, body: patient() }),
      await server.call("PUT", path(one), { token, body: one, headers: seen("1") }),
      await server.call("DELETE", path(one), { token, headers: seen("1") }),
      await server.call("GET", `${path(one)}/_history`, { token }),
      await server.call("GET", `${path(one)}/_history/1`, { token }),
      await server.call("GET", "/_history", { token: await server.tokenFor("system/Patient.r") }),
    ];
    for (const answer of refused) expect([answer.status, codeOf(answer)]).toEqual([403, "scope-missing"]);
  });

  it("a token that is none is named as the fault, its absence is not", async () => {
    const challenge = async (authorization?: string) =>
      (
        await fetch(`${server.url}/fhir/Patient/1`, { headers: authorization ? { authorization } : {} })
      ).headers.get("www-authenticate");
    expect([await challenge(), await challenge("Bearer none")]).toEqual([
      "Bearer",
      'Bearer error="invalid_token"',
    ]);
  });

  it("what decide() refuses is not written and not shown", async () => {
    const id = "0000cafe-0000-4000-8000-000000000000";
    const answer = await server.call("PUT", `/Patient/${id}`, { body: { ...patient(), id } });
    expect([answer.status, codeOf(answer)]).toEqual([403, "access-denied"]);
    expect((await server.call("GET", `/Patient/${id}`)).status).toBe(404);
  });

  it("each is a row in the journal with the patient whose data it is", async () => {
    const one = await created();
    const body: Observation = {
      resourceType: "Observation",
      status: "final",
      code: { text: "пульс" },
      subject: { reference: `${server.baseUrl}/Patient/${one.id}` },
    };
    server.journal.length = 0;
    const { body: stored } = await server.call<Observation>("POST", "/Observation", { body });
    expect(stored.subject?.reference).toBe(`Patient/${one.id}`);
    expect(server.journal).toMatchObject([
      {
        action: "create",
        resourceType: "Observation",
        resourceId: stored.id,
        subject: one.id,
        outcome: "ok",
      },
    ]);
  });
});

describe("patch", () => {
  const jsonPatch = { "content-type": "application/json-patch+json" };
  const family = (name: string) => JSON.stringify([{ op: "replace", path: "/name/0/family", value: name }]);

  it("JSON Patch makes the next version, which needs If-Match", async () => {
    const one = await created();
    const blind = await server.call("PATCH", path(one), { body: family("Петров"), headers: jsonPatch });
    expect(codeOf(blind)).toBe("version-conflict");
    const answer = await server.call<Patient>("PATCH", path(one), {
      body: family("Петров"),
      headers: { ...jsonPatch, ...seen("1") },
    });
    expect([answer.status, answer.body.name, answer.body.meta?.versionId]).toEqual([
      200,
      [{ family: "Петров" }],
      "2",
    ]);
  });

  it("FHIRPath Patch comes as Parameters in JSON and XML", async () => {
    const one = await created();
    const parameters = (version: string) => ({
      resourceType: "Parameters" as const,
      parameter: [
        {
          name: "operation",
          part: [
            { name: "type", valueCode: "add" },
            { name: "path", valueString: "Patient" },
            { name: "name", valueString: "identifier" },
            { name: "value", valueIdentifier: { value: version } },
          ],
        },
      ],
    });
    await server.call("PATCH", path(one), { body: parameters("1"), headers: seen("1") });
    const answer = await server.call<Patient>("PATCH", path(one), {
      body: xmlOfResource(parameters("2")),
      headers: { "content-type": "application/fhir+xml", ...seen("2") },
    });
    expect(answer.body.identifier).toEqual([{ value: "1" }, { value: "2" }]);
  });

  it("finds its resource by criteria", async () => {
    const one = await created({ ...patient(), meta: { tag: [{ code: "patched" }] } });
    const at = "/Patient?_tag=patched";
    const answer = await server.call<Patient>("PATCH", at, { body: family("Сидоров"), headers: jsonPatch });
    expect([answer.status, answer.body.id, answer.body.name?.[0]?.family]).toEqual([200, one.id, "Сидоров"]);
    const none = await server.call("PATCH", "/Patient?_tag=none", { body: family("x"), headers: jsonPatch });
    expect(none.status).toBe(404);
  });

  it.each<[string, object, number]>([
    ["id", { op: "replace", path: "/id", value: crypto.randomUUID() }, 422],
    ["resourceType", { op: "replace", path: "/resourceType", value: "Person" }, 422],
    ["meta.versionId", { op: "replace", path: "/meta/versionId", value: "7" }, 422],
    ["what the validator refuses", { op: "add", path: "/shoeSize", value: 43 }, 422],
  ])("does not change %s", async (_name, operation, status) => {
    const one = await created();
    const headers = { ...jsonPatch, ...seen("1") };
    const answer = await server.call("PATCH", path(one), { body: JSON.stringify([operation]), headers });
    expect([answer.status, codeOf(answer)]).toEqual([status, "validation-failed"]);
    expect((await server.call("GET", path(one))).body).toEqual(one);
  });

  it("of another media type is 415, of what is not there 404", async () => {
    const one = await created();
    const headers = { "content-type": "application/xml-patch+xml", ...seen("1") };
    expect((await server.call("PATCH", path(one), { body: "<diff/>", headers })).status).toBe(415);
    const nowhere = `/Patient/${crypto.randomUUID()}`;
    expect((await server.call("PATCH", nowhere, { body: family("x"), headers: jsonPatch })).status).toBe(404);
  });
});

describe("what the caller may not see tells nothing", () => {
  const fhirPath = (path: string) => ({
    resourceType: "Parameters" as const,
    parameter: [
      {
        name: "operation",
        part: [
          { name: "type", valueCode: "replace" },
          { name: "path", valueString: path },
          { name: "value", valueString: "Петров" },
        ],
      },
    ],
  });
  const jsonTest = (value: string) => ({
    resourceType: "Binary" as const,
    contentType: "application/json-patch+json",
    data: Buffer.from(JSON.stringify([{ op: "test", path: "/name/0/family", value }])).toString("base64"),
  });
  const guesses = (family: string) => [
    fhirPath(`Patient.name.where(family.startsWith('${family.slice(0, 1)}')).family`),
    jsonTest(family),
  ];
  const hiddenOne = async () => {
    const one = await created(patient("Сидоров"));
    hidden.add(one.id ?? "");
    return one;
  };
  const told = ({ status, text }: { status: number; text: string }) => [
    status,
    text.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "id"),
  ];

  it("a patch that fits and one that does not are refused alike, alone, in a batch and in a transaction", async () => {
    const one = await hiddenOne();
    const bundle = (type: string, resource: object) => {
      const request = { method: "PATCH", url: path(one).slice(1), ifMatch: 'W/"1"' };
      return { resourceType: "Bundle", type, entry: [{ resource, request }] };
    };
    const answersTo = async (family: string) => {
      const answers = [];
      for (const patch of guesses(family)) {
        if (patch.resourceType === "Parameters")
          answers.push(await server.call("PATCH", path(one), { body: patch, headers: seen("1") }));
        else
          answers.push(
            await server.call("PATCH", path(one), {
              body: Buffer.from(patch.data, "base64").toString(),
              headers: { "content-type": patch.contentType, ...seen("1") },
            }),
          );
        for (const type of ["batch", "transaction"])
          answers.push(await server.call("POST", "", { body: bundle(type, patch) }));
      }
      return answers.map(told);
    };
    const right = await answersTo("Сидоров");
    expect(right.map(([status]) => status)).toEqual([403, 200, 403, 403, 200, 403]);
    expect(right[1]?.[1]).toContain("access-denied");
    expect(right).toEqual(await answersTo("Яковлев"));
  });

  it("the right version, a wrong one and none are refused alike", async () => {
    const one = await hiddenOne();
    const versions: Record<string, string>[] = [seen("1"), seen("7"), { "if-none-match": "*" }, {}];
    for (const method of ["PUT", "PATCH", "DELETE"]) {
      const body = method === "PUT" ? one : method === "PATCH" ? fhirPath("Patient.name.family") : undefined;
      const answers = [];
      for (const headers of versions)
        answers.push(told(await server.call(method, path(one), { body, headers })));
      expect(answers[0]?.[0]).toBe(403);
      for (const answer of answers) expect(answer).toEqual(answers[0]);
    }
  });
});
