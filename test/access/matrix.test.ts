import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type {
  AuditEvent,
  Bundle,
  BundleEntry,
  CapabilityStatement,
  PractitionerRole,
  Resource,
} from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { clientAssertion, requestToken } from "../../scripts/system-client.ts";
import type { Section } from "../../src/access/access-facts.ts";
import { classOf, isKeptByOrganization } from "../../src/access/data-classes.ts";
import { postTableIn } from "../../src/access/post-rights.ts";
import { sectionOf } from "../../src/access/sections.ts";
import { cabinetSpecification } from "../../src/api/cabinet/routes.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { RequestContext } from "../../src/core/context.ts";
import { sharedTenant } from "../../src/core/shared-tenant.ts";
import { Repository } from "../../src/fhir/repository.ts";
import { SearchIndex } from "../../src/fhir/search/search-index.ts";
import { storedTypes } from "../../src/fhir/stored-types.ts";
import { journalSearch } from "../../src/store/journal-search.ts";
import { holdPost } from "../support/acting.ts";
import { startApp, type TestApp } from "../support/app.ts";

const tenant = "1.2.643.5.1.13.13.12.2.77.90001";
const secret = "Матрицына";
const markOf = (type: string) => `${secret} ${type}.`;
const patientId = randomUUID();
const subject = { reference: `Patient/${patientId}` };
/** One resource of the patient for each type of the store; a type that is added is in the matrix by itself. */
const ids = new Map<string, string>(
  storedTypes.map(({ type }) => [type, type === "Patient" ? patientId : randomUUID()]),
);
const guarded = storedTypes.map(({ type }) => type).filter((type) => classOf(type, patientId) !== "system");

let app: TestApp;
let capability: CapabilityStatement;
const tokens: Record<string, string> = {};

beforeAll(async () => {
  app = await startApp({ REFUSALS_PER_MINUTE: "1000000", FHIR_IF_MATCH: "optional" });
  tokens.client = await tokenOf("demo-client", "demo", "system/*.cruds");
  tokens.security = await tokenOf("demo-security-client", "demo-security", "system/AuditEvent.rs");
  const human = humanOf(await doctorsRole());
  tokens.worker = await tokenOf("demo-client", "demo", "system/*.cruds", human);
  capability = (await (await fetch(`${app.url}/fhir/metadata`)).json()) as CapabilityStatement;
  await storeAll();
});
afterAll(() => app?.close());

async function tokenOf(key: string, clientId: string, scope: string, claims: Record<string, unknown> = {}) {
  const jwk = JSON.parse(await readFile(join(app.config.DATA_DIR, `${key}.jwk.json`), "utf8"));
  const tokenUrl = `${app.url}/auth/token`;
  const assertion = await clientAssertion({ clientId, jwk }, tokenUrl, claims);
  const body = (await (await requestToken(tokenUrl, assertion, scope)).json()) as { access_token: string };
  if (!body.access_token) throw new Error(JSON.stringify(body));
  return body.access_token;
}

async function doctorsRole(): Promise<PractitionerRole> {
  const people = (await (await fetch(`${app.sandboxUrl}/_people`)).json()) as {
    id: string;
    snils?: string;
  }[];
  const snils = people.find(({ id }) => id === "doctor")?.snils;
  const answer = await send("client", {
    method: "POST",
    path: "/PractitionerRole/_search",
    form: { "practitioner.identifier": `urn:oid:1.2.643.100.3|${snils}` },
  });
  return (answer.body as Bundle<PractitionerRole>).entry?.[0]?.resource as PractitionerRole;
}

const humanOf = ({ id, practitioner, organization }: PractitionerRole) => ({
  extensions: {
    "hl7-b2b": {
      version: "1",
      subject_id: practitioner?.reference?.split("/")[1],
      subject_role: id,
      organization_id: organization?.identifier?.value,
      purpose_of_use: ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
    },
  },
});

async function storeAll(): Promise<void> {
  const { store, resources, keyring } = app.parts;
  const baseUrl = `${app.url}/fhir`;
  const repository = new Repository({
    db: store.db,
    searches: store.searches,
    store: resources,
    index: new SearchIndex({ keyring, clock: systemClock, baseUrl }),
    validate: async () => [],
    onChange: [],
  });
  const actor = { kind: "system", id: "matrix", tenant, scopes: [] };
  const ctx = { requestId: randomUUID(), actor } as unknown as RequestContext;
  await repository.transaction(ctx, async (writes) => {
    for (const resource of ids.keys()) await writes.put(resourceOf(resource), {});
  });
}

const resourceOf = (resourceType: string) =>
  ({
    resourceType,
    id: ids.get(resourceType),
    ...(resourceType !== "Patient" && { subject }),
    text: {
      status: "generated",
      div: `<div xmlns="http://www.w3.org/1999/xhtml">${markOf(resourceType)}</div>`,
    },
  }) as unknown as Resource & { id: string };

interface Call {
  method: string;
  path: string;
  body?: object;
  form?: Record<string, string>;
  headers?: Record<string, string>;
}

interface Answer {
  status: number;
  text: string;
  body: unknown;
  headers: string;
  requestId: string;
}

async function send(actor: string, { method, path, body, form, headers }: Call): Promise<Answer> {
  const type = path.endsWith("$patch") ? "application/json-patch+json" : "application/fhir+json";
  const requestId = randomUUID();
  const answer = await fetch(`${app.url}/fhir${path}`, {
    method,
    headers: {
      "x-request-id": requestId,
      ...(tokens[actor] && { authorization: `Bearer ${tokens[actor]}` }),
      ...(body && { "content-type": type }),
      ...headers,
    },
    ...(form && { body: new URLSearchParams(form) }),
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const parsed = text.startsWith("{") ? JSON.parse(text) : undefined;
  return {
    status: answer.status,
    text,
    body: parsed,
    headers: JSON.stringify([...answer.headers]),
    requestId,
  };
}

const bundleOf = (type: "batch" | "transaction", url: string): object => ({
  resourceType: "Bundle",
  type,
  entry: [{ request: { method: "GET", url } }],
});

/** Ways to one resource; each must be refused as such. */
function doorsToOne(type: string): Record<string, Call> {
  const id = ids.get(type) ?? "";
  const body = { ...resourceOf(type), language: "ru" };
  const operations = (capability.rest?.[0]?.resource ?? [])
    .filter((one) => one.type === type)
    .flatMap(({ operation = [] }) => operation.map(({ name }) => name));
  return {
    read: { method: "GET", path: `/${type}/${id}` },
    vread: { method: "GET", path: `/${type}/${id}/_history/1` },
    update: { method: "PUT", path: `/${type}/${id}`, body },
    patch: {
      method: "PATCH",
      path: `/${type}/${id}`,
      body: [{ op: "add", path: "/language", value: "ru" }],
      headers: { "content-type": "application/json-patch+json" },
    },
    delete: { method: "DELETE", path: `/${type}/${id}` },
    create: { method: "POST", path: `/${type}`, body: { ...body, id: undefined } },
    "conditional create": {
      method: "POST",
      path: `/${type}`,
      body: { ...body, id: undefined },
      headers: { "if-none-exist": `_id=${id}` },
    },
    transaction: { method: "POST", path: "", body: bundleOf("transaction", `${type}/${id}`) },
    ...Object.fromEntries(
      operations
        .filter((name) => name !== "everything")
        .map((name) => [`$${name}`, { method: "GET", path: `/${type}/${id}/$${name}` }]),
    ),
  };
}

/** Ways to several; what is not permitted is left out, and not counted. */
function doorsToMany(type: string): Record<string, Call> {
  const id = ids.get(type) ?? "";
  return {
    history: { method: "GET", path: `/${type}/${id}/_history` },
    search: { method: "GET", path: `/${type}?_id=${id}` },
    "of several types": { method: "GET", path: `?_type=${type}&_count=1` },
    "search in a form": { method: "POST", path: `/${type}/_search`, form: { _id: id } },
    "by patient": { method: "POST", path: `/${type}/_search`, form: { patient: `Patient/${patientId}` } },
    page: { method: "GET", path: `/${type}?_count=1` },
    summary: { method: "GET", path: `/${type}?_summary=count` },
    include: { method: "GET", path: `/${type}?_id=${id}&_include=*` },
    revinclude: { method: "GET", path: `/Patient?_id=${patientId}&_revinclude=${type}:patient` },
    $everything: { method: "GET", path: `/Patient/${patientId}/$everything` },
    compartment: { method: "GET", path: `/Patient/${patientId}/${type}` },
    "history of the type": { method: "GET", path: `/${type}/_history` },
    "history of all": { method: "GET", path: "/_history" },
    "batch entry": { method: "POST", path: "", body: bundleOf("batch", `${type}/${id}`) },
    "conditional delete": { method: "DELETE", path: `/${type}?_id=${id}` },
    "batch search": { method: "POST", path: "", body: bundleOf("batch", `${type}?_id=${id}`) },
  };
}

const refusals = [400, 401, 403, 404, 405];

/** What an answer says of resources of these types. */
function leaksOf({ text, headers, body }: Answer, types: readonly string[]): string[] {
  const shown = types.map(markOf).filter((mark) => text.includes(mark) || headers.includes(mark));
  const { total, entry = [] } = (body ?? {}) as Bundle;
  const entries = entry.filter(
    ({ resource, search }) =>
      resource &&
      search?.mode !== "outcome" &&
      !isEmptySet(resource) &&
      types.includes(resource.resourceType),
  );
  return [
    ...shown,
    ...(total ? [`total ${total}`] : []),
    ...entries.map(({ fullUrl }) => `entry ${fullUrl}`),
  ];
}

const isEmptySet = (resource: Resource | undefined): boolean =>
  resource?.resourceType === "Bundle" && !resource.total && !resource.entry?.length;

const isJournalled = async (requestId: string) =>
  (await journalSearch({ ...app.parts, db: app.parts.store.db })({ requestId, limit: 1 })).length > 0;

/** Versions of what is kept, but for the copy of the registries, which is made meanwhile. */
const versions = async () => {
  const kept = await app.parts.store.db.selectFrom("resource_history").select(["tenant", "type"]).execute();
  return kept.filter((one) => one.tenant !== sharedTenant || classOf(one.type) !== "system").length;
};

describe.each(["nobody", "client", "security", "worker"])("%s without a ground", (actor) => {
  const isOwnWork = (type: string) => actor === "worker" && classOf(type, patientId) === "work";
  const types = guarded.filter((type) => !isOwnWork(type));

  it.each(types)("gets no %s by any door, and each refusal is a journal row", async (type) => {
    const before = await versions();
    const unrecorded: string[] = [];
    const note = async (door: string, { status, requestId }: Answer) => {
      // an operation that the type does not have there is no door
      const isDoor = !door.startsWith("$") || ![404, 405].includes(status);
      if (status >= 400 && isDoor && !(await isJournalled(requestId))) unrecorded.push(door);
    };
    for (const [door, call] of Object.entries(doorsToOne(type))) {
      const answer = await send(actor, call);
      // a validation of what the caller sends opens nothing
      const isOwnInput = door === "$validate" || door === "create";
      if (!isOwnInput || answer.status < 400)
        expect(refusals, `${door}: ${answer.text}`).toContain(answer.status);
      expect(leaksOf(answer, types), door).toEqual([]);
      await note(door, answer);
    }
    for (const [door, call] of Object.entries(doorsToMany(type))) {
      const answer = await send(actor, call);
      expect([200, 204, ...refusals], `${door}: ${answer.text}`).toContain(answer.status);
      if (actor === "nobody") expect(answer.status, door).toBe(401);
      expect(leaksOf(answer, types), door).toEqual([]);
      await note(door, answer);
    }
    expect(unrecorded).toEqual([]);
    expect(await versions()).toBe(before);
  });
});

it("system data that the organisation does not keep of itself are written by nobody of these", async () => {
  const open = storedTypes
    .map(({ type }) => type)
    .filter((type) => !guarded.includes(type) && !isKeptByOrganization(type));
  const before = await versions();
  for (const actor of ["nobody", "client", "security", "worker"])
    for (const type of open)
      for (const door of ["update", "patch", "delete", "create", "conditional delete"]) {
        const call = { ...doorsToOne(type), ...doorsToMany(type) }[door];
        const answer = call && (await send(actor, call));
        expect([...refusals, 422], `${actor} ${door} ${type}: ${answer?.text}`).toContain(answer?.status);
      }
  expect(await versions()).toBe(before);
});

it("a Subscription without what FHIR requires is refused, not a fault of ours", async () => {
  const answer = await send("client", {
    method: "POST",
    path: "/Subscription",
    body: { resourceType: "Subscription" },
  });
  expect([answer.status, answer.text.includes("internal")]).toEqual([422, false]);
});

it("M-39, Z-21 patients' data without a care relation or consent: 403 by every type, and an AuditEvent of each", async () => {
  const types = guarded.filter((type) => classOf(type, patientId) === "patient");
  expect(types.length).toBeGreaterThan(10);
  const start = Date.now();
  for (const type of types) {
    const answer = await send("worker", { method: "GET", path: `/${type}/${ids.get(type)}` });
    expect([type, answer.status]).toEqual([type, 403]);
  }
  const found = await send("security", {
    method: "GET",
    path: `/AuditEvent?entity=Patient/${patientId}&_count=500`,
  });
  expect(found.status, found.text).toBe(200);
  const events = ((found.body as Bundle<AuditEvent>).entry ?? []).flatMap(({ resource }) => resource ?? []);
  for (const type of types) {
    const ofType = events.filter(
      ({ outcomeDesc, recorded, entity = [] }) =>
        outcomeDesc === "access-denied" &&
        Date.parse(recorded ?? "") >= start &&
        entity.some(
          ({ what, description }) => what?.reference?.startsWith(`${type}/`) || description === type,
        ),
    );
    expect([type, ofType.length > 0]).toEqual([type, true]);
  }
});

describe("what a post opens, by every type and door, though every consent is given", () => {
  const table = postTableIn();
  const { groups } = JSON.parse(
    readFileSync(new URL("../../src/access/post-rights.json", import.meta.url), "utf8"),
  ) as { groups: Record<string, { posts: Record<string, string> }> };
  const firstOf = (group: string): string => Object.keys(groups[group]?.posts ?? {})[0] ?? "";
  const posts: readonly [group: string, post: string][] = [
    ...Object.keys(groups).map((group): [string, string] => [group, firstOf(group)]),
    ["others", "999"],
  ];
  const unfit = "missing: post";

  beforeAll(consentToAll);

  afterAll(() => vi.restoreAllMocks());

  async function eachOf(types: readonly string[], request: (type: string) => object): Promise<BundleEntry[]> {
    const entry = types.map(request);
    const { status, body, text } = await send("worker", {
      method: "POST",
      path: "",
      body: { resourceType: "Bundle", type: "batch", entry },
    });
    expect(status, text).toBe(200);
    return (body as Bundle).entry ?? [];
  }

  it.each(posts)("Z-05 %s", async (_group, post) => {
    holdPost(app, post);
    const { view, enter } = table.rightsOf([post]);
    const isIn = (opened: ReadonlySet<Section>, type: string) =>
      opened.has(sectionOf(type, classOf(type, patientId)) as Section);
    const read = await eachOf(guarded, (type) => ({
      request: { method: "GET", url: `${type}/${ids.get(type)}` },
    }));
    const shown = guarded.filter((type, index) => JSON.stringify(read[index]).includes(markOf(type)));
    expect(shown).toEqual(guarded.filter((type) => isIn(view, type)));
    // the bytes of a Binary never change
    const changing = guarded.filter((type) => type !== "Binary");
    const made = await eachOf(changing, (type) => ({
      request: { method: "PUT", url: `${type}/${ids.get(type)}` },
      resource: resourceOf(type),
    }));
    const closed = changing.filter((_type, index) => JSON.stringify(made[index]).includes(unfit));
    expect(closed).toEqual(changing.filter((type) => !isIn(enter, type)));
  });

  it.each([
    ["registrar", "Condition", "Patient"],
    ["pharmacist", "Condition", "MedicationRequest"],
    ["laboratory", "MedicationRequest", "Observation"],
  ])("Z-05 a %s finds no %s at any door of reading, but finds a %s", async (group, closed, opened) => {
    holdPost(app, firstOf(group));
    const writes = ["update", "patch", "delete", "create", "conditional create", "conditional delete"];
    const doors = { ...doorsToOne(closed), ...doorsToMany(closed) };
    for (const [door, call] of Object.entries(doors)) {
      if (writes.includes(door)) continue;
      const leaks = leaksOf(await send("worker", call), [closed]);
      // these find the patient, too
      const ofType = ["revinclude", "$everything"].includes(door)
        ? leaks.filter((leak) => !/^total/.test(leak))
        : leaks;
      expect([door, ofType]).toEqual([door, []]);
    }
    const found = await send("worker", { method: "GET", path: `/${opened}?_id=${ids.get(opened)}` });
    expect(found.text).toContain(markOf(opened));
  });

  it("Z-05 a nurse neither prescribes nor signs a document, and is told why", async () => {
    holdPost(app, firstOf("nurse"));
    const documents = [
      {
        ...{ resourceType: "MedicationRequest", status: "active", intent: "order", subject },
        medicationCodeableConcept: { text: secret },
      },
      {
        ...{ resourceType: "DocumentReference", status: "current", subject },
        content: [{ attachment: { contentType: "text/plain", data: "aGk=" } }],
      },
    ];
    for (const body of documents) {
      const refused = await send("worker", { method: "POST", path: `/${body.resourceType}`, body });
      expect(refused.text).toContain(unfit);
      expect(refused.status).toBe(403);
    }
  });
});

/** The patient permits everything to everybody of the organisation. */
async function consentToAll(): Promise<void> {
  const { store, cache } = app.parts;
  const fact = { tenant, decision: "permit" as const, patient: patientId, rights: ["view", "enter"] };
  await store.db
    .insertInto("consent_fact")
    .values(
      (["access", "treatment", "prescription"] as const).map((kind) => ({
        ...{ ...fact, id: randomUUID(), kind, organization: tenant, booked: false, granted_at: 0 },
      })),
    )
    .execute();
  await cache.bump(patientId);
}

/** What anybody may call; every other route must know its caller. */
const open = [
  /^GET \/$/,
  /^GET \/(docs|openapi|assets|health|help|favicon)/,
  /^GET \/cabinet\/[\w-]+\.js$/,
  /^GET \/\.well-known\//,
  /^GET \/fhir\/(metadata|\.well-known\/smart-configuration)$/,
  /^\w+ \/auth\//,
];

it("Z-23 every route that is not open asks who calls, and the contracts say how", async () => {
  const cabinet = parse(cabinetSpecification()) as {
    security?: object[];
    paths: Record<string, Record<string, { security?: object[] }>>;
  };
  for (const [path, operations] of Object.entries(cabinet.paths))
    for (const [method, { security = cabinet.security }] of Object.entries(operations))
      if (method !== "parameters") expect([method, path, security?.length ?? 0]).not.toContain(0);
  expect(capability.rest?.[0]?.security?.service?.length).toBeGreaterThan(0);
  const routes = app.app.routeTable.filter(({ method }) => method !== "HEAD" && method !== "OPTIONS");
  expect(routes.length).toBeGreaterThan(50);
  for (const { method, url } of routes) {
    if (open.some((one) => one.test(`${method} ${url}`))) continue;
    const path = url
      .replace(/:type(\([^)]*\))?/g, "Patient")
      .replace(/:[A-Za-z]\w*(\([^)]*\))?|\*/g, patientId);
    const isForm = url.endsWith("/_search");
    const answer = await fetch(`${app.url}${path}`, {
      method,
      redirect: "manual",
      ...(!["GET", "DELETE"].includes(method) && {
        body: isForm ? new URLSearchParams({ _id: patientId }) : "{}",
        ...(!isForm && { headers: { "content-type": "application/json" } }),
      }),
    });
    // a path that is open to be read has no other methods, for anybody
    const isOpenPath = open.some((one) => one.test(`GET ${url}`));
    expect([`${method} ${url}`, answer.status]).toEqual([`${method} ${url}`, isOpenPath ? 405 : 401]);
  }
});
