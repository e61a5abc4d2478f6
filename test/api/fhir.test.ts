import type {
  Bundle,
  CapabilityStatement,
  OperationOutcome,
  Practitioner,
  PractitionerRole,
} from "@medplum/fhirtypes";
import { Client } from "fhir-kit-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createValidator, hasErrors } from "../../src/fhir/validation/validator.ts";
import { resourceOfXml } from "../../src/fhir/xml-codec.ts";
import { startApp, type TestApp } from "../support/app.ts";

const snils = { doctor: "", twice: "", dismissed: "", citizen: "", dup: "" };
const everything = "system/Practitioner.rs system/PractitionerRole.rs system/Organization.rs";
let gateway: TestApp;
let token = "";
let client: Client;

beforeAll(async () => {
  gateway = await startApp();
  token = await gateway.token(everything);
  client = new Client({ baseUrl: `${gateway.url}/fhir`, bearerToken: token });
  const people = (await (await fetch(`${gateway.sandboxUrl}/_people`)).json()) as {
    id: string;
    snils: string;
  }[];
  const of = (id: string) => people.find((person) => person.id === id)?.snils ?? "";
  Object.assign(snils, {
    doctor: of("doctor"),
    twice: of("doctor-two"),
    dismissed: of("dismissed"),
    citizen: of("citizen"),
    dup: of("dup"),
  });
});
afterAll(() => gateway?.close());

const bySnils = (value: string) => `urn:oid:1.2.643.100.3|${value}`;

async function search(type: string, form: [string, string][], headers: Record<string, string> = {}) {
  const answer = await fetch(`${gateway.url}/fhir/${type}/_search`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, ...headers },
    body: new URLSearchParams(form),
  });
  return {
    status: answer.status,
    body: (await answer.json()) as Omit<Bundle, "resourceType"> & Pick<OperationOutcome, "issue">,
  };
}

const matches = (bundle: Pick<Bundle, "entry">) =>
  (bundle.entry ?? []).filter(({ search }) => search?.mode === "match").map(({ resource }) => resource);
const codeOf = (outcome: Pick<OperationOutcome, "issue">) => outcome.issue[0]?.details?.coding?.[0]?.code;

describe("search", () => {
  it("a worker is found by СНИЛС and read by the logical id", async () => {
    const { body } = await search("Practitioner", [["identifier", bySnils(snils.doctor)]]);
    const [found] = matches(body) as Practitioner[];
    expect(found?.identifier?.some(({ value }) => value === snils.doctor)).toBe(true);
    const read = (await client.read({ resourceType: "Practitioner", id: found?.id ?? "" })) as Practitioner;
    expect(read.name).toEqual(found?.name);
    expect(found?.id).not.toContain(snils.doctor);
  });

  it("every spelling of the СНИЛС system finds the same person", async () => {
    const ids = [];
    for (const system of ["urn:oid:1.2.643.100.3", "https://fhir.ru/ig/core/systems/snils"])
      ids.push(
        matches((await search("Practitioner", [["identifier", `${system}|${snils.doctor}`]])).body)[0]?.id,
      );
    expect(ids[0]).toBeDefined();
    expect(ids[1]).toBe(ids[0]);
  });

  it("a person whom the registry does not know is an empty result", async () => {
    const { status, body } = await search("Practitioner", [["identifier", bySnils(snils.citizen)]]);
    expect(status).toBe(200);
    expect(body.total).toBe(0);
  });

  it("two records under one СНИЛС are refused by their own code", async () => {
    const { status, body } = await search("Practitioner", [["identifier", bySnils(snils.dup)]]);
    expect(status).toBe(409);
    expect(codeOf(body)).toBe("person-duplicated");
  });

  it("roles and organisations come along by _revinclude and _include", async () => {
    const { body } = await search("Practitioner", [
      ["identifier", bySnils(snils.twice)],
      ["_revinclude", "PractitionerRole:practitioner"],
      ["_include", "PractitionerRole:organization"],
    ]);
    const types = (body.entry ?? []).map(
      ({ resource, search }) => `${search?.mode} ${resource?.resourceType}`,
    );
    expect(types).toEqual([
      "match Practitioner",
      "include PractitionerRole",
      "include PractitionerRole",
      "include Organization",
      "include Organization",
    ]);
  });

  it("roles are found by the person's identifier and narrowed by organisation", async () => {
    const all = matches(
      (await search("PractitionerRole", [["practitioner.identifier", bySnils(snils.twice)]])).body,
    );
    expect(all).toHaveLength(2);
    const [first] = all as PractitionerRole[];
    const narrowed = await search("PractitionerRole", [
      ["practitioner.identifier", bySnils(snils.twice)],
      ["organization", first?.organization?.reference ?? ""],
    ]);
    expect(matches(narrowed.body).map((role) => role?.id)).toEqual([first?.id]);
  });

  it("all criteria must hold", async () => {
    const doctor =
      matches((await search("Practitioner", [["identifier", bySnils(snils.doctor)]])).body)[0]?.id ?? "";
    const both = (id: string) =>
      search("Practitioner", [
        ["identifier", bySnils(snils.twice)],
        ["_id", id],
      ]);
    expect((await both(doctor)).body.total).toBe(0);
  });

  it("what may fan out is bounded, repeats of one value are one", async () => {
    const ids = (count: number) => Array.from({ length: count }, (_, index) => `id-${index}`).join(",");
    const refused = async (form: [string, string][]) => {
      const { status, body } = await search("Practitioner", form);
      return [status, codeOf(body), body.issue?.[0]?.expression];
    };
    expect(await refused([["_id", ids(21)]])).toEqual([400, "bad-request", ["_id"]]);
    expect(await refused([...ids(21).split(",")].map((id) => ["_id", id]))).toEqual([
      400,
      "bad-request",
      ["_id"],
    ]);
    const includes = Array.from({ length: 11 }, (_, index): [string, string] => [
      "_include",
      `PractitionerRole:organization:T${index}`,
    ]);
    expect(await refused([["_id", "x"], ...includes])).toEqual([400, "bad-request", ["_include"]]);
    const same = Array(21).fill(bySnils(snils.doctor)).join(",");
    expect((await search("Practitioner", [["identifier", same]])).body.total).toBe(1);
    const spellings = `${bySnils(snils.doctor)},https://fhir.ru/ig/core/systems/snils|${snils.doctor}`;
    expect((await search("Practitioner", [["identifier", spellings]])).body.total).toBe(1);
  });

  it("a dismissed worker's role is not active", async () => {
    const { body } = await search("PractitionerRole", [
      ["practitioner.identifier", bySnils(snils.dismissed)],
    ]);
    expect((matches(body) as PractitionerRole[]).map(({ active }) => active)).toEqual([false]);
  });

  it("an unknown parameter is an error, and a warning under lenient handling", async () => {
    const form: [string, string][] = [
      ["identifier", bySnils(snils.doctor)],
      ["favourite", "tea"],
    ];
    const strict = await search("Practitioner", form);
    expect([strict.status, codeOf(strict.body), strict.body.issue[0]?.expression]).toEqual([
      400,
      "unknown-parameter",
      ["favourite"],
    ]);
    const lenient = await search("Practitioner", form, { prefer: "handling=lenient" });
    expect(lenient.body.total).toBe(1);
    const outcome = lenient.body.entry?.find(({ search }) => search?.mode === "outcome")?.resource;
    expect(codeOf(outcome as OperationOutcome)).toBe("unknown-parameter");
  });

  it("V-03 a wrong check digit is named before any system is asked", async () => {
    const { status, body } = await search("Practitioner", [["identifier", bySnils("12345678965")]]);
    expect([status, codeOf(body), body.issue[0]?.expression]).toEqual([400, "invalid-snils", ["identifier"]]);
  });

  it("a personal identifier in the URL is refused", async () => {
    const answer = await fetch(
      `${gateway.url}/fhir/Practitioner?identifier=${encodeURIComponent(bySnils(snils.doctor))}`,
      { headers: { authorization: `Bearer ${token}` } },
    );
    expect([answer.status, codeOf((await answer.json()) as OperationOutcome)]).toEqual([
      400,
      "identifier-in-url",
    ]);
  });

  it("an organisation is found by its OID through ФРМО", async () => {
    const { body } = await search("Organization", [
      ["identifier", "urn:ietf:rfc:3986|urn:oid:1.2.643.5.1.13.13.12.2.77.90001"],
    ]);
    expect(matches(body)[0]).toMatchObject({ resourceType: "Organization", active: true });
  });
});

describe("read", () => {
  it("an unchanged record keeps its ETag and is answered with 304", async () => {
    const { body } = await search("Practitioner", [["identifier", bySnils(snils.doctor)]]);
    const url = `${gateway.url}/fhir/Practitioner/${matches(body)[0]?.id}`;
    const first = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    const etag = first.headers.get("etag") ?? "";
    expect(etag).toMatch(/^W\/"[0-9a-f]{16}"$/);
    const second = await fetch(url, { headers: { authorization: `Bearer ${token}`, "if-none-match": etag } });
    expect(second.status).toBe(304);
  });

  it.each(["no-such-id", "Практик", "..%2F..%2Fetc"])(
    "an id never given out (%s) is not found",
    async (id) => {
      const answer = await fetch(`${gateway.url}/fhir/Practitioner/${encodeURI(id)}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect(answer.status).toBe(404);
      expect(((await answer.json()) as OperationOutcome).resourceType).toBe("OperationOutcome");
    },
  );

  it("a type that is not served and a format that is not spoken have their own codes", async () => {
    const get = async (path: string, accept = "application/fhir+json") =>
      codeOf(
        (await (
          await fetch(`${gateway.url}/fhir/${path}`, {
            headers: { authorization: `Bearer ${token}`, accept },
          })
        ).json()) as OperationOutcome,
      );
    expect(await get("Spaceship/1")).toBe("unsupported-type");
    expect(await get("metadata", "text/turtle")).toBe("not-acceptable");
  });
});

describe("formats", () => {
  it("XML is answered when asked for by Accept or _format, and says the same", async () => {
    const { body } = await search("Practitioner", [["identifier", bySnils(snils.doctor)]]);
    const [found] = matches(body) as Practitioner[];
    const url = `${gateway.url}/fhir/Practitioner/${found?.id}`;
    const ask = (path: string, accept: string) =>
      fetch(path, { headers: { authorization: `Bearer ${token}`, accept } });
    const byAccept = await ask(url, "application/fhir+xml");
    expect(byAccept.headers.get("content-type")).toContain("application/fhir+xml");
    const xml = await byAccept.text();
    expect(resourceOfXml(xml)).toEqual(found);
    expect(await (await ask(`${url}?_format=xml`, "application/json")).text()).toBe(xml);
  });
});

describe("journal", () => {
  it("an answered read and a refused one are both rows, without the identifier that was searched by", async () => {
    const before = gateway.parts.journal.rowsCommitted;
    await search("Practitioner", [["identifier", bySnils(snils.doctor)]]);
    await search("Practitioner", [["identifier", bySnils("12345678965")]]);
    expect(gateway.parts.journal.rowsCommitted).toBe(before + 2);
    const rows = await gateway.parts.store.db
      .selectFrom("journal")
      .selectAll()
      .orderBy("group_id", "desc")
      .orderBy("n", "desc")
      .execute();
    const texts = rows.slice(0, 2).map(({ row }) => String(row));
    expect(texts.map((text) => JSON.parse(text).outcome).sort()).toEqual(["invalid-snils", "ok"]);
    expect(rows.some(({ row }) => String(row).includes(snils.doctor))).toBe(false);
  });

  it("a search leaves a row for each resource that tells of a person", async () => {
    const identifiers = [snils.doctor, snils.twice].map(bySnils).join(",");
    const { body } = await search("Practitioner", [
      ["identifier", identifiers],
      ["_revinclude", "PractitionerRole:practitioner"],
      ["_include", "PractitionerRole:organization"],
    ]);
    const resources = (body.entry ?? []).map(({ resource }) => resource);
    const expected = resources.flatMap((resource) => {
      if (resource?.resourceType === "Practitioner") return [[resource.id, resource.id]];
      if (resource?.resourceType !== "PractitionerRole") return [];
      return [[resource.id, resource.practitioner?.reference?.replace("Practitioner/", "")]];
    });
    expect(new Set(expected.map(([, subject]) => subject)).size).toBe(2);
    const rows = await gateway.parts.store.db
      .selectFrom("journal")
      .selectAll()
      .orderBy("group_id", "desc")
      .orderBy("n", "desc")
      .execute();
    const written = rows.map(({ row }) => JSON.parse(String(row)));
    const last = written.filter(({ requestId }) => requestId === written[0].requestId);
    expect(last.map(({ resourceId, subject }) => [resourceId, subject]).sort()).toEqual(expected.sort());
  });
});

describe("broken requests", () => {
  it("an id that can be nobody's is not found, and is none to search by", async () => {
    for (const id of ["a%00b", "x".repeat(65)]) {
      const answer = await fetch(`${gateway.url}/fhir/Practitioner/${id}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect([answer.status, codeOf((await answer.json()) as OperationOutcome)]).toEqual([404, "not-found"]);
    }
    for (const [type, name] of [
      ["Practitioner", "_id"],
      ["PractitionerRole", "practitioner"],
    ] as const) {
      const { status, body } = await search(type, [[name, "a\0b"]]);
      expect([status, codeOf(body)]).toEqual([400, "bad-request"]);
    }
  });

  it("a scenario that the sandbox does not have is the caller's mistake", async () => {
    const { status, body } = await search("Practitioner", [["identifier", bySnils(snils.doctor)]], {
      "x-scenario": "no-such",
    });
    expect([status, codeOf(body)]).toEqual([400, "bad-request"]);
  });

  it("a search by POST is a form", async () => {
    const answer = await fetch(`${gateway.url}/fhir/Practitioner/_search`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ identifier: bySnils(snils.doctor) }),
    });
    expect(answer.status).toBe(415);
  });

  it("a format that is not served is refused before anything counts as read", async () => {
    const rows = () =>
      gateway.parts.store.db.selectFrom("journal").select("row").orderBy("group_id").orderBy("n").execute();
    const doctor = matches((await search("Practitioner", [["identifier", bySnils(snils.doctor)]])).body)[0];
    const before = (await rows()).length;
    const answer = await fetch(`${gateway.url}/fhir/Practitioner/${doctor?.id}?_format=xml&_format=json`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(answer.status).toBe(406);
    const added = (await rows()).slice(before).map(({ row }) => JSON.parse(String(row)).outcome);
    expect(added).toEqual(["not-acceptable"]);
  });

  it("the token endpoint takes a form whose members stand once", async () => {
    const ask = (body: URLSearchParams | string, type?: string) =>
      fetch(`${gateway.url}/auth/token`, {
        method: "POST",
        body,
        headers: { ...(type && { "content-type": type }) },
      });
    const twice = await ask(
      new URLSearchParams([
        ["grant_type", "client_credentials"],
        ["scope", "a"],
        ["scope", "b"],
      ]),
    );
    expect([twice.status, await twice.json()]).toEqual([
      400,
      expect.objectContaining({ error: "invalid_request" }),
    ]);
    expect((await ask("{}", "application/json")).status).toBe(415);
  });

  it("what a type does not offer is refused with what it does", async () => {
    const at = (path: string, method: string) =>
      fetch(`${gateway.url}/fhir/${path}`, { method, headers: { authorization: `Bearer ${token}` } });
    for (const [path, method, allow] of [
      ["Practitioner/some-id", "PUT", "GET, HEAD"],
      ["Practitioner/some-id", "DELETE", "GET, HEAD"],
      ["Practitioner/some-id", "POST", "GET, HEAD"],
      ["Practitioner", "POST", "GET, HEAD"],
      ["Practitioner/_search", "PUT", "POST"],
    ] as const) {
      const answer = await at(path, method);
      expect([path, answer.status, answer.headers.get("allow")]).toEqual([path, 405, allow]);
      expect(codeOf((await answer.json()) as OperationOutcome)).toBe("method-not-allowed");
    }
    const head = await at("Practitioner/some-id", "HEAD");
    expect([head.status, await head.text()]).toEqual([404, ""]);
  });
});

describe("access", () => {
  it("a scope that was not asked for does not open the type", async () => {
    const narrow = await gateway.token("system/Organization.rs");
    const answer = await fetch(`${gateway.url}/fhir/Practitioner/x`, {
      headers: { authorization: `Bearer ${narrow}` },
    });
    expect([answer.status, codeOf((await answer.json()) as OperationOutcome)]).toEqual([
      403,
      "scope-missing",
    ]);
  });

  it("an include needs the scope of what it brings", async () => {
    const narrow = await gateway.token("system/Practitioner.rs");
    const answer = await fetch(`${gateway.url}/fhir/Practitioner/_search`, {
      method: "POST",
      headers: { authorization: `Bearer ${narrow}` },
      body: new URLSearchParams([
        ["identifier", bySnils(snils.doctor)],
        ["_revinclude", "PractitionerRole:practitioner"],
      ]),
    });
    expect(answer.status).toBe(403);
  });
});

describe("metadata", () => {
  it("the CapabilityStatement validates: R4 over REST, each type by its own interactions", async () => {
    const statement = (await client.capabilityStatement()) as unknown as CapabilityStatement;
    expect(hasErrors(createValidator().validate(statement))).toBe(false);
    expect(statement).toMatchObject({ fhirVersion: "4.0.1", kind: "instance", rest: [{ mode: "server" }] });
    expect(statement.rest?.[0]?.resource?.every(({ interaction = [] }) => interaction.length > 0)).toBe(true);
    const broken = { ...statement, fhirVersion: "9.9", rest: [{ mode: "nobody" }] };
    expect(hasErrors(createValidator().validate(broken))).toBe(true);
  });

  it("tells each type, parameter and include that is served, and that answers are invented", async () => {
    const statement = (await client.capabilityStatement()) as unknown as CapabilityStatement;
    const practitioner = statement.rest?.[0]?.resource?.find(({ type }) => type === "Practitioner");
    expect(practitioner?.searchParam?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["_id", "identifier", "name"]),
    );
    expect(practitioner?.searchRevInclude).toContain("PractitionerRole:practitioner");
    expect(statement.implementation?.description).toMatch(/frmr \(grade [ABC/]+\).*invented people/);
  });
});

describe("registry card", () => {
  it("is answered as JSON with its sources, and as a Bundle", async () => {
    const { body } = await search("Practitioner", [["identifier", bySnils(snils.twice)]]);
    const url = `${gateway.url}/cabinet/v1/practitioners/${matches(body)[0]?.id}/registry-card`;
    const headers = { authorization: `Bearer ${token}` };
    const card = await (await fetch(url, { headers })).json();
    expect(card).toMatchObject({ sources: [{ system: "frmr", status: "cached" }] });
    expect((card as { roles: unknown[] }).roles).toHaveLength(2);
    const fhir = await fetch(url, { headers: { ...headers, accept: "application/fhir+json" } });
    const bundle = (await fhir.json()) as Bundle;
    expect(bundle).toMatchObject({ resourceType: "Bundle", type: "collection" });
    // FHIR R4 Bundle.entry.fullUrl is absolute
    for (const { fullUrl = "", resource } of bundle.entry ?? [])
      expect(fullUrl).toMatch(new RegExp(`^https?://.+/fhir/${resource?.resourceType}/${resource?.id}$`));
  });

  it("a path that is not an id is refused by the contract with a problem document", async () => {
    const answer = await fetch(`${gateway.url}/cabinet/v1/practitioners/a%20b/registry-card`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    expect(await answer.json()).toMatchObject({ status: 400, code: "bad-request", field: "params/id" });
  });
});
