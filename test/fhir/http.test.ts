import type { Bundle, Location, OperationOutcome } from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, type FhirServer, startFhirServer } from "../support/fhir-server.ts";

let server: FhirServer;
beforeAll(async () => {
  server = await startFhirServer({ rules: { ifMatchRequired: false } });
});
afterAll(() => server?.close());

const location: Location = { resourceType: "Location", name: "Кабинет 1", status: "active" };
const create = async (): Promise<Location & { id: string }> =>
  (await server.call<Location & { id: string }>("POST", "/Location", { body: location })).body;

describe("negotiation", () => {
  it.each<[string, string, number]>([
    ["text in another charset", "application/fhir+json; charset=windows-1251", 415],
    ["another version of FHIR", "application/fhir+json; fhirVersion=5.0", 415],
    ["UTF-8 by its other spelling", 'application/fhir+json; charset="UTF8"', 201],
    ["our version of FHIR", "application/json;fhirVersion=4.0", 201],
  ])("%s: %s is answered %i", async (_name, contentType, status) => {
    const headers = { "content-type": contentType };
    const answer = await server.call("POST", "/Location", { body: JSON.stringify(location), headers });
    expect(answer.status).toBe(status);
    if (status === 415) expect(codeOf(answer)).toBe("unsupported-media-type");
  });

  it("of a patch and of an operation's input as well", async () => {
    const { id } = await create();
    const patch = await server.call("PATCH", `/Location/${id}`, {
      body: "[]",
      headers: { "content-type": "application/json-patch+json; charset=koi8-r" },
    });
    expect(patch.status).toBe(415);
    const match = await server.call("POST", "/Patient/$match", {
      body: JSON.stringify({ resourceType: "Parameters" }),
      headers: { "content-type": "application/fhir+json; charset=koi8-r" },
    });
    expect(match.status).toBe(415);
  });

  it.each<[string, number]>([
    ["application/fhir+json; fhirVersion=4.0", 200],
    ["application/fhir+json; fhirVersion=5.0", 406],
    ["application/fhir+json; fhirVersion=5.0, application/fhir+xml;q=0.5", 200],
    ["text/html", 406],
    ["*/*", 200],
  ])("Accept %s is answered %i", async (accept, status) => {
    const { id } = await create();
    expect((await server.call("GET", `/Location/${id}`, { headers: { accept } })).status).toBe(status);
  });

  it("_format counts in a search's form too", async () => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await server.call("POST", "/Location/_search", { body: "_format=xml&_count=1", headers });
    expect(answer.headers.get("content-type")).toBe("application/fhir+xml; charset=utf-8");
  });
});

describe("a path that is no type's", () => {
  it.each([
    ["DELETE", "/metadata", "GET, HEAD"],
    ["POST", "/metadata", "GET, HEAD"],
    ["PUT", "/.well-known/smart-configuration", "GET, HEAD"],
    ["DELETE", "", "GET, HEAD, POST"],
    ["PUT", "/_history", "GET, HEAD"],
    ["GET", "/_search", "POST"],
    ["PATCH", "/_search", "POST"],
    ["POST", "/_async/1", "GET, HEAD, DELETE"],
  ])("%s %s is 405 and names what there is", async (method, path, allow) => {
    const headers = { "content-type": "text/csv", accept: "application/fhir+json" };
    const body = method === "GET" ? undefined : "not read";
    const answer = await server.call<OperationOutcome>(method, path, { headers, body });
    expect([answer.status, codeOf(answer), answer.headers.get("allow")]).toEqual([
      405,
      "method-not-allowed",
      allow,
    ]);
    const options = await server.call("OPTIONS", path);
    expect([options.status, options.headers.get("allow")]).toEqual([204, `${allow}, OPTIONS`]);
  });
});

describe("links of a search and of a history", () => {
  const urlOf = (bundle: Bundle, name: string) =>
    bundle.link?.find(({ relation }) => relation === name)?.url.replace(server.baseUrl, "") ?? "";

  it.each(["/Location?_count=1", "/Location/_history?_count=1"])("%s keep how it looks", async (path) => {
    await create();
    await create();
    const first = (await server.call<Bundle>("GET", `${path}&_summary=true&_pretty=true`)).body;
    for (const name of ["self", "next"]) expect(urlOf(first, name)).toMatch(/&_pretty=true&_summary=true$/);
    const next = await server.call<Bundle>("GET", urlOf(first, "next"));
    expect(next.body.entry?.[0]?.resource?.meta?.tag?.[0]?.code).toBe("SUBSETTED");
    expect(next.text).toContain('\n  "type"');
  });
});

describe("OPTIONS", () => {
  it.each([
    ["/Location", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"],
    ["/Location/1", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"],
    ["/Location/_history", "GET, HEAD, OPTIONS"],
    ["/Binary/1", "GET, HEAD, DELETE, OPTIONS"],
    ["/Patient/$match", "POST, OPTIONS"],
  ])("%s tells exactly what is allowed there", async (path, allowed) => {
    const answer = await server.call("OPTIONS", path);
    expect([answer.status, answer.headers.get("allow")]).toEqual([204, allowed]);
  });
});

describe("a change", () => {
  it("with If-None-Match: * makes what is not there and never replaces what is", async () => {
    const id = crypto.randomUUID();
    const put = () =>
      server.call("PUT", `/Location/${id}`, { body: { ...location, id }, headers: { "if-none-match": "*" } });
    expect((await put()).status).toBe(201);
    const again = await put();
    expect([again.status, codeOf(again)]).toEqual([412, "version-conflict"]);
  });

  it("a create ignores the id of its body and tells the address under the public one", async () => {
    const { body, headers } = await server.call<Location>("POST", "/Location", {
      body: { ...location, id: "mine" },
    });
    expect(body.id).not.toBe("mine");
    expect(headers.get("location")).toBe(`${server.baseUrl}/Location/${body.id}/_history/1`);
  });

  it.each<[string, object]>([
    ["no id", location],
    ["another id", { ...location, id: "other" }],
    ["another type", { resourceType: "Patient", id: "x" }],
  ])("an update with %s in its body is 400", async (_name, body) => {
    const { id } = await create();
    expect((await server.call("PUT", `/Location/${id}`, { body })).status).toBe(400);
  });

  it("takes a strong or weak ETag, and no other text", async () => {
    const { id } = await create();
    const put = (etag: string, name: string) =>
      server.call("PUT", `/Location/${id}`, {
        body: { ...location, id, name },
        headers: { "if-match": etag },
      });
    expect((await put('"1"', "2")).headers.get("etag")).toBe('W/"2"');
    expect((await put('W/"2"', "3")).headers.get("etag")).toBe('W/"3"');
    expect((await put('W/"2"', "4")).status).toBe(412);
    const wrong = await server.call<OperationOutcome>("PUT", `/Location/${id}`, {
      body: { ...location, id },
      headers: { "if-match": "3" },
    });
    expect([wrong.status, wrong.body.issue[0]?.expression]).toEqual([400, ["If-Match"]]);
  });

  it("Prefer: return=OperationOutcome says what was done", async () => {
    const id = crypto.randomUUID();
    const headers = { prefer: "return=OperationOutcome" };
    const said = async () =>
      (await server.call<OperationOutcome>("PUT", `/Location/${id}`, { body: { ...location, id }, headers }))
        .body.issue[0]?.diagnostics;
    expect(await said()).toBe(`Location/${id} created`);
    expect(await said()).toBe(`Location/${id} updated`);
  });

  it("a conditional delete of several deletes them where the settings permit", async () => {
    const many = await startFhirServer({ rules: { deletesMany: true, ifMatchRequired: false } });
    try {
      const tagged = { ...location, meta: { tag: [{ code: "many" }] } };
      const made = await Promise.all(
        [1, 2].map(() => many.call<Location>("POST", "/Location", { body: tagged })),
      );
      const headers = { prefer: "return=OperationOutcome" };
      const answer = await many.call<OperationOutcome>("DELETE", "/Location?_tag=many", { headers });
      expect([answer.status, answer.body.issue.length]).toEqual([200, 2]);
      for (const { body } of made) expect((await many.call("GET", `/Location/${body.id}`)).status).toBe(410);
    } finally {
      await many.close();
    }
  });
});

describe("what is deleted", () => {
  it("is 410 by itself and as the version of its deletion; its history and older versions stay", async () => {
    const { id } = await create();
    expect((await server.call("DELETE", `/Location/${id}`)).status).toBe(204);
    expect((await server.call("GET", `/Location/${id}`)).status).toBe(410);
    expect((await server.call("HEAD", `/Location/${id}`)).status).toBe(410);
    expect((await server.call("GET", `/Location/${id}/_history/2`)).status).toBe(410);
    expect((await server.call("GET", `/Location/${id}/_history/1`)).status).toBe(200);
    const history = await server.call<Bundle>("GET", `/Location/${id}/_history`);
    expect(history.body.entry?.map(({ request }) => request?.method)).toEqual(["DELETE", "POST"]);
    expect((await server.call("GET", `/Location/${id}/_history/9`)).status).toBe(404);
  });
});
