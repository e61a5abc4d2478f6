import { createPublicKey, verify } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AuditEvent, Bundle, PractitionerRole } from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clientAssertion, requestToken } from "../../scripts/system-client.ts";
import { AccessTokens, type TokenSettings } from "../../src/access/access-token.ts";
import type { components } from "../../src/api/cabinet/types.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { ExportedHead } from "../../src/store/journal-format.ts";
import { journalSearch } from "../../src/store/journal-search.ts";
import { snilsOf } from "../support/acting.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { claimedPatterns } from "../support/balp.ts";
import { journalRows, signInAs } from "../support/sign-in.ts";

type Explanation = components["schemas"]["AccessExplanation"];
type Accesses = components["schemas"]["Accesses"];

let app: TestApp;
let mis: string;
let security: string;
let role: PractitionerRole;

beforeAll(async () => {
  app = await startApp();
  mis = await tokenOf("demo-client", "demo", "system/*.cruds");
  security = await tokenOf("demo-security-client", "demo-security", "system/AuditEvent.rs");
  const people = (await (await fetch(`${app.sandboxUrl}/_people`)).json()) as {
    id: string;
    snils?: string;
  }[];
  const snils = people.find(({ id }) => id === "doctor")?.snils;
  const body = new URLSearchParams({ "practitioner.identifier": `urn:oid:1.2.643.100.3|${snils}` });
  const answer = await call(mis, "/fhir/PractitionerRole/_search", { method: "POST", body });
  const found = ((await answer.json()) as Bundle<PractitionerRole>).entry?.[0]?.resource;
  if (!found) throw new Error(`no role found: ${answer.status}`);
  role = found;
});

afterAll(() => app.close());

async function askToken(key: string, clientId: string, scope: string, claims: Record<string, unknown> = {}) {
  const jwk = JSON.parse(await readFile(join(app.config.DATA_DIR, `${key}.jwk.json`), "utf8"));
  const tokenUrl = `${app.url}/auth/token`;
  return requestToken(tokenUrl, await clientAssertion({ clientId, jwk }, tokenUrl, claims), scope);
}

async function tokenOf(...[key, clientId, scope, claims]: Parameters<typeof askToken>): Promise<string> {
  const answer = await askToken(key, clientId, scope, claims);
  const body = (await answer.json()) as { access_token: string };
  if (!answer.ok) throw new Error(JSON.stringify(body));
  return body.access_token;
}

const call = (token: string, path: string, init: RequestInit = {}) =>
  fetch(`${app.url}${path}`, { ...init, headers: { authorization: `Bearer ${token}` } });

async function explain(answer: Response): Promise<Explanation> {
  const id = answer.headers.get("x-request-id");
  const explained = await call(security, `/cabinet/v1/access/explain?requestId=${id}`);
  expect(explained.status).toBe(200);
  return (await explained.json()) as Explanation;
}

describe("the doors ask decide()", () => {
  it("tells the security service why a read was permitted", async () => {
    const read = await call(mis, `/fhir/PractitionerRole/${role.id}`);
    expect(read.status).toBe(200);
    const { accesses } = await explain(read);
    expect(accesses).toEqual([
      expect.objectContaining({
        actor: { kind: "client", id: "demo" },
        action: "read",
        resourceType: "PractitionerRole",
        resourceId: role.id,
        subject: role.practitioner?.reference?.split("/")[1],
        outcome: "ok",
        decision: expect.objectContaining({
          effect: "permit",
          reason: expect.objectContaining({ code: "system-data" }),
        }),
      }),
    ]);
  });

  it("Z-06 a refusal says what is missing, to the caller and in the journal", async () => {
    const before = Date.now();
    // the scope is there, the duty is not
    const refused = await call(mis, `/cabinet/v1/access/explain?requestId=${crypto.randomUUID()}`);
    expect(refused.status).toBe(403);
    expect(await refused.clone().json()).toMatchObject({
      code: "access-denied",
      detail: expect.stringContaining("missing: human"),
    });
    const { accesses } = await explain(refused);
    expect(accesses).toEqual([
      expect.objectContaining({
        actor: { kind: "client", id: "demo" },
        action: "refused GET",
        outcome: "access-denied",
        decision: expect.objectContaining({ effect: "refuse", missing: ["human"] }),
      }),
    ]);
    const at = Date.parse(accesses[0]?.at ?? "");
    expect([at >= before, at <= Date.now()]).toEqual([true, true]);
  });

  it("the security duty opens the journal and nothing else, and is journalled itself", async () => {
    expect((await call(security, `/fhir/PractitionerRole/${role.id}`)).status).toBe(403);
    const unknown = `/cabinet/v1/access/explain?requestId=${crypto.randomUUID()}`;
    const looked = await call(security, unknown);
    expect(((await looked.json()) as Explanation).accesses).toEqual([]);
    const { accesses } = await explain(looked);
    expect(accesses.map(({ action }) => action)).toEqual(["explain"]);
  });

  it("a token names the worker behind it when ФРМР confirms the post", async () => {
    const human = {
      version: "1",
      subject_id: role.practitioner?.reference?.split("/")[1],
      subject_role: role.id,
      organization_id: role.organization?.identifier?.value,
      purpose_of_use: ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
    };
    const claims = (change: object) => ({ extensions: { "hl7-b2b": { ...human, ...change } } });
    const ask = (change: object) => askToken("demo-client", "demo", "system/Practitioner.rs", claims(change));
    const token = await tokenOf("demo-client", "demo", "system/*.rs", claims({}));
    const { accesses } = await explain(await call(token, `/fhir/PractitionerRole/${role.id}`));
    expect(accesses[0]?.actor).toEqual({
      kind: "client",
      id: "demo",
      onBehalfOf: human.subject_id,
      role: role.id,
    });
    const unknown = { subject_role: crypto.randomUUID() };
    for (const change of [unknown, { organization_id: `${human.organization_id}.1` }]) {
      const refused = await ask(change);
      expect(refused.status).toBe(403);
      expect(await refused.json()).toMatchObject({ code: "access-denied" });
    }
    for (const change of [{ purpose_of_use: ["PATRQT"] }, { subject_id: "Иванов" }]) {
      const refused = await ask(change);
      expect(refused.status).toBe(401);
      expect(await refused.json()).toMatchObject({ code: "invalid-assertion" });
    }
  });

  it("M-29 a client acts for workers of the organisations it is registered for, and the journal names theirs", async () => {
    const body = new URLSearchParams({
      "practitioner.identifier": `urn:oid:1.2.643.100.3|${snilsOf.doctorTwo}`,
    });
    const found = await call(mis, "/fhir/PractitionerRole/_search", { method: "POST", body });
    const { entry = [] } = (await found.json()) as Bundle<PractitionerRole>;
    const elsewhere = "1.2.643.5.1.13.13.12.2.77.90002";
    const held = entry.find(({ resource }) =>
      resource?.organization?.identifier?.value?.endsWith(elsewhere),
    )?.resource;
    const person = held?.practitioner?.reference?.split("/")[1];
    const named = {
      ...{
        version: "1",
        subject_id: person,
        subject_role: held?.id,
        organization_id: `urn:oid:${elsewhere}`,
      },
      purpose_of_use: ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
    };
    const ask = () => askToken("demo-client", "demo", "system/*.rs", { extensions: { "hl7-b2b": named } });
    const refused = await ask();
    expect([refused.status, await refused.json()]).toMatchObject([
      401,
      { code: "invalid-assertion", error_description: expect.stringContaining("this organisation") },
    ]);
    Object.assign(app.parts.clients.find("demo") ?? {}, { organizations: [elsewhere] });
    const { access_token: token } = (await (await ask()).json()) as { access_token: string };
    const read = await call(token, `/fhir/Practitioner/${role.practitioner?.reference?.split("/")[1]}`);
    expect(read.status).toBe(200);
    const { visitor } = await signInAs(app, "doctor");
    const { accesses } = JSON.parse(
      (await visitor.visit(`${app.url}/cabinet/v1/me/accesses`)).text,
    ) as Accesses;
    expect(accesses).toContainEqual(
      expect.objectContaining({
        actor: { kind: "client", name: expect.stringContaining("Двойнова") },
        organization: { oid: elsewhere, name: expect.any(String) },
        action: "read",
      }),
    );
    const events = await call(security, `/fhir/AuditEvent?agent=Practitioner/${person}`);
    const text = await events.text();
    expect(text).toContain(`urn:oid:${elsewhere}`);
    const [told] = ((JSON.parse(text) as Bundle<AuditEvent>).entry ?? []).flatMap(({ resource }) =>
      resource?.subtype?.[0]?.code === "read" ? resource : [],
    );
    // for what the worker's token says; the client asks on their behalf
    const purposeOfUse = [
      { coding: [{ system: "http://terminology.hl7.org/CodeSystem/v3-ActReason", code: "TREAT" }] },
    ];
    expect(told?.purposeOfEvent).toEqual(purposeOfUse);
    expect(told?.agent?.slice(0, 2)).toMatchObject([
      { who: { reference: `Practitioner/${person}` }, requestor: true, purposeOfUse },
      { type: { coding: [{ code: "110152" }] }, who: { identifier: { value: "demo" } }, requestor: false },
    ]);
  });

  it("an organisation finds what another's client did in it and to its data, done or refused; a third does not", async () => {
    const [elsewhere, third] = ["1.2.643.5.1.13.13.12.2.77.90002", "1.2.643.5.1.13.13.12.2.77.90003"];
    const { clients, store, resources } = app.parts;
    const { tenant = "" } = clients.find("demo") ?? {};
    const [made, encounter] = [crypto.randomUUID(), crypto.randomUUID()];
    const maker = { identifier: { system: "urn:ietf:rfc:3986", value: `urn:oid:${elsewhere}` } };
    await store.db.transaction().execute(async (trx) => {
      const location = { resourceType: "Location", id: made, managingOrganization: maker };
      await resources.put(trx, { tenant, type: "Location", id: made, content: location, isPublic: true });
      const subject = crypto.randomUUID();
      const visit = {
        ...{ resourceType: "Encounter", id: encounter, serviceProvider: maker },
        subject: { reference: `Patient/${subject}` },
      };
      await resources.put(trx, { tenant, type: "Encounter", id: encounter, subject, content: visit });
    });
    const read = await call(mis, `/fhir/Location/${made}`);
    const refused = await call(mis, `/fhir/Encounter/${encounter}`);
    const own = await call(mis, `/fhir/PractitionerRole/${role.id}`);
    expect([read.status, refused.status, own.status]).toEqual([200, 403, 200]);
    // as a worker of theirs would be told of by a regional client
    const requestId = crypto.randomUUID();
    const byWorker = { tenant, organization: elsewhere, requestId, actorKind: "client", actorId: "demo" };
    await app.parts.journal.append({ ...byWorker, at: Date.now(), action: "read", outcome: "ok" });
    const person = { onBehalfOf: crypto.randomUUID(), token: crypto.randomUUID() };
    const toTheirs = { tenant, holder: elsewhere, requestId: "other", actorKind: "client", actorId: "demo" };
    await app.parts.journal.append({ ...toTheirs, ...person, at: 1, action: "read", outcome: "ok" });

    const requests = [read, refused, own].map(({ headers }) => headers.get("x-request-id") ?? "");
    const officerOf = async (oid: string) => {
      const client = clients.find("demo-security");
      Object.assign(client ?? {}, { tenant: oid });
      const token = await tokenOf("demo-security-client", "demo-security", "system/AuditEvent.rs");
      Object.assign(client ?? {}, { tenant });
      const found = await call(token, "/fhir/AuditEvent?_count=100");
      const text = await found.text();
      const { entry = [] } = JSON.parse(text) as Bundle<AuditEvent>;
      const event = entry.find(({ resource }) => JSON.stringify(resource).includes(requests[0] ?? ""));
      const explained: number[] = [];
      for (const id of [...requests, requestId]) {
        const answer = await call(token, `/cabinet/v1/access/explain?requestId=${id}`);
        explained.push(((await answer.json()) as Explanation).accesses.length);
      }
      const until = new Date(Date.now() + 60_000).toISOString();
      const period = `since=${new Date(Date.now() - 3_600_000).toISOString()}&before=${until}`;
      const summary = await call(token, `/cabinet/v1/access/summary?${period}`);
      const { counts } = (await summary.json()) as components["schemas"]["AccessSummary"];
      return {
        found: [...requests, requestId].map((id) => text.includes(id)),
        explained,
        counts,
        event: event?.resource,
        told: [person.onBehalfOf, person.token].map((id) => text.includes(id)),
      };
    };
    const theirs = await officerOf(elsewhere);
    expect(theirs.found).toEqual([true, true, false, true]);
    expect(theirs.explained).toEqual([1, 1, 0, 1]);
    const byClient = { organization: tenant, holder: elsewhere, count: 1 };
    expect(theirs.counts).toEqual(
      expect.arrayContaining([
        { ...byClient, action: "read", resourceType: "Location", outcome: "ok" },
        { ...byClient, action: "refused GET", resourceType: "Encounter", outcome: "access-denied" },
      ]),
    );
    const ofThird = await officerOf(third);
    expect([ofThird.found, ofThird.explained]).toEqual([Array(4).fill(false), Array(4).fill(0)]);
    const owner = await officerOf(tenant);
    expect(owner.found).toEqual(Array(4).fill(true));
    // from where another's client asked is its own organisation's to know
    for (const { event } of [owner, theirs])
      expect(event?.entity).toContainEqual(expect.objectContaining({ what: maker }));
    expect([owner, theirs].map(({ event }) => event && claimedPatterns(event))).toEqual([["Read"], []]);
    expect(theirs.event?.agent[0]?.network).toBeUndefined();
    // nor is its token
    expect([owner.told, theirs.told]).toEqual([
      [true, true],
      [true, false],
    ]);
  });

  it("another organisation's requests are not explained", async () => {
    const row = {
      at: 1,
      tenant: "1.2.3",
      requestId: crypto.randomUUID(),
      actorKind: "client",
      actorId: "mis",
    };
    await app.parts.journal.append({ ...row, action: "read", outcome: "ok" });
    const answer = await call(security, `/cabinet/v1/access/explain?requestId=${row.requestId}`);
    expect(((await answer.json()) as Explanation).accesses).toEqual([]);
  });
});

describe("a regulator", () => {
  const elsewhere = { at: Date.now(), tenant: "1.2.643.5.1.13.13.12.2.78.1", requestId: crypto.randomUUID() };
  const rowOf = (more: object) => ({
    ...elsewhere,
    ...{ actorKind: "client", actorId: "mis", action: "read", outcome: "ok" as const },
    ...more,
  });
  const period = () =>
    `since=${new Date(Date.now() - 3_600_000).toISOString()}&before=${new Date(Date.now() + 60_000).toISOString()}`;

  it("Z-27 reads counts and events of its own remit only, and each of its looks is a row of the journal", async () => {
    const regulator = await tokenOf("demo-regulator-client", "demo-regulator", "system/AuditEvent.rs");
    const start = Date.now();
    await app.parts.journal.append(rowOf({ resourceType: "Observation" }));
    await app.parts.journal.append(
      rowOf({ tenant: "1.2.643.5.1.13.13.12.2.77.90001", action: "before-period", at: start - 7_200_000 }),
    );
    await app.parts.journal.append(rowOf({ tenant: "1.2.643.5.1.13.13.12.2.777.1" }));
    await call(mis, `/fhir/PractitionerRole/${role.id}`);

    const summary = await call(regulator, `/cabinet/v1/access/summary?${period()}`);
    expect(summary.status, await summary.clone().text()).toBe(200);
    const { counts } = (await summary.json()) as components["schemas"]["AccessSummary"];
    expect(counts).toContainEqual({
      organization: "1.2.643.5.1.13.13.12.2.77.90001",
      action: "read",
      resourceType: "PractitionerRole",
      outcome: "ok",
      count: expect.any(Number),
    });
    expect(
      counts.filter(({ organization }) => !organization.startsWith("1.2.643.5.1.13.13.12.2.77.")),
    ).toEqual([]);
    expect(counts.map(({ action }) => action)).not.toContain("before-period");
    // counts, and not who
    expect(JSON.stringify(counts)).not.toContain(role.practitioner?.reference?.split("/")[1]);

    const found = (await (await call(regulator, "/fhir/AuditEvent?_count=200")).json()) as Bundle<AuditEvent>;
    const tenants = (found.entry ?? []).flatMap(
      ({ resource }) => resource?.agent?.flatMap(({ who }) => who?.identifier?.value ?? []) ?? [],
    );
    const oids = tenants.filter((value) => value.startsWith("urn:oid:"));
    expect(oids).toContain("urn:oid:1.2.643.5.1.13.13.12.2.77.90001");
    expect(oids.filter((oid) => !oid.startsWith("urn:oid:1.2.643.5.1.13.13.12.2.77."))).toEqual([]);
    const [other] = await journalSearch({ ...app.parts, db: app.parts.store.db })({
      requestId: elsewhere.requestId,
      limit: 1,
    });
    const hidden = await call(regulator, `/fhir/AuditEvent/${other?.place.group}.${other?.place.n}`);
    expect(hidden.status).toBe(404);
    expect((await call(regulator, `/fhir/PractitionerRole/${role.id}`)).status).toBe(403);

    const looks = await journalSearch({ ...app.parts, db: app.parts.store.db })({
      agent: "demo-regulator",
      since: start,
      limit: 10,
    });
    expect(looks.map(({ row }) => `${row.action} ${row.outcome}`)).toEqual(
      expect.arrayContaining([
        "access-summary ok",
        "search ok",
        "refused GET not-found",
        "refused GET scope-missing",
      ]),
    );
    for (const { row } of looks) expect(row.tenant).toBe("1.2.643.5.1.13.13.12.4.77.1");
  });

  it("without its duty a remit opens nothing, by either door", async () => {
    await app.parts.journal.append(rowOf({ tenant: "1.2.643.5.1.13.13.12.2.78.2" }));
    const url = app.config.PUBLIC_URL;
    const tokens = new AccessTokens({
      ...{ issuer: url, audience: `${url}/fhir`, lifeSeconds: 60, clock: systemClock },
      key: app.parts.keyring.derive("access-token"),
    } as TokenSettings);
    const astray = {
      ...{ clientId: "demo-security", tenant: "1.2.643.5.1.13.13.12.2.77.90001" },
      ...{ duties: ["security"] as const, remit: ["1.2.643.5.1.13.13.12.2.78"] },
    };
    const { access_token } = await tokens.issue(astray, ["system/AuditEvent.rs"]);
    const summary = await call(access_token, `/cabinet/v1/access/summary?${period()}`);
    expect(summary.status, await summary.clone().text()).toBe(200);
    const { counts } = (await summary.json()) as components["schemas"]["AccessSummary"];
    // its client also acts in organisations that it is registered for
    const organizations = counts.map(({ organization }) => organization);
    expect(organizations).toContain(astray.tenant);
    expect(organizations.filter((oid) => !oid.startsWith("1.2.643.5.1.13.13.12.2.77."))).toEqual([]);
    const found = await call(access_token, "/fhir/AuditEvent?_count=200");
    expect(await found.text()).not.toContain("1.2.643.5.1.13.13.12.2.78.");
  });

  it("counts are for who controls: other callers and other periods are refused", async () => {
    expect((await call(mis, `/cabinet/v1/access/summary?${period()}`)).status).toBe(403);
    expect((await call(security, `/cabinet/v1/access/summary?${period()}`)).status).toBe(200);
    for (const wrong of [
      "since=2026-01-01T00:00:00Z&before=2026-03-01T00:00:00Z",
      "since=2026-01-02T00:00:00Z&before=2026-01-01T00:00:00Z",
      "since=yesterday&before=2026-01-01T00:00:00Z",
    ])
      expect((await call(security, `/cabinet/v1/access/summary?${wrong}`)).status).toBe(400);
    const regulator = await tokenOf("demo-regulator-client", "demo-regulator", "system/AuditEvent.rs");
    const explained = `/cabinet/v1/access/explain?requestId=${crypto.randomUUID()}`;
    expect((await call(regulator, explained)).status).toBe(403);
  });
});

describe("the journal for its people", () => {
  const dicom = (code: string) => ({
    coding: [{ system: "http://dicom.nema.org/resources/ontology/DCM", code }],
  });
  const personId = () => role.practitioner?.reference?.split("/")[1] ?? "";

  it("people see who opened their data, when, from where and on what ground", async () => {
    const before = Date.now();
    await call(mis, `/fhir/Practitioner/${personId()}`);
    const { visitor } = await signInAs(app, "doctor");
    const look = async (query = "") => {
      const answer = await visitor.visit(`${app.url}/cabinet/v1/me/accesses${query}`);
      expect(answer.status, answer.text).toBe(200);
      return (JSON.parse(answer.text) as Accesses).accesses;
    };
    const [latest] = await look();
    expect(latest).toMatchObject({
      actor: { kind: "client", name: "Демонстрационная МИС" },
      organization: { oid: "1.2.643.5.1.13.13.12.2.77.90001", name: expect.any(String) },
      action: "read",
      resourceType: "Practitioner",
      ground: { code: "system-data", text: "Справочные данные системы" },
      outcome: "ok",
    });
    expect(Date.parse(latest?.at ?? "")).toBeGreaterThanOrEqual(before);
    // the look itself is the newest deed of the doctor
    const [own] = await look("?view=by-me&count=1");
    expect(own).toMatchObject({ actor: { kind: "practitioner" }, action: "own-journal" });
    const other = await signInAs(app, "nurse");
    const theirs = await other.visitor.visit(`${app.url}/cabinet/v1/me/accesses`);
    expect(theirs.status).toBe(200);
    expect(theirs.text).not.toContain("Демонстрационная МИС");
  });

  it.each([1, 7, 100])(
    "pages of %s hold each row once, in the order of the journal, also of one millisecond",
    async (count) => {
      const person = await signInAs(app, "doctor-two");
      const look = async (query: string) => {
        const answer = await person.visitor.visit(`${app.url}/cabinet/v1/me/accesses?${query}`);
        return { status: answer.status, body: JSON.parse(answer.text) as Accesses & { code?: string } };
      };
      await look("view=by-me&count=1");
      const { actorId: subject } =
        (await journalRows(app)).findLast(({ action }) => action === "own-journal") ?? {};
      const at = Date.now();
      const rows = Array.from({ length: count === 1 ? 20 : 250 }, (_, n) => `row-${count}-${n}`);
      const actor = { tenant: "1.2.3", actorKind: "client", actorId: "mis", requestId: crypto.randomUUID() };
      // half of them share a commit, half stand in commits of their own
      for (const [n, action] of rows.entries()) {
        const written = app.parts.journal.append({ ...actor, at, action, subject, outcome: "ok" });
        if (n % 2) await written;
      }

      const found: string[] = [];
      for (let next: string | undefined = ""; next !== undefined; ) {
        const { status, body }: Awaited<ReturnType<typeof look>> = await look(
          `count=${count}${next && `&page=${next}`}`,
        );
        expect(status, JSON.stringify(body)).toBe(200);
        expect(body.accesses.length).toBeLessThanOrEqual(count);
        found.push(...body.accesses.map(({ action }) => action));
        next = found.length < rows.length + 1 ? body.next : undefined;
      }
      expect(found.filter((action) => action.startsWith(`row-${count}-`))).toEqual(rows.toReversed());
    },
  );

  it("a mark of a page works for its person and its view only", async () => {
    const { visitor } = await signInAs(app, "doctor");
    const look = async (query: string, by = visitor) => {
      const answer = await by.visit(`${app.url}/cabinet/v1/me/accesses?${query}`);
      return { status: answer.status, body: JSON.parse(answer.text) as Accesses & { code?: string } };
    };
    const next = (await look("view=by-me&count=1")).body.next;
    expect(next).toEqual(expect.any(String));
    const nurse = (await signInAs(app, "nurse")).visitor;
    for (const refused of [
      await look(`view=about-me&page=${next}`),
      await look(`view=by-me&page=${next}`, nurse),
      await look(`view=by-me&page=B${next?.slice(1)}`),
      await look("view=by-me&page=1.1"),
    ])
      expect([refused.status, refused.body.code]).toEqual([400, "page-link-rejected"]);
    expect((await look(`view=by-me&page=${next}`)).status).toBe(200);
  });

  it("the signed head is open to everybody and says nothing of anybody", async () => {
    const answer = async () =>
      (await fetch(`${app.url}/.well-known/journal-head`)).json() as Promise<ExportedHead>;
    await expect.poll(async () => (await answer()).position).toBeGreaterThan(0);
    const { position, rows, chain, at, signature, publicKey, ...rest } = await answer();
    expect(rest).toEqual({});
    const key = createPublicKey({ key: Buffer.from(publicKey, "base64"), format: "der", type: "spki" });
    const signed = (count: number) =>
      Buffer.from(JSON.stringify(["cabinet-gateway journal head", position, count, chain, at]));
    expect(verify(null, signed(rows), key, Buffer.from(signature, "base64url"))).toBe(true);
    expect(verify(null, signed(rows - 1), key, Buffer.from(signature, "base64url"))).toBe(false);
  });

  it("the journal opens to its owner and to the security service, to nobody else", async () => {
    expect((await fetch(`${app.url}/cabinet/v1/me/accesses`)).status).toBe(401);
    expect((await call(mis, "/cabinet/v1/me/accesses")).status).toBe(401);
    expect((await call(mis, "/fhir/AuditEvent")).status).toBe(403);
    expect((await call(security, "/fhir/AuditEvent")).status).toBe(200);
  });

  it("a read is found as an AuditEvent with who, when, what and why", async () => {
    const read = await call(mis, `/fhir/Practitioner/${personId()}`);
    const found = await call(
      security,
      `/fhir/AuditEvent?entity=Practitioner/${personId()}&agent=demo&_count=1`,
    );
    const event = ((await found.json()) as Bundle<AuditEvent>).entry?.[0]?.resource;
    expect(event).toMatchObject({
      type: { code: "rest" },
      subtype: [{ system: "http://hl7.org/fhir/restful-interaction", code: "read" }],
      action: "R",
      outcome: "0",
    });
    // a row that no purpose of use stands behind tells none, and the ground is never taken for one
    expect(event?.purposeOfEvent).toBeUndefined();
    expect(event?.agent).toEqual([
      {
        ...{ type: dicom("110152"), who: { identifier: { value: "demo" } }, requestor: true },
        network: { address: "127.0.0.1", type: "2" },
      },
      {
        ...{ type: dicom("110153"), who: { display: "cabinet-gateway" }, requestor: false },
        network: { address: app.url, type: "5" },
      },
      expect.objectContaining({ requestor: false }),
    ]);
    const terminology = "http://terminology.hl7.org/CodeSystem";
    const [type, role] = [`${terminology}/audit-entity-type`, `${terminology}/object-role`];
    const what = { reference: `Practitioner/${personId()}` };
    expect(event?.entity).toEqual([
      { what, type: { system: type, code: "2" }, role: { system: role, code: "4" } },
      { what, type: { system: type, code: "1" }, role: { system: role, code: "15" } },
      expect.objectContaining({
        what: { identifier: { value: read.headers.get("x-request-id") } },
        detail: expect.arrayContaining([{ type: "ground", valueString: "system-data" }]),
      }),
    ]);
    expect(event && claimedPatterns(event)).toEqual(["Read"]);
    const again = await call(security, `/fhir/AuditEvent/${event?.id}`);
    expect(await again.json()).toEqual(event);
    const later = await call(
      security,
      `/fhir/AuditEvent?date=ge${new Date(Date.now() + 60_000).toISOString()}`,
    );
    expect(((await later.json()) as Bundle).total).toBe(0);
    for (const query of ["date=yesterday", "agent=a,b"])
      expect((await call(security, `/fhir/AuditEvent?${query}`)).status).toBe(400);
    expect((await call(security, "/fhir/AuditEvent/999999.1")).status).toBe(404);
  });
});
