import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type {
  Appointment,
  AuditEvent,
  Binary,
  Bundle,
  CareTeam,
  Patient,
  Provenance,
  RelatedPerson,
  Resource,
  Task,
} from "@medplum/fhirtypes";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { clientAssertion, requestToken } from "../../scripts/system-client.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Actor, RequestContext } from "../../src/core/context.ts";
import { Repository } from "../../src/fhir/repository.ts";
import { SearchIndex } from "../../src/fhir/search/search-index.ts";
import { givenConsents } from "../../src/flows/consent/consent-store.ts";
import { replaceConsentFact, replaceRelations } from "../../src/store/access-facts.ts";
import { type ActingWorker, actingWorker, snilsOf } from "../support/acting.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { Cabinet } from "../support/cabinet.ts";
import { codeSentTo, messagesTo } from "../support/messages.ts";
import { alterAccounts, journalRows } from "../support/sign-in.ts";

const phone = "+79990000005";
const securityEmail = "ib@example.org";
let app: TestApp;
let citizen: Cabinet;
let patient: string;
let doctor: ActingWorker;
let treating: string;
let office: string;
let condition: Resource & { id: string };

beforeAll(async () => {
  app = await startApp({
    SIGN_IN_PER_MINUTE: "10000",
    BREAK_GLASS: "on",
    SESSION_PURPOSES: "BTG,HOPERAT",
    LEGAL_GROUNDS: "323-13-4-3,323-13-4-8",
    SECURITY_EMAIL: securityEmail,
  });
  citizen = new Cabinet(app.url);
  await citizen.visitor.follow(`${app.url}/auth/login?as=citizen&persona=citizen`);
  await citizen.acceptTerms();
  patient = (await citizen.get("/me")).body.id;
  doctor = await actingWorker(app, snilsOf.doctor);
  treating = await doctor.token("TREAT");
  office = await doctor.token("HOPERAT");
  await granted({ kind: "processing" });
});
afterAll(() => app?.close());

// each test begins with a stranger's card that holds one diagnosis
beforeEach(async () => {
  const { db } = app.parts.store;
  await db.deleteFrom("consent_fact").where("kind", "!=", "processing").execute();
  await db.deleteFrom("care_relation").execute();
  await db.deleteFrom("one_time_code").execute();
  await app.parts.cache.bump(patient);
  condition = { ...diagnosis(), id: randomUUID() };
  await app.parts.store.db.transaction().execute((trx) =>
    app.parts.resources.put(trx, {
      tenant: doctor.organization,
      type: "Condition",
      id: condition.id,
      content: condition,
      subject: patient,
    }),
  );
});

const diagnosis = () => ({
  resourceType: "Condition" as const,
  subject: { reference: `Patient/${patient}` },
  code: { coding: [{ system: "urn:oid:1.2.643.5.1.13.13.11.1005", code: "Z00.0" }] },
});

interface Told {
  status: number;
  body: Resource & { issue?: { diagnostics?: string }[] };
}

async function fhir(token: string, method: string, path: string, body?: Partial<Resource>): Promise<Told> {
  const answer = await fetch(`${app.url}/fhir${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(method !== "GET" && { "idempotency-key": randomUUID() }),
      ...(body && { "content-type": "application/fhir+json" }),
      ...(body?.meta?.versionId && { "if-match": `W/"${body.meta.versionId}"` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : undefined };
}

/** As the doctor who treats when no other token is named, with the answer's own text. */
async function sent(method: string, path: string, body: object, headers: Record<string, string>) {
  const answer = await fetch(`${app.url}/fhir${path}`, {
    method,
    headers: { authorization: `Bearer ${treating}`, "content-type": "application/fhir+json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

const read = async (token = treating) => (await fhir(token, "GET", `/Condition/${condition.id}`)).status;
const write = async () => (await fhir(treating, "POST", "/Condition", diagnosis())).status;

/** Six digits that are not these. */
const otherCode = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, "0");

const codes = async () => (await messagesTo(app, phone)).filter(({ text }) => /^\d{6}/.test(text)).length;

async function granted(terms: object): Promise<string> {
  const before = await codes();
  const { body } = await citizen.send("POST", "/me/consents", terms);
  const code = await codeSentTo(app, phone, before);
  const answer = await citizen.send("POST", `/me/consents/${body.consent.id}/confirmation`, { code });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return body.consent.id;
}

async function withdrawn(id: string): Promise<void> {
  const before = await codes();
  await citizen.send("POST", `/me/consents/${id}/code`);
  const code = await codeSentTo(app, phone, before);
  expect((await citizen.send("POST", `/me/consents/${id}/withdrawal`, { code })).status).toBe(200);
}

/** The clinic has a record of the patient, of now or of before. */
async function registered(): Promise<void> {
  const known = await fhir(office, "PUT", `/Patient/${patient}`, { resourceType: "Patient", id: patient });
  expect([201, 412], JSON.stringify(known.body)).toContain(known.status);
}

/** The patient's visit to the doctor, an hour from now. */
function appointment(): Appointment {
  const [start, end] = [3_600_000, 5_400_000].map((ms) => new Date(Date.now() + ms).toISOString());
  const participant = [`Patient/${patient}`, `Practitioner/${doctor.id}`].map((reference) => ({
    actor: { reference },
    status: "accepted" as const,
  }));
  return { resourceType: "Appointment", status: "booked", start, end, participant };
}

async function cancelled(booked: Resource): Promise<void> {
  const change = { ...booked, status: "cancelled" } as Appointment;
  const update = await fhir(office, "PUT", `/Appointment/${booked.id}`, change);
  expect(update.status, JSON.stringify(update.body)).toBe(200);
}

/** The doctor in the cabinet, after a login by certificate. */
async function entered(authTime = Date.now()): Promise<Cabinet> {
  const cabinet = new Cabinet(app.url);
  const undo = alterAccounts(app, (account) => ({ ...account, amr: "DS", authTime }));
  await cabinet.visitor.follow(`${app.url}/auth/login?as=worker&persona=doctor`);
  undo();
  await cabinet.acceptTerms();
  return cabinet;
}

const toDoctor = (rights: string[]) => ({
  kind: "access",
  grantee: { practitioner: doctor.id },
  rights,
});

describe("a patient's card", () => {
  it("M-25 is closed without consent, the refusal names what is missing, and opens with it", async () => {
    const refused = await fhir(treating, "GET", `/Condition/${condition.id}`);
    expect(refused.status).toBe(403);
    expect(refused.body.issue?.[0]?.diagnostics).toContain("consent-access");
    await granted(toDoctor(["view"]));
    expect(await read()).toBe(200);
    // to the doctor whom the patient has chosen, and to no other of the same clinic
    const nurse = await actingWorker(app, snilsOf.nurse);
    expect(await read(await nurse.token("TREAT"))).toBe(403);
  });

  it("closed by a withdrawal, is opened by no repeat of what was asked before", async () => {
    const id = await granted(toDoctor(["view"]));
    const headers = {
      authorization: `Bearer ${treating}`,
      "idempotency-key": randomUUID(),
      "content-type": "application/fhir+json",
    };
    const batch = {
      resourceType: "Bundle",
      type: "batch",
      entry: [{ request: { method: "GET", url: `Condition/${condition.id}` } }],
    };
    const ask = async () =>
      (await fetch(`${app.url}/fhir`, { method: "POST", headers, body: JSON.stringify(batch) })).text();
    expect(await ask()).toContain("Z00.0");
    await withdrawn(id);
    expect(await ask()).not.toContain("Z00.0");
  });

  it("M-39 the consent itself is read by whom it names, as a FHIR Consent, and changed by nobody there", async () => {
    const id = await granted(toDoctor(["view"]));
    const shown = await fhir(treating, "GET", `/Consent/${id}`);
    expect([shown.status, shown.body]).toMatchObject([
      200,
      { resourceType: "Consent", status: "active", id },
    ]);
    expect((await fhir(treating, "GET", `/Consent/${id}/_history`)).status).toBe(200);
    const rows = await journalRows(app);
    expect(rows).toContainEqual(
      expect.objectContaining({
        action: "read",
        resourceId: id,
        ground: expect.stringContaining("named-in-consent"),
      }),
    );
    const nurse = await actingWorker(app, snilsOf.nurse);
    expect((await fhir(await nurse.token(), "GET", `/Consent/${id}`)).status).toBe(403);
    expect((await fhir(treating, "PUT", `/Consent/${id}`, shown.body)).status).toBe(403);
    expect((await fhir(treating, "DELETE", `/Consent/${id}`)).status).toBe(403);
  });

  it("a consent that is not confirmed is its writer's alone, and as a draft stays so", async () => {
    await registered();
    await granted(toDoctor(["view"]));
    const before = await codes();
    const prepared = await citizen.send("POST", "/me/consents", toDoctor(["view"]));
    const { id } = prepared.body.consent;
    const code = await codeSentTo(app, phone, before);
    const told = async (path: string) => {
      const { status, body } = await fhir(treating, "GET", path);
      return [status, JSON.stringify(body).includes(`"id":"${id}"`)];
    };
    for (const path of ["", "/_history/1", "/_history"])
      expect(await fhir(treating, "GET", `/Consent/${id}${path}`), path).toMatchObject({ status: 403 });
    const lists = [
      `/Consent?_id=${id}`,
      `/Consent?actor=Practitioner/${doctor.id}`,
      `/Patient?_id=${patient}&_revinclude=Consent:patient`,
      `/Patient/${patient}/$everything`,
    ];
    for (const path of lists) expect([path, ...(await told(path))]).toEqual([path, 200, false]);
    const own = (await citizen.get("/me/consents")).body.consents;
    expect(own).toContainEqual(expect.objectContaining({ id, status: "draft" }));
    await citizen.send("POST", `/me/consents/${id}/confirmation`, { code });
    for (const path of lists) expect([path, ...(await told(path))]).toEqual([path, 200, true]);
    expect((await fhir(treating, "GET", `/Consent/${id}/_history/1`)).status).toBe(403);
    const { body } = await fhir(treating, "GET", `/Consent/${id}/_history`);
    expect((body as Bundle).entry?.map(({ resource }) => resource?.meta?.versionId)).toEqual(["2"]);
  });

  it("consents are found by whom they name, also those of before they were, and by nobody else", async () => {
    for (const table of ["resource", "resource_history"] as const)
      await app.parts.store.db.deleteFrom(table).where("type", "=", "Consent").execute();
    await registered();
    // a colleague of theirs is not meant by the organisation that stands with their name
    const grantee = { practitioner: doctor.id, organization: doctor.organization };
    const ids = [
      await granted(toDoctor(["view"])),
      await granted({ ...toDoctor(["view", "enter"]), grantee }),
    ];
    const before = await codes();
    // written down and never confirmed
    await citizen.send("POST", "/me/consents", toDoctor(["enter"]));
    await codeSentTo(app, phone, before);
    const about = `patient=Patient/${patient}`;
    const ofIt = ({ body }: Told, type: string) =>
      (body as Bundle).entry?.flatMap(({ resource }) => (resource?.resourceType === type ? resource.id : []));
    const consents = async (path: string, token = treating) =>
      ofIt(await fhir(token, "GET", path), "Consent");
    const pages = async (query: string) => {
      const found: unknown[] = [];
      let path: string | undefined = `/Consent?${query}&_count=1`;
      while (path) {
        const { body } = await fhir(treating, "GET", path);
        found.push(ofIt({ status: 200, body }, "Consent"));
        const next: string | undefined = (body as Bundle).link?.find(
          ({ relation }) => relation === "next",
        )?.url;
        path = next?.replace(/^.*\/fhir/, "");
      }
      return found;
    };
    const newestFirst = [...ids].reverse();
    expect(await pages(about)).toEqual(newestFirst.map((id) => [id]));
    expect(await pages(`${about}&_sort=date`)).toEqual(ids.map((id) => [id]));
    expect(await consents(`/Consent?actor=Practitioner/${doctor.id}`)).toEqual(newestFirst);
    expect(await consents(`/?_type=Condition,Consent&${about}`)).toEqual(newestFirst);
    expect(await consents(`/Patient?_id=${patient}&_revinclude=Consent:patient`)).toEqual(newestFirst);
    expect(await consents(`/Patient/${patient}/$everything`)).toEqual(ids);
    // who names nobody finds what concerns them, under the same rules
    expect(await consents("/Consent?status=active")).toEqual(newestFirst);
    expect(await consents("/Consent/_history")).toEqual(newestFirst);
    expect(await consents("/Consent/_history?_count=1")).toEqual([ids[1]]);
    expect(await consents("/_history?_count=200")).toEqual(newestFirst);
    const given = "_has:Consent:patient:status=active";
    const ofPatients = (query: string) => fhir(treating, "GET", `/Patient?${query}`);
    expect(ofIt(await ofPatients(given), "Patient")).toEqual([patient]);
    expect(ofIt(await ofPatients("_has:Consent:patient:status=inactive"), "Patient")).toEqual([]);
    expect(await consents("/Consent?patient.active:missing=true")).toEqual(newestFirst);
    expect(await consents("/Consent?patient.active=true")).toEqual([]);
    expect((await ofPatients("_has:Consent:consentor:status=active")).status).toBe(400);
    const { id: person, token, organization } = await actingWorker(app, snilsOf.nurse);
    const nurse = await token();
    expect(await inReach({ onBehalfOf: person, organization })).toEqual([]);
    expect(await inReach({ onBehalfOf: doctor.id, organization })).toEqual(expect.arrayContaining(ids));
    expect(givenConsents.reachOf(misActor({ organization }))).toBeUndefined();
    const refusals = async () =>
      (await journalRows(app)).filter(
        ({ action, resourceType, onBehalfOf }) =>
          action.startsWith("hidden ") && resourceType === "Consent" && onBehalfOf === person,
      );
    const earlier = await refusals();
    // a team named them, and the patient refused: in reach, and not to be shown
    const { db } = app.parts.store;
    const named = { patient, practitioner: person, organization: doctor.organization, ends_at: null };
    const team = { tenant: doctor.organization, type: "CareTeam", id: "team" };
    await replaceRelations(db, team, [{ ...named, kind: "assigned" }]);
    await replaceConsentFact(
      db,
      { tenant: "shared", id: "refusal" },
      {
        ...{ ...named, kind: "access", decision: "deny", rights: ["view", "enter"], booked: false },
        ...{ types: null, labels: null, starts_at: null, granted_at: 1 },
      },
    );
    await app.parts.cache.bump(patient);
    const unnamed = [
      "/Consent?status=active",
      "/Consent?status=active&_sort=date",
      "/Consent?_total=accurate&_count=0",
      "/Consent/_history",
      "/_history?_count=200",
    ];
    for (const path of unnamed) expect((await consents(path, nurse)) ?? [], path).toEqual([]);
    // nobody asked for them, so nobody was refused them
    expect(await refusals()).toEqual(earlier);
    expect(ofIt(await fhir(nurse, "GET", `/Patient?${given}`), "Patient")).toEqual([]);
    const hidden = await fhir(nurse, "GET", `/Consent?${about}&_total=accurate&_count=1`);
    expect(hidden.body).toMatchObject({ total: 0, entry: [] });
    expect((hidden.body as Bundle).link?.map(({ relation }) => relation)).toEqual(["self"]);
    await app.parts.store.db.deleteFrom("one_time_code").execute();
    await withdrawn(ids[0] ?? "");
    expect(await consents(`/Consent?${about}&status=active`)).toEqual([ids[1]]);
    expect(await consents(`/Consent?${about}&status=inactive`)).toEqual([ids[0]]);
    const { store, consentStore } = app.parts;
    await store.db.deleteFrom("search_resource").where("tenant", "=", "shared").execute();
    expect(await consents(`/Consent?${about}`)).toEqual([]);
    await consentStore.indexEarlier(new AbortController().signal);
    await consentStore.indexEarlier(new AbortController().signal);
    expect((await consents(`/Consent?${about}`))?.toSorted()).toEqual(ids.toSorted());
  });

  it("a conditional change finds no consent that was given in the cabinet", async () => {
    const id = await granted(toDoctor(["view"]));
    const told = [
      await fhir(treating, "DELETE", `/Consent?_id=${id}`),
      await fhir(treating, "DELETE", `/Consent?_id=${randomUUID()}`),
    ];
    expect(told[0]?.status).toBe(told[1]?.status);
    expect((await fhir(treating, "GET", `/Consent/${id}`)).status).toBe(200);
  });

  it("M-26 opened to be viewed takes no entries; opened to be entered it does", async () => {
    const before = await codes();
    const { id } = (await citizen.send("POST", "/me/consents", toDoctor(["view"]))).body.consent;
    const code = await codeSentTo(app, phone, before);
    const confirm = async (entered: string) =>
      (await citizen.send("POST", `/me/consents/${id}/confirmation`, { code: entered })).status;
    expect([await confirm(otherCode(code)), await read()]).toEqual([422, 403]);
    expect(await confirm(code)).toBe(200);
    expect([await read(), await write()]).toEqual([200, 403]);
    await granted(toDoctor(["view", "enter"]));
    expect(await write()).toBe(201);
  });

  it("opened to be entered only, is shown by no answer to a change and tested by no patch", async () => {
    await granted(toDoctor(["enter"]));
    expect(await read()).toBe(403);
    const path = `/Condition/${condition.id}`;
    const test = [{ op: "test", path: "/resourceType", value: "Condition" }];
    const asPatch = { "content-type": "application/json-patch+json", "if-match": 'W/"1"' };
    const patched = await sent("PATCH", path, test, asPatch);
    expect([patched.status, patched.text]).toEqual([403, expect.stringContaining("access-denied")]);
    const again = { "idempotency-key": randomUUID(), "if-match": 'W/"1"' };
    const changed = { ...diagnosis(), id: condition.id, language: "ru" };
    for (const repeated of [null, "true"]) {
      const { status, headers, text } = await sent("PUT", path, changed, again);
      expect([status, headers.get("etag"), text]).toEqual([200, 'W/"2"', ""]);
      expect(headers.get("idempotent-replayed")).toBe(repeated);
    }
    const entry = {
      resource: { ...changed, language: "en" },
      request: { method: "PUT", url: path.slice(1), ifMatch: 'W/"2"' },
    };
    for (const [type, ifMatch] of [
      ["transaction", 'W/"2"'],
      ["batch", 'W/"3"'],
    ] as const) {
      const request = { ...entry.request, ifMatch };
      const bundle = { resourceType: "Bundle", type, entry: [{ ...entry, request }] };
      const { text } = await sent("POST", "", bundle, { prefer: "return=representation" });
      expect([text, text.includes("Z00.0")]).toEqual([expect.stringContaining("200 OK"), false]);
    }
    // what the caller made is told as it was sent
    const made = await sent("POST", "/Condition", diagnosis(), {});
    expect([made.status, made.text]).toEqual([201, expect.stringContaining("Z00.0")]);
  });

  it("an update's kept answer shows the resource while it may be viewed, not while it may be entered", async () => {
    const permission = await granted(toDoctor(["view", "enter"]));
    const headers = { "idempotency-key": randomUUID(), "if-match": 'W/"1"' };
    const changed = { ...diagnosis(), id: condition.id, language: "ru" };
    const put = async () => (await sent("PUT", `/Condition/${condition.id}`, changed, headers)).text;
    expect(await put()).toContain("Z00.0");
    await withdrawn(permission);
    await granted(toDoctor(["enter"]));
    expect(await put()).toBe("");
  });

  it("the registry office changes a person's record unseen, and patches what it may read only", async () => {
    const id = randomUUID();
    const record = { resourceType: "Patient" as const, name: [{ family: "Нечитаева" }] };
    const made = await fhir(office, "PUT", `/Patient/${id}`, { ...record, id });
    expect([made.status, made.body.resourceType]).toEqual([201, "Patient"]);
    expect((await fhir(office, "GET", `/Patient/${id}`)).status).toBe(403);
    const test = [{ op: "test", path: "/resourceType", value: "Patient" }];
    const patched = await sent("PATCH", `/Patient/${id}`, test, {
      authorization: `Bearer ${office}`,
      "content-type": "application/json-patch+json",
      "if-match": 'W/"1"',
    });
    expect([patched.status, patched.text.includes("Нечитаева")]).toEqual([403, false]);
    const meta = { versionId: "1" };
    const put = await fhir(office, "PUT", `/Patient/${id}`, { ...record, id, meta, active: true } as Patient);
    expect([put.status, put.body]).toEqual([200, undefined]);
  });

  it("with a record that was changed in the database, tells of it and shows the others", async () => {
    await granted(toDoctor(["view", "enter"]));
    const [altered, other] = [
      await fhir(treating, "POST", "/Condition", diagnosis()),
      await fhir(treating, "POST", "/Condition", diagnosis()),
    ];
    const { db } = app.parts.store;
    const id = String(altered.body.id);
    const sealed = db.selectFrom("resource").select("content").where("id", "=", String(other.body.id));
    await db.updateTable("resource").set({ content: sealed }).where("id", "=", id).execute();
    const changed = await fhir(treating, "GET", `/Condition/${id}`);
    expect([changed.status, JSON.stringify(changed.body)]).toEqual([
      500,
      expect.stringContaining('"stored-data-altered"'),
    ]);
    const conditional = await fhir(treating, "PUT", `/Condition?_id=${id}`, diagnosis());
    expect([conditional.status, JSON.stringify(conditional.body)]).toEqual([
      500,
      expect.stringContaining('"stored-data-altered"'),
    ]);
    const body = new URLSearchParams({ patient: `Patient/${patient}`, _sort: "-_lastUpdated" });
    const answer = await fetch(`${app.url}/fhir/Condition/_search`, {
      method: "POST",
      body,
      headers: { authorization: `Bearer ${treating}` },
    });
    const { entry = [] } = (await answer.json()) as Bundle;
    const ids = entry.flatMap(({ resource, search }) => (search?.mode === "match" ? resource?.id : []));
    expect([ids.includes(other.body.id), ids.includes(id)]).toEqual([true, false]);
    const told = entry.filter(({ search }) => search?.mode === "outcome");
    expect(JSON.stringify(told)).toContain('"stored-data-altered"');
    const history = await fhir(treating, "GET", `/Condition/${other.body.id}/_history`);
    const mine = await citizen.get("/me/records?type=Condition");
    expect([answer.status, history.status, mine.status]).toEqual([200, 200, 200]);
    expect(JSON.stringify(mine.body)).toContain(other.body.id);
    expect(app.telemetry.instruments.alteredRecords.of({}).value).toBeGreaterThan(0);
    const [row] = (await journalRows(app)).filter(({ outcome }) => outcome === "stored-data-altered");
    expect(row).toMatchObject({ action: "refused GET", onBehalfOf: doctor.id });
  });

  it("Z-26 closes at the next call after the withdrawal", async () => {
    const id = await granted(toDoctor(["view"]));
    expect(await read()).toBe(200);
    await withdrawn(id);
    expect(await read()).toBe(403);
  });

  it("M-27 a booking opens it as far as the patient permits, a cancelled one does not", async () => {
    // whom it would let in does not write it for themselves
    expect((await fhir(treating, "POST", "/Appointment", appointment())).status).toBe(403);
    const booked = await fhir(office, "POST", "/Appointment", appointment());
    expect(booked.status, JSON.stringify(booked.body)).toBe(201);
    expect(await read()).toBe(403);
    await granted({ kind: "access", grantee: { booked: true }, rights: ["view"] });
    expect([await read(), await write()]).toEqual([200, 403]);
    await cancelled(booked.body);
    expect(await read()).toBe(403);
  });

  it("M-07 opens to the assigned doctor only; the attempt of another is an AuditEvent", async () => {
    const nurse = await actingWorker(app, snilsOf.nurse);
    const other = await nurse.token("TREAT");
    const team: CareTeam = {
      resourceType: "CareTeam",
      status: "active",
      subject: { reference: `Patient/${patient}` },
      participant: [{ member: { reference: `Practitioner/${doctor.id}` } }],
    };
    expect((await fhir(office, "POST", "/CareTeam", team)).status).toBe(201);
    expect(await read()).toBe(200);
    expect(await read(other)).toBe(403);
    const security = await securityToken();
    const found = await fhir(security, "GET", `/AuditEvent?entity=Patient/${patient}&_count=1`);
    const [event] = (found.body as Bundle<AuditEvent>).entry?.map(({ resource }) => resource) ?? [];
    expect(event).toMatchObject({
      outcome: "8",
      agent: expect.arrayContaining([
        expect.objectContaining({ who: { reference: `Practitioner/${nurse.id}` } }),
      ]),
    });
  });

  it("opens to who holds the post that the team names", async () => {
    const team: CareTeam = {
      resourceType: "CareTeam",
      status: "active",
      subject: { reference: `Patient/${patient}` },
      participant: [{ member: { reference: `PractitionerRole/${doctor.role}` } }],
    };
    expect((await fhir(office, "POST", "/CareTeam", team)).status).toBe(201);
    expect(await read()).toBe(200);
  });

  it("a refusal closes it to the assigned doctor, too", async () => {
    const team: CareTeam = {
      resourceType: "CareTeam",
      status: "active",
      subject: { reference: `Patient/${patient}` },
      participant: [{ member: { reference: `Practitioner/${doctor.id}` } }],
    };
    await fhir(office, "POST", "/CareTeam", team);
    const refusal = await granted({
      kind: "access",
      decision: "deny",
      grantee: { organization: doctor.organization },
      rights: ["view"],
    });
    expect(await read()).toBe(403);
    await withdrawn(refusal);
    expect(await read()).toBe(200);
  });

  it("a refusal that names no right closes it to be entered, too", async () => {
    await granted(toDoctor(["view", "enter"]));
    expect([await read(), await write()]).toEqual([200, 201]);
    await granted({ kind: "access", decision: "deny", grantee: { practitioner: doctor.id } });
    expect([await read(), await write()]).toEqual([403, 403]);
  });

  it("a search leaves out what is permitted no more, which the patient reads and the asker does not", async () => {
    const total = async () => {
      const body = new URLSearchParams({ patient: `Patient/${patient}` });
      const answer = await fetch(`${app.url}/fhir/Condition/_search`, {
        method: "POST",
        body,
        headers: { authorization: `Bearer ${treating}` },
      });
      return (
        ((await answer.json()) as Bundle).entry?.filter(({ search }) => search?.mode === "match").length ?? 0
      );
    };
    const permission = await granted(toDoctor(["view", "enter"]));
    expect(await write()).toBe(201);
    expect(await total()).toBeGreaterThan(0);
    await withdrawn(permission);
    expect(await total()).toBe(0);
    const about = await citizen.get("/me/accesses?count=5");
    expect(about.body.accesses).toContainEqual(
      expect.objectContaining({
        ...{ action: "hidden search", resourceType: "Condition", outcome: "access-denied" },
        ground: expect.objectContaining({ code: "no-ground" }),
      }),
    );
    const deeds = await (await entered()).get("/me/accesses?view=by-me&count=100");
    const actions = (deeds.body.accesses as { action: string }[]).map(({ action }) => action);
    expect([actions.includes("search"), actions.includes("hidden search")]).toEqual([true, false]);
  });

  it("M-29 the patient sees who read it, when, from where and why, refused attempts among them", async () => {
    const start = Date.now();
    expect(await read()).toBe(403);
    await granted(toDoctor(["view"]));
    const before = Date.now();
    expect(await read()).toBe(200);
    const { accesses } = (await citizen.get("/me/accesses")).body as { accesses: { at: string }[] };
    const ofNow = accesses.filter(({ at }) => Date.parse(at) >= start && Date.parse(at) <= Date.now());
    const [opened, ...earlier] = ofNow;
    expect(opened).toMatchObject({
      actor: { kind: "client", name: expect.stringContaining("Врачев") },
      organization: { oid: doctor.organization, name: expect.stringContaining("поликлиника") },
      action: "read",
      resourceType: "Condition",
      ground: { code: "consent-access" },
      outcome: "ok",
    });
    expect(Date.parse(opened?.at ?? "")).toBeGreaterThanOrEqual(before);
    expect(earlier).toContainEqual(
      expect.objectContaining({
        actor: expect.objectContaining({ name: expect.stringContaining("Врачев") }),
        ...{ action: "refused GET", outcome: "access-denied" },
      }),
    );
  });

  it("Z-07 a view, a change and an export are an event each", async () => {
    await granted(toDoctor(["view", "enter"]));
    await registered();
    const made = await fhir(treating, "POST", "/Condition", diagnosis());
    const { id } = made.body;
    expect((await fhir(treating, "GET", `/Condition/${id}`)).status).toBe(200);
    const recorded = { ...made.body, recordedDate: "2026-11-22" } as Partial<Resource>;
    expect((await fhir(treating, "PUT", `/Condition/${id}`, recorded)).status).toBe(200);
    expect((await fhir(treating, "GET", `/Patient/${patient}/$everything`)).status).toBe(200);
    const found = await fhir(
      await securityToken(),
      "GET",
      `/AuditEvent?entity=Patient/${patient}&_count=200`,
    );
    const events = (found.body as Bundle<AuditEvent>).entry?.flatMap(({ resource }) => resource ?? []) ?? [];
    const ofIt = events.filter(({ entity }) =>
      entity?.some(({ what }) => what?.reference === `Condition/${id}`),
    );
    expect(ofIt.map(({ subtype }) => subtype?.[0]?.code).reverse()).toEqual([
      "create",
      "read",
      "update",
      expect.stringContaining("everything"),
    ]);
    for (const { outcome, agent } of ofIt)
      expect([outcome, agent[0]?.who?.reference]).toEqual(["0", `Practitioner/${doctor.id}`]);
  });

  it("M-08 a read, a print and a download of a document are one event each, refused ones too", async () => {
    await granted(toDoctor(["view", "enter"]));
    const about = { reference: `Patient/${patient}` };
    const data = Buffer.from("Заключение").toString("base64");
    const bytes = {
      resourceType: "Binary",
      contentType: "text/plain",
      securityContext: about,
      data,
    } as Binary;
    const binary = (await fhir(treating, "POST", "/Binary", bytes)).body.id;
    const attachment = { contentType: "text/plain", url: `Binary/${binary}` };
    const described = { resourceType: "DocumentReference", status: "current", subject: about };
    const document = await fhir(treating, "POST", "/DocumentReference", {
      ...described,
      content: [{ attachment }],
    } as Resource);
    expect(document.status, JSON.stringify(document.body)).toBe(201);
    const stranger = await (await actingWorker(app, snilsOf.nurse)).token("TREAT");
    const deeds = [
      [treating, `DocumentReference/${document.body.id}`, "read", "ok"],
      [treating, `Binary/${binary}`, "download", "ok"],
      [treating, `Binary/${binary}?_for=print`, "print", "ok"],
      [treating, `Binary/${binary}?_format=json`, "read", "ok"],
      [stranger, `Binary/${binary}?_for=print`, "refused GET", "access-denied"],
      [stranger, `Binary/${binary}`, "refused GET", "access-denied"],
    ] as const;
    const asked = await Promise.all(
      deeds.map(async ([token, path]) => {
        const headers = { authorization: `Bearer ${token}` };
        const answer = await fetch(`${app.url}/fhir/${path}`, { headers });
        await answer.arrayBuffer();
        return answer.headers.get("x-request-id");
      }),
    );
    const rows = await journalRows(app);
    for (const [index, [token, , action, outcome]] of deeds.entries()) {
      const events = rows.filter(({ requestId }) => requestId === asked[index]);
      expect(events).toEqual([expect.objectContaining({ action, outcome, subject: patient })]);
      if (token === treating) expect(events[0]?.onBehalfOf).toBe(doctor.id);
    }
    const unknown = await fhir(treating, "GET", `/Binary/${binary}?_for=fun`);
    expect(unknown.status).toBe(400);
    const found = await fhir(await securityToken(), "GET", `/AuditEvent?entity=Patient/${patient}&_count=20`);
    const events = (found.body as Bundle<AuditEvent>).entry?.flatMap(({ resource }) => resource ?? []) ?? [];
    for (const code of ["print", "download"])
      expect(events.filter(({ subtype }) => subtype?.[0]?.code === code)).toEqual([
        expect.objectContaining({ action: "R", outcome: "0" }),
      ]);
  });

  it("M-28 health, specialists and examinations load once the patient has permitted it, then booked", async () => {
    await registered();
    const permission = await granted(toDoctor(["view", "enter"]));
    const subject = { reference: `Patient/${patient}` };
    const made = [
      diagnosis(),
      { resourceType: "Observation", status: "final", subject, code: { text: "ЭКГ" } },
      {
        ...{ resourceType: "Encounter", status: "finished", subject, class: { code: "AMB" } },
        participant: [{ individual: { reference: `Practitioner/${doctor.id}` } }],
      },
    ];
    for (const resource of made) {
      const answer = await fhir(treating, "POST", `/${resource.resourceType}`, resource as Partial<Resource>);
      expect(answer.status, JSON.stringify(answer.body)).toBe(201);
    }
    await withdrawn(permission);
    const loaded = async () => {
      const { status, body } = await fhir(treating, "GET", `/Patient/${patient}/$everything`);
      const types = (body as Bundle).entry?.flatMap(({ resource }) => resource?.resourceType ?? []);
      return [
        status,
        ...["Condition", "Observation", "Encounter"].filter((type) => types?.includes(type as never)),
      ];
    };
    const booked = async () => {
      const answer = await fhir(office, "POST", "/Appointment", appointment());
      expect(answer.status, JSON.stringify(answer.body)).toBe(201);
      return answer.body;
    };
    const early = await booked();
    expect(await loaded()).toEqual([403]);
    await cancelled(early);
    await granted({ kind: "access", grantee: { booked: true }, rights: ["view"] });
    expect(await loaded()).toEqual([403]);
    await booked();
    expect(await loaded()).toEqual([200, "Condition", "Observation", "Encounter"]);
  });

  it("D-13 a stored document is unreadable in the database and opens to those authorised only", async () => {
    await granted(toDoctor(["view", "enter"]));
    const text = "Заключение: пробный текст";
    const document: Binary = {
      resourceType: "Binary",
      contentType: "text/plain",
      securityContext: { reference: `Patient/${patient}` },
      data: Buffer.from(text).toString("base64"),
    };
    const made = await fhir(treating, "POST", "/Binary", document);
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    const rows = await app.parts.store.db
      .selectFrom("resource_history")
      .select("content")
      .where("id", "=", String(made.body.id))
      .execute();
    expect(rows).toHaveLength(1);
    for (const { content } of rows)
      for (const form of [text, document.data ?? ""])
        expect(Buffer.from(content ?? []).includes(form)).toBe(false);
    const open = async (token: string) =>
      fetch(`${app.url}/fhir/Binary/${made.body.id}`, { headers: { authorization: `Bearer ${token}` } });
    expect(await (await open(treating)).text()).toBe(text);
    const nurse = await actingWorker(app, snilsOf.nurse);
    expect((await open(await nurse.token("TREAT"))).status).toBe(403);
    expect((await fetch(`${app.url}/fhir/Binary/${made.body.id}`)).status).toBe(401);
  });

  it("M-41 closes when ФРМР confirms the doctor no more, whatever the patient permits", async () => {
    await granted(toDoctor(["view"]));
    expect(await read()).toBe(200);
    const world = (await (await fetch(`${app.sandboxUrl}/_world`)).json()) as {
      workers: { person: string; cards: { end?: string }[] }[];
    };
    const workers = world.workers.filter(({ person }) => person === "doctor");
    for (const { cards } of workers) for (const card of cards) card.end = "2020-01-01";
    await fetch(`${app.sandboxUrl}/_world`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ workers }),
    });
    await app.parts.cache.bump(snilsOf.doctor);
    expect(await read()).toBe(403);
    await fetch(`${app.sandboxUrl}/_world`, { method: "DELETE" });
    await app.parts.cache.bump(snilsOf.doctor);
    expect(await read()).toBe(200);
  });
});

const misActor = (actsFor: Partial<Actor>): Actor => ({
  ...{ kind: "client", id: "mis", tenant: doctor.organization, scopes: [], ...actsFor },
});

/** Ids of the given consents that are looked at when nobody is named. */
async function inReach(actsFor: Partial<Actor>): Promise<string[]> {
  const { store, keyring } = app.parts;
  const parts = { keyring, clock: systemClock, baseUrl: `${app.url}/fhir` };
  const actor = misActor(actsFor);
  const beside = givenConsents.reachOf(actor);
  const query = { tenant: actor.tenant, types: ["Consent"], tests: [], sort: [], beside };
  const index = new SearchIndex({ ...parts, shared: givenConsents });
  return (await index.search(store.db, query, { limit: 100 })).hits.map(({ id }) => id);
}

/** Stored and indexed without any rule. */
async function asOfBefore(resource: Resource & { id: string }) {
  const { store, resources, keyring } = app.parts;
  const repository = new Repository({
    ...{ db: store.db, searches: store.searches, store: resources },
    index: new SearchIndex({ keyring, clock: systemClock, baseUrl: `${app.url}/fhir` }),
    validate: async () => [],
    onChange: [],
  });
  const actor = { kind: "system", id: "before", tenant: doctor.organization, scopes: [] };
  const ctx = { requestId: randomUUID(), actor } as unknown as RequestContext;
  await repository.transaction(ctx, (writes) => writes.put(resource, {}));
}

describe("a Provenance over a patient's record", () => {
  const over = (...targets: object[]): Provenance => ({
    ...{ resourceType: "Provenance", recorded: "2026-11-20T10:00:00Z" },
    target: targets,
    agent: [{ who: { display: "система" } }],
  });
  const to = (reference: string) => ({ reference });
  const named = () => to(`Patient/${patient}`);
  const ofIt = () => to(`Condition/${condition.id}`);
  const post = async (provenance: Provenance) =>
    (await fhir(treating, "POST", "/Provenance", provenance)).status;
  const entry = (method: string, url: string, resource: object, fullUrl?: string) => ({
    ...{ resource, fullUrl },
    request: { method, url },
  });
  const transaction = (...entries: object[]) => {
    const bundle = { resourceType: "Bundle", type: "transaction", entry: entries } as unknown as Resource;
    return fhir(treating, "POST", "", bundle);
  };
  const rows = async () => {
    const { db } = app.parts.store;
    const { n } = await db
      .selectFrom("resource")
      .select(({ fn }) => fn.countAll<number>().as("n"))
      .where("subject", "=", patient)
      .executeTakeFirstOrThrow();
    return n;
  };

  beforeEach(async () => {
    await granted(toDoctor(["view", "enter"]));
  });

  it("names the patient and nobody else's data", async () => {
    const other = { ...diagnosis(), id: randomUUID(), subject: to(`Patient/${randomUUID()}`) };
    const key = { tenant: doctor.organization, type: "Condition", id: other.id };
    await app.parts.store.db
      .transaction()
      .execute((trx) =>
        app.parts.resources.put(trx, { ...key, content: other, subject: other.subject.reference.slice(8) }),
      );
    const refused = [
      [ofIt()],
      [to(`${ofIt().reference}/_history/1`)],
      [ofIt(), to(`Patient/${randomUUID()}`)],
      [named(), to(`Patient/${randomUUID()}`)],
      [named(), to(`Condition/${other.id}`)],
      [to("https://elsewhere.example/fhir/Condition/1")],
      [{ identifier: { system: "urn:ietf:rfc:3986", value: "urn:oid:1.2.3" } }],
    ];
    for (const targets of refused)
      expect([403, 422], JSON.stringify(targets)).toContain(await post(over(...targets)));
    expect(await post(over(ofIt(), named()))).toBe(201);
    expect(await post(over(to(`${app.url}/fhir/Condition/${condition.id}`), named()))).toBe(201);
  });

  it("comes after what it is over, or with it in one transaction, in either order", async () => {
    const early = to(`Condition/${randomUUID()}`);
    expect([await post(over(early)), await post(over(early, named()))]).toEqual([422, 422]);
    const urn = () => `urn:uuid:${randomUUID()}`;
    for (const isFirst of [true, false])
      for (const method of ["POST", "PUT"]) {
        const id = randomUUID();
        const made = method === "PUT" ? `Condition/${id}` : urn();
        const url = method === "PUT" ? made : "Condition";
        const together = (provenance: Provenance) => {
          const both = [
            entry(
              method,
              url,
              { ...diagnosis(), ...(method === "PUT" && { id }) },
              method === "POST" ? made : undefined,
            ),
            entry("POST", "Provenance", provenance),
          ];
          return transaction(...(isFirst ? both : both.toReversed()));
        };
        const before = await rows();
        expect((await together(over(to(made)))).status).toBe(422);
        expect((await together(over(to(made), to(`Patient/${randomUUID()}`)))).status).not.toBe(200);
        expect(await rows()).toBe(before);
        const answer = await together(over(to(made), named()));
        expect(answer.status, JSON.stringify(answer.body)).toBe(200);
        expect(await rows()).toBe(before + 2);
      }
  });

  it("by a search for it is as one by its id", async () => {
    const value = randomUUID();
    const identifier = [{ system: "urn:example:marks", value }];
    expect(
      (await fhir(treating, "POST", "/Condition", { ...diagnosis(), identifier } as Resource)).status,
    ).toBe(201);
    const found = to(`Condition?identifier=urn:example:marks|${value}`);
    expect((await transaction(entry("POST", "Provenance", over(found)))).status).toBe(422);
    expect((await transaction(entry("POST", "Provenance", over(found, named())))).status).toBe(200);
    expect(await post(over(found))).toBe(400);
  });

  it("follows what it is over when that becomes a patient's", async () => {
    const work = { resourceType: "Task", status: "requested", intent: "order" } as Task;
    const task = (await fhir(treating, "POST", "/Task", work)).body as Task;
    const made = (await fhir(treating, "POST", "/Provenance", over(to(`Task/${task.id}`))))
      .body as Provenance;
    expect([task.id, made.id]).toEqual([expect.any(String), expect.any(String)]);
    const theirs = { ...task, for: named() };
    expect((await fhir(treating, "PUT", `/Task/${task.id}`, theirs)).status).toBe(422);
    const matched = (resource: Resource) => {
      const { resourceType, id, meta } = resource;
      const ifMatch = `W/"${meta?.versionId}"`;
      return { resource, request: { method: "PUT", url: `${resourceType}/${id}`, ifMatch } };
    };
    const both = [theirs, { ...made, target: [...made.target, named()] }];
    const answer = await transaction(...both.map(matched));
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  });

  it("is read and found as the patient's, one of before the rule too", async () => {
    const made = (await fhir(treating, "POST", "/Provenance", over(ofIt(), named()))).body;
    const old = { ...over(ofIt()), id: randomUUID() };
    await asOfBefore(old);
    const stranger = await (await actingWorker(app, snilsOf.nurse)).token("TREAT");
    const sees = async (token: string) => {
      const { body } = await fhir(token, "GET", `/Provenance?target=Condition/${condition.id}`);
      const reads = [made.id, old.id].map(
        async (id) => (await fhir(token, "GET", `/Provenance/${id}`)).status,
      );
      return [((body as Bundle).entry ?? []).map(({ resource }) => resource?.id), await Promise.all(reads)];
    };
    expect(await sees(treating)).toEqual([[made.id], [200, 403]]);
    expect(await sees(stranger)).toEqual([[], [403, 403]]);
  });
});

describe("work and messages that refer to a patient's data", () => {
  it.each([
    ["Task", "for", "focus"],
    ["Communication", "subject", "about"],
  ])("a %s names the patient in %s, and is theirs", async (resourceType, element, refers) => {
    await granted(toDoctor(["view", "enter"]));
    const to = (reference: string) => ({ reference });
    const work = { resourceType, status: resourceType === "Task" ? "requested" : "completed" };
    const plain = { ...work, ...(resourceType === "Task" && { intent: "order" }) };
    const over = (reference: string) => {
      const value = to(reference);
      return { ...plain, [refers]: refers === "about" ? [value] : value } as unknown as Resource;
    };
    const post = async (resource: object) => fhir(treating, "POST", `/${resourceType}`, resource as Resource);
    expect((await post(plain)).status).toBe(201);
    for (const theirs of [
      `Condition/${condition.id}`,
      `Appointment/${randomUUID()}`,
      `Coverage/${randomUUID()}`,
    ])
      expect([403, 422], theirs).toContain((await post(over(theirs))).status);
    const named = { ...over(`Condition/${condition.id}`), [element]: to(`Patient/${patient}`) };
    const made = await post(named);
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    // what is itself the patient's, though its type need not be
    const chained = await post(over(`${resourceType}/${made.body.id}`));
    expect([chained.status, JSON.stringify(chained.body)]).toEqual([
      422,
      expect.stringContaining(`${resourceType}.${element}`),
    ]);
    const nurse = await (await actingWorker(app, snilsOf.nurse)).token("TREAT");
    expect((await fhir(nurse, "GET", `/${resourceType}/${made.body.id}`)).status).toBe(403);
    const old = { ...over(`Condition/${condition.id}`), id: randomUUID() };
    await asOfBefore(old);
    for (const token of [treating, nurse]) {
      expect((await fhir(token, "GET", `/${resourceType}/${old.id}`)).status).toBe(403);
      expect(JSON.stringify((await fhir(token, "GET", `/${resourceType}?_id=${old.id}`)).body)).not.toContain(
        `"id":"${old.id}"`,
      );
    }
  });
});

describe("a legal representative", () => {
  const child = async (birthDate: string): Promise<string> => {
    const id = randomUUID();
    const kid: Patient = { resourceType: "Patient", id, birthDate };
    expect((await fhir(office, "PUT", `/Patient/${id}`, kid)).status).toBe(201);
    const role = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
    const parent: RelatedPerson = {
      resourceType: "RelatedPerson",
      patient: { reference: `Patient/${id}` },
      identifier: [{ system: "urn:oid:1.2.643.100.3", value: "90000000586" }],
      relationship: [{ coding: [{ system: role, code: "MTH" }] }],
    };
    const written = await fhir(office, "POST", "/RelatedPerson", parent);
    expect(written.status, JSON.stringify(written.body)).toBe(201);
    return id;
  };
  const consentFor = (id: string) =>
    citizen.send("POST", "/me/consents", { kind: "processing", patient: id });

  it("consents for a child under 15, not for an older one, and for nobody else's", async () => {
    const today = new Date();
    const born = (years: number) => `${today.getUTCFullYear() - years}-01-01`;
    const young = await child(born(10));
    const prepared = await consentFor(young);
    expect([prepared.status, prepared.body.consent?.patient.id]).toEqual([201, young]);
    expect((await citizen.get(`/me/consents?patient=${young}`)).body.consents).toHaveLength(1);
    for (const other of [await child(born(16)), randomUUID()]) {
      const refused = await consentFor(other);
      expect([refused.status, refused.body.code]).toEqual([403, "access-denied"]);
    }
  });
});

describe("emergency access", () => {
  const look = async (reason?: string) =>
    fetch(`${app.url}/fhir/Condition/${condition.id}`, {
      headers: {
        authorization: `Bearer ${await doctor.token("BTG")}`,
        ...(reason && { "x-emergency-reason": reason }),
      },
    });

  it("needs a reason of the list, is told to the security service and stands in the patient's journal", async () => {
    expect((await look()).status).toBe(403);
    expect((await look("diabetes of Ivanov")).status).toBe(400);
    expect((await look("unconscious")).status).toBe(200);
    const { accesses } = (await citizen.get("/me/accesses?count=1")).body;
    expect(accesses[0].ground).toMatchObject({
      code: "break-glass",
      text: expect.stringContaining("без сознания"),
    });
    await expect.poll(() => alerts("Экстренный"), { timeout: 10_000 }).toBe(1);
  });

  it("the security service is told which worker opened which patient, the journal keeps that it was", async () => {
    const before = (await alertsOf("Экстренный")).length;
    const answer = await look("life-threat");
    const requestId = answer.headers.get("x-request-id") ?? "";
    await expect
      .poll(async () => (await alertsOf("Экстренный")).length, { timeout: 10_000 })
      .toBe(before + 1);
    const [told] = await alertsOf("Экстренный");
    for (const part of [
      `Patient/${patient}.`,
      `Practitioner/${doctor.id},`,
      `PractitionerRole/${doctor.role},`,
      doctor.organization,
      requestId,
    ])
      expect(told?.text).toContain(part);
    const rows = (await journalRows(app)).filter((row) => row.requestId === requestId);
    expect(rows.map(({ action }) => action)).toEqual(["alert", "read"]);
    for (const row of rows)
      expect(row).toMatchObject({
        ...{ actorId: "demo", onBehalfOf: doctor.id, role: doctor.role, subject: patient },
        ground: "break-glass:life-threat",
      });
  });

  describe("from the cabinet", () => {
    const open = (cabinet: Cabinet, headers: Record<string, string>) =>
      cabinet.send("GET", `/../../fhir/Condition/${condition.id}`, undefined, headers);
    const emergency = { "x-purpose-of-use": "BTG", "x-emergency-reason": "unconscious" };

    it("takes purpose and reason, raises the alert and stands in the patient's journal", async () => {
      const cabinet = await entered();
      const before = (await alertsOf("Экстренный")).length;
      expect((await open(cabinet, {})).status).toBe(403);
      for (const [name, value] of Object.entries(emergency))
        expect((await open(cabinet, { [name]: value })).status, name).toBe(403);
      expect((await open(cabinet, { ...emergency, "x-emergency-reason": "Ivanov" })).status).toBe(400);
      expect((await open(cabinet, { ...emergency, "x-purpose-of-use": "HPAYMT" })).status).toBe(400);
      const opened = await open(cabinet, emergency);
      expect([opened.status, opened.body.id]).toEqual([200, condition.id]);
      expect((await citizen.get("/me/accesses?count=1")).body.accesses[0]).toMatchObject({
        actor: { kind: "practitioner", name: expect.any(String) },
        action: "read",
        ground: { code: "break-glass", text: expect.stringContaining("без сознания") },
      });
      await expect
        .poll(async () => (await alertsOf("Экстренный")).length, { timeout: 10_000 })
        .toBe(before + 1);
      expect((await alertsOf("Экстренный"))[0]?.text).toContain(`Practitioner/${doctor.id},`);
      // the purpose was the request's, not the session's
      expect((await open(cabinet, { "x-emergency-reason": "unconscious" })).status).toBe(403);
    });

    it("M-42 who is let in sees who else of the organisation has access, and on what ground", async () => {
      const cabinet = await entered();
      const holders = () => cabinet.get(`/access/holders?patient=${patient}`);
      const refused = await holders();
      expect([refused.status, refused.body.code]).toEqual([403, "access-denied"]);
      expect((await open(cabinet, emergency)).status).toBe(200);
      const team: CareTeam = {
        resourceType: "CareTeam",
        status: "active",
        subject: { reference: `Patient/${patient}` },
        participant: [{ member: { reference: `Practitioner/${doctor.id}` } }],
      };
      const made = [
        await fhir(office, "POST", "/CareTeam", team),
        await fhir(office, "POST", "/Appointment", appointment()),
      ];
      expect(made.map(({ status }) => status)).toEqual([201, 201]);
      await granted({ kind: "access", grantee: { booked: true }, rights: ["view"] });
      const nurse = await actingWorker(app, snilsOf.nurse);
      const until = new Date(Date.now() + 86_400_000).toISOString();
      const terms = { rights: ["view"], until, types: ["Condition", "Observation"] };
      await granted({ kind: "access", grantee: { organization: doctor.organization }, ...terms });
      await granted({ kind: "access", grantee: { practitioner: nurse.id }, rights: ["view", "enter"] });
      // of another organisation, so nobody's concern here
      await granted({ kind: "access", grantee: { organization: "1.2.643.5.1.13.13.12.2.77.90002" } });
      const { status, body, bytes } = await holders();
      expect(status, bytes.toString()).toBe(200);
      const [me, colleague] = [doctor, nurse].map(({ id }) => ({
        id,
        name: expect.stringMatching(/\S+ \S+/),
      }));
      const ground = (code: string, text: string) => ({ code, text, meaning: expect.any(String) });
      const permitted = ground("consent-access", "Согласие пациента на доступ к карте");
      expect(body.holders).toHaveLength(5);
      expect(body).toEqual({
        patient,
        organization: { oid: doctor.organization },
        unlisted: 0,
        sources: [
          { system: "frmr", status: expect.stringMatching(/fresh|cached/), asOf: expect.any(String) },
        ],
        holders: expect.arrayContaining([
          {
            practitioner: me,
            ground: ground("care-assigned", "Пациент закреплён за врачом"),
            rights: ["view", "enter"],
          },
          expect.objectContaining({
            practitioner: me,
            ground: ground("care-booked", "Пациент записан на приём и разрешил доступ"),
            rights: ["view"],
          }),
          { practitioner: colleague, ground: permitted, rights: ["view", "enter"] },
          { ground: permitted, ...terms },
          {
            practitioner: me,
            ground: ground("break-glass", "Экстренный доступ с указанием причины"),
            rights: ["view"],
            ...{ from: expect.any(String), until: expect.any(String) },
          },
        ]),
      });
      for (const clinical of ["Z00.0", condition.id, "unconscious", "без сознания"])
        expect(bytes.includes(clinical)).toBe(false);
      expect((await citizen.get("/me/accesses?count=1")).body.accesses[0]).toMatchObject({
        ...{ action: "access-holders", outcome: "ok", resourceType: "Consent" },
        ground: { code: "care-assigned" },
      });
      const wrong = await cabinet.get("/access/holders?patient=Иванов");
      expect([wrong.status, wrong.body.field]).toEqual([400, expect.stringContaining("patient")]);
      expect((await citizen.get(`/access/holders?patient=${patient}`)).body.code).toBe(
        "worker-session-required",
      );
    });

    it("asks for a login of the last minutes", async () => {
      const cabinet = await entered(Date.now() - 3_600_000);
      const refused = await open(cabinet, emergency);
      expect([refused.status, refused.body.issue[0].details.coding[0].code]).toEqual([
        401,
        "step-up-required",
      ]);
      expect((await open(cabinet, { "x-purpose-of-use": "HOPERAT" })).status).toBe(403);
    });

    it("a legal ground with its purpose opens a card too", async () => {
      const cabinet = await entered();
      const stated = { "x-legal-ground": "323-13-4-3" };
      expect((await open(cabinet, stated)).status).toBe(403);
      expect((await open(cabinet, { ...stated, "x-purpose-of-use": "HOPERAT" })).status).toBe(200);
    });
  });

  it("opens one patient a request, and a history tells each resource with its ground", async () => {
    const stranger = randomUUID();
    const other = { ...diagnosis(), id: randomUUID(), subject: { reference: `Patient/${stranger}` } };
    await app.parts.store.db.transaction().execute((trx) =>
      app.parts.resources.put(trx, {
        tenant: doctor.organization,
        type: "Condition",
        id: other.id,
        content: other,
        subject: stranger,
      }),
    );
    const ask = async (path: string) =>
      fetch(`${app.url}/fhir${path}`, {
        headers: {
          authorization: `Bearer ${await doctor.token("BTG")}`,
          "x-emergency-reason": "unconscious",
        },
      });
    const many = await ask("/Condition/_history?_count=200");
    expect([many.status, (await many.text()).includes("name one patient")]).toEqual([400, true]);
    expect((await ask(`/Condition/${condition.id}/_history`)).status).toBe(200);
    const { accesses } = (await citizen.get("/me/accesses?count=1")).body;
    expect(accesses[0]).toMatchObject({ action: "history-instance", ground: { code: "break-glass" } });
    await granted(toDoctor(["view"]));
    expect((await fhir(treating, "GET", "/Condition/_history?_count=200")).status).toBe(200);
    const rows = (await journalRows(app)).filter(({ action }) => action === "history-type");
    expect(rows).toContainEqual(
      expect.objectContaining({ resourceId: condition.id, subject: patient, ground: "consent-access" }),
    );
    expect(rows.some(({ subject }) => subject === stranger)).toBe(false);
  });
});

const alertsOf = async (subject: string) =>
  (await messagesTo(app, securityEmail)).filter((message) => message.subject.startsWith(subject));
const alerts = async (subject: string) => (await alertsOf(subject)).length;

describe("a legal ground (323-ФЗ art. 13 p. 4)", () => {
  const look = async (ground: string, purpose = "TREAT") =>
    fetch(`${app.url}/fhir/Condition/${condition.id}`, {
      headers: { authorization: `Bearer ${await doctor.token(purpose)}`, "x-legal-ground": ground },
    });
  const lastGround = async () => (await citizen.get("/me/accesses?count=1")).body.accesses[0].ground.code;

  it("opens the card past a refusal of the patient, and they read which it was", async () => {
    await granted({ kind: "access", decision: "deny", rights: ["view"] });
    expect(await read()).toBe(403);
    expect((await look("323-13-4-8")).status).toBe(200);
    expect(await lastGround()).toBe("323-13-4-8");
    expect(await write()).toBe(403);
  });

  it("serves its purpose only, and the operator says which may be stated", async () => {
    expect((await look("323-13-4-8", "HOPERAT")).status).toBe(403);
    for (const unknown of ["323-13-4-1", "323-13-4-11", "court"]) {
      const refused = await look(unknown);
      expect(refused.status).toBe(400);
      expect(await refused.text()).toContain("323-13-4-3, 323-13-4-8");
    }
  });

  it("that is not of every day is told to the security service", async () => {
    const before = await alerts("Доступ на основании закона");
    expect((await look("323-13-4-3", "HOPERAT")).status).toBe(200);
    expect(await lastGround()).toBe("323-13-4-3");
    await expect.poll(() => alerts("Доступ на основании закона"), { timeout: 10_000 }).toBe(before + 1);
  });
});

async function securityToken(): Promise<string> {
  const file = `${app.config.DATA_DIR}/demo-security-client.jwk.json`;
  const jwk = JSON.parse(await readFile(file, "utf8"));
  const tokenUrl = `${app.url}/auth/token`;
  const assertion = await clientAssertion({ clientId: "demo-security", jwk }, tokenUrl);
  const answer = await requestToken(tokenUrl, assertion, "system/AuditEvent.rs");
  return ((await answer.json()) as { access_token: string }).access_token;
}
