import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { AuditEvent, Bundle } from "@medplum/fhirtypes";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { classOf } from "../../src/access/data-classes.ts";
import { systemClock } from "../../src/core/clock.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { storedTypes } from "../../src/fhir/stored-types.ts";
import type { JournalRow } from "../../src/store/journal-format.ts";
import { indexJournal } from "../../src/store/journal-index.ts";
import { sealJournal } from "../../src/store/journal-seal.ts";
import type { WorldChange } from "../../src/systems/sandbox-world.ts";
import { snilsOf } from "../support/acting.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { claimedPatterns } from "../support/balp.ts";
import { Cabinet } from "../support/cabinet.ts";
import { freshDatabase } from "../support/database.ts";
import { testContext } from "../support/upstream.ts";

const patient = randomUUID();
let app: TestApp;
let officer: Cabinet;
let doctor: Cabinet;
let support: Cabinet;
let clinic: string;

beforeAll(async () => {
  const settings = {
    DATABASE_URL: await freshDatabase(),
    MASTER_KEY: Buffer.alloc(32, 8).toString("base64"),
    SIGN_IN_PER_MINUTE: "10000",
  };
  // who holds the duty is named by the logical id of a post, which the first sign-in makes
  app = await startApp(settings);
  const roleOf = async (persona: string) => (await (await signedIn(persona)).get("/me")).body.roles[0].id;
  const duties = { SECURITY_ROLES: await roleOf("chief"), SUPPORT_ROLES: await roleOf("nurse") };
  await app.close();
  app = await startApp({ ...settings, ...duties });
  officer = await signedIn("chief");
  doctor = await signedIn("doctor");
  support = await signedIn("nurse");
  clinic = (await officer.get("/me")).body.organization.oid;
});
afterAll(() => app?.close());

async function signedIn(persona: string, as = "worker"): Promise<Cabinet> {
  const cabinet = new Cabinet(app.url);
  const answer = await cabinet.visitor.follow(`${app.url}/auth/login?as=${as}&persona=${persona}`);
  expect(answer.status, answer.text).toBe(200);
  expect((await cabinet.acceptTerms()).status).toBe(200);
  return cabinet;
}

const fhir = (who: Cabinet, path: string) => who.send("GET", `/../../fhir${path}`);
/** A resource of the clinic about a person; its id. */
async function stored(type: string, subject: string, tenant = clinic): Promise<string> {
  const { resources, store } = app.parts;
  const id = randomUUID();
  const content = { resourceType: type, id, subject: { reference: `Patient/${subject}` } };
  await store.db.transaction().execute((trx) => resources.put(trx, { tenant, type, id, subject, content }));
  return id;
}
const refusedRequest = async () =>
  (await fhir(doctor, `/Observation/${patient}`)).headers.get("x-request-id") ?? "";

const actReason = "http://terminology.hl7.org/CodeSystem/v3-ActReason";

describe("a person with the security duty", () => {
  it("M-42 sees who of their organisation has access to a patient's data; a refusal names who has not", async () => {
    const { db } = app.parts.store;
    // of no other test: what is permitted is remembered for a minute
    const patient = randomUUID();
    const id = (await doctor.get("/me")).body.id;
    const fact = {
      ...{ tenant: "shared", kind: "access" as const, patient },
      ...{ rights: ["view"], booked: false, granted_at: 0 },
    };
    const permit = { ...fact, id: randomUUID(), decision: "permit", organization: clinic } as const;
    const refusal = { ...fact, id: randomUUID(), decision: "deny", practitioner: id } as const;
    const path = `/access/holders?patient=${patient}`;
    await db.insertInto("consent_fact").values(permit).execute();
    const holder = { ground: expect.objectContaining({ code: "consent-access" }), rights: ["view"] };
    expect((await officer.get(path)).body.holders).toEqual([holder]);
    await db.insertInto("consent_fact").values(refusal).execute();
    const except = [{ id, name: expect.stringContaining("Врачев") }];
    expect((await officer.get(path)).body.holders).toEqual([{ ...holder, except }]);
    expect((await doctor.get(path)).body.code).toBe("access-denied");
    await db.updateTable("consent_fact").set({ practitioner: null }).where("id", "=", refusal.id).execute();
    expect((await officer.get(path)).body.holders).toEqual([]);
    await db.deleteFrom("consent_fact").execute();
  });

  describe("who opened a card in an emergency, or is assigned to it", () => {
    const idOf = async (snils: string) => {
      const ctx = testContext(systemClock, { deadline: Date.now() + 10_000 });
      return (await app.parts.practitioners.cardBySnils(snils, ctx)).value.practitioner.id ?? "";
    };
    const holdersOf = async (subject: string) => {
      const { status, body } = await officer.get(`/access/holders?patient=${subject}`);
      expect(status, JSON.stringify(body)).toBe(200);
      return body;
    };
    const assigned = (subject: string, practitioner: string, ends_at: number | null = null) => ({
      ...{ tenant: clinic, type: "CareTeam", id: randomUUID(), kind: "assigned" as const },
      ...{ patient: subject, practitioner, organization: clinic, ends_at },
    });
    const assign = (rows: ReturnType<typeof assigned>[]) =>
      app.parts.store.db.insertInto("care_relation").values(rows).execute();
    afterEach(() => vi.restoreAllMocks());

    it("M-42 an emergency is told behind any crowd of rows, with the rights of its ground, of this organisation alone", async () => {
      const subject = randomUUID();
      const world = (await (await fetch(`${app.sandboxUrl}/_world`)).json()) as Required<WorldChange>;
      const ofAnother = world.people.find(({ id }) => id === "nomiddle")?.snils ?? "";
      const [doctorId = "", nurseId = "", secondId = "", strangerId = ""] = await Promise.all(
        [snilsOf.doctor, snilsOf.nurse, snilsOf.doctorTwo, ofAnother].map(idOf),
      );
      const at = Date.now();
      const write = (actorId: string, more: Partial<JournalRow>) =>
        app.parts.journal.append({
          ...{ at, tenant: clinic, requestId: randomUUID(), actorKind: "practitioner", actorId },
          ...{ action: "alert", subject, outcome: "ok", ground: "323-13-4-1", ...more },
        });
      await write(doctorId, {});
      // too old, of another organisation, of one who works there only
      await write(doctorId, { at: at - 400_000, ground: "break-glass:unconscious" });
      await write(secondId, { organization: "1.2.643.5.1.13.13.12.2.77.90002" });
      await write(secondId, { tenant: "1.2.643.5.1.13.13.12.2.77.90002", holder: clinic });
      await write(strangerId, {});
      const crowd = Array.from({ length: 210 }, () => [
        write(nurseId, { ground: "break-glass:life-threat" }),
        write(secondId, { action: "read", ground: "323-13-4-1" }),
      ]);
      await Promise.all(crowd.flat());
      const { holders, sources, unlisted } = await holdersOf(subject);
      const by = (id: string, code: string) => ({
        practitioner: { id, name: expect.any(String) },
        ground: expect.objectContaining({ code }),
        from: new Date(at).toISOString(),
        until: new Date(at + 300_000).toISOString(),
      });
      expect(holders).toHaveLength(2);
      expect(holders).toEqual(
        expect.arrayContaining([
          { ...by(doctorId, "323-13-4-1"), rights: ["view", "enter"] },
          { ...by(nurseId, "break-glass"), rights: ["view"] },
        ]),
      );
      expect([unlisted, sources]).toEqual([0, [expect.objectContaining({ system: "frmr" })]]);
    });

    it("M-42 of whom ФРМР does not answer is listed as unconfirmed, who is active there no more is not", async () => {
      const subject = randomUUID();
      const { practitioners } = app.parts;
      const [silent = "", nurse = "", left = ""] = await Promise.all(
        [snilsOf.doctor, snilsOf.nurse, snilsOf.doctorTwo].map(idOf),
      );
      await assign([silent, nurse, left, randomUUID()].map((id) => assigned(subject, id)));
      const real = practitioners.cardById.bind(practitioners);
      vi.spyOn(practitioners, "cardById").mockImplementation(async (id, ctx) => {
        if (id === silent) throw new GatewayError("upstream-unavailable", { system: "frmr", retryAfter: 7 });
        const { value, sources } = await real(id, ctx);
        if (id !== left) return { value, sources };
        return {
          value: { ...value, roles: value.roles.map((role) => ({ ...role, active: false })) },
          sources,
        };
      });
      const { holders, sources } = await holdersOf(subject);
      const held = { ground: expect.objectContaining({ code: "care-assigned" }), rights: ["view", "enter"] };
      expect(holders).toHaveLength(2);
      expect(holders).toEqual(
        expect.arrayContaining([
          { ...held, practitioner: { id: silent, unconfirmed: true } },
          { ...held, practitioner: { id: nurse, name: expect.stringMatching(/\S+ \S+/) } },
        ]),
      );
      expect(sources).toMatchObject([{ system: "frmr", status: "unavailable", retryAfter: 7 }]);
    });

    it("a great team is asked for a few at a time, the longest assigned first, and how many are left out is told", async () => {
      const subject = randomUUID();
      const { practitioners } = app.parts;
      const nurse = await idOf(snilsOf.nurse);
      const soon = Date.now() + 60_000;
      const team = Array.from({ length: 220 }, () => assigned(subject, randomUUID(), soon));
      await assign(team);
      await assign(Array.from({ length: 220 }, () => assigned(subject, randomUUID(), 1)));
      await assign([assigned(subject, nurse)]);
      const members = new Set([nurse, ...team.map(({ practitioner }) => practitioner)]);
      const real = practitioners.cardById.bind(practitioners);
      let [asked, running, most] = [0, 0, 0];
      vi.spyOn(practitioners, "cardById").mockImplementation(async (id, ctx) => {
        if (members.has(id)) asked++;
        most = Math.max(most, ++running);
        await setImmediate();
        return real(id, ctx).finally(() => running--);
      });
      const { holders, unlisted } = await holdersOf(subject);
      expect(holders).toMatchObject([{ practitioner: { id: nurse } }]);
      expect([asked, unlisted]).toEqual([200, 21]);
      expect(most).toBeLessThanOrEqual(8);
    });
  });

  it("reads the journal of their organisation and has its refusals explained; both are journalled", async () => {
    const requestId = await refusedRequest();
    const explained = await officer.get(`/access/explain?requestId=${requestId}`);
    expect(explained.status, JSON.stringify(explained.body)).toBe(200);
    const found = await fhir(officer, "/AuditEvent?_count=50");
    expect(found.status, JSON.stringify(found.body)).toBe(200);
    const events = ((found.body as Bundle<AuditEvent>).entry ?? []).flatMap(({ resource }) => resource ?? []);
    const ofExplain = events.find(({ subtype }) => subtype?.[0]?.code === "explain");
    expect(ofExplain).toMatchObject({
      outcome: "0",
      purposeOfEvent: [{ coding: [{ system: actReason, code: "TREAT" }] }],
      agent: [
        {
          type: { coding: [{ code: "IRCP" }] },
          requestor: true,
          purposeOfUse: [{ coding: [{ code: "TREAT" }] }],
        },
        { type: { coding: [{ code: "110153" }] }, who: { display: "cabinet" }, requestor: false },
        { type: { coding: [{ code: "110152" }] }, who: { display: "cabinet-gateway" } },
        { type: { coding: [{ code: "PROV" }] }, who: { identifier: { value: `urn:oid:${clinic}` } } },
      ],
    });
    expect(ofExplain?.entity?.at(-1)?.detail).toContainEqual({
      type: "ground",
      valueString: "security-duty",
    });
    for (const { agent } of events)
      expect(agent.map(({ who }) => who?.identifier?.value)).toContain(`urn:oid:${clinic}`);
  });

  it("is shown their own journal there, and no patient's", async () => {
    const refused = await officer.get(`/me/accesses?patient=${patient}`);
    expect([refused.status, refused.body.code]).toEqual([403, "citizen-session-required"]);
  });

  it("has it explained what a citizen read of their organisation's data, of no other's, listed or not", async () => {
    const citizen = await signedIn("citizen", "citizen");
    const { id: person } = (await citizen.get("/me")).body;
    const id = await stored("Observation", person);
    const elsewhere = await stored("Observation", person, "1.2.643.5.1.13.13.12.2.77.90002");
    const { headers, body } = await citizen.get("/me/records?type=Observation");
    const shown = (body.records as { resource: { id: string } }[]).map(({ resource }) => resource.id);
    expect(shown).toEqual(expect.arrayContaining([id, elsewhere]));
    const explained = async () =>
      (await officer.get(`/access/explain?requestId=${headers.get("x-request-id")}`)).body.accesses;
    const told = [
      expect.objectContaining({
        actor: { kind: "patient", id: person },
        action: "search",
        resourceId: id,
        subject: person,
        decision: expect.objectContaining({ reason: expect.objectContaining({ code: "own-data" }) }),
      }),
    ];
    expect(await explained()).toEqual(told);
    const isFound = async () =>
      JSON.stringify((await fhir(officer, `/AuditEvent?entity=Patient/${person}`)).body).includes(
        headers.get("x-request-id") ?? "",
      );
    expect(await isFound()).toBe(true);
    const { store, keyring } = app.parts;
    const groups = store.db.selectFrom("journal_group");
    const { last } = await groups.select(({ fn }) => fn.max("id").as("last")).executeTakeFirstOrThrow();
    const listed = async () => {
      await sealJournal({ db: store.db, keyring, clock: systemClock });
      await indexJournal({ db: store.db, keyring });
      const index = await store.db.selectFrom("journal_index").select("position").executeTakeFirstOrThrow();
      const { position } = await groups.select("position").where("id", "=", last).executeTakeFirstOrThrow();
      return position !== null && position <= index.position;
    };
    await expect.poll(listed).toBe(true);
    expect(await explained()).toEqual(told);
    expect(await isFound()).toBe(true);
    const period = `since=${new Date(Date.now() - 60_000).toISOString()}&before=${new Date(Date.now() + 60_000).toISOString()}`;
    const { counts } = (await officer.get(`/access/summary?${period}`)).body;
    expect(counts).toContainEqual({
      ...{ organization: "", holder: clinic, action: "search", resourceType: "Observation" },
      ...{ outcome: "ok", count: 1 },
    });
  });

  it("has it explained what of their organisation's data a citizen was refused", async () => {
    const citizen = await signedIn("citizen", "citizen");
    const { id: person } = (await citizen.get("/me")).body;
    const { resources, store } = app.parts;
    const [id, somebody] = [randomUUID(), randomUUID()];
    const content = { resourceType: "Condition", id, subject: { reference: `Patient/${somebody}` } };
    const misfiled = { tenant: clinic, type: "Condition", id, subject: person, content };
    await store.db.transaction().execute((trx) => resources.put(trx, misfiled));
    const { headers, body } = await citizen.get("/me/records?type=Condition");
    expect(JSON.stringify(body)).not.toContain(id);
    const explained = await officer.get(`/access/explain?requestId=${headers.get("x-request-id")}`);
    expect(explained.body.accesses).toEqual([
      expect.objectContaining({
        ...{ action: "hidden search", resourceId: id, subject: somebody, outcome: "access-denied" },
        decision: expect.objectContaining({ effect: "refuse" }),
      }),
    ]);
  });

  it("R-42 a doctor's search is an event with its query and address, sealed in the database; a change is one too", async () => {
    const { id } = (await doctor.get("/me")).body;
    const asked = `Location?name=${randomUUID()}`;
    const long = `Location?name=${"x".repeat(3_000)}`;
    const answers = [await fhir(doctor, `/${asked}`), await fhir(doctor, `/${long}`)];
    const requests = answers.map(({ headers }) => headers.get("x-request-id") ?? "");
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const change = await doctor.send("POST", "/me/verification");
    expect(change.status).toBe(201);
    const found = (await fhir(officer, `/AuditEvent?agent=Practitioner/${id}&_count=20`))
      .body as Bundle<AuditEvent>;
    expect(JSON.stringify(found)).toContain(change.headers.get("x-request-id"));
    const searches = (found.entry ?? []).flatMap(({ resource }) =>
      resource && requests.some((request) => JSON.stringify(resource).includes(request)) ? resource : [],
    );
    const queries = searches.map(({ entity }) => Buffer.from(entity?.[0]?.query ?? "", "base64").toString());
    expect(queries).toEqual([`${long.slice(0, 1_024)}…`, asked]);
    for (const event of searches) {
      expect(claimedPatterns(event)).toEqual(["Query"]);
      expect(event.agent[1]?.network).toEqual({ address: "127.0.0.1", type: "2" });
    }
    const { rows } = await sql<{ text: string }>`
      select string_agg(lines, ' ') as text from journal_group`.execute(app.parts.store.db);
    expect(rows[0]?.text).toContain(id);
    expect(rows[0]?.text).not.toMatch(/name=|127\.0\.0\.1/);
  });

  it("V-13, V-49 the log of verifications, each login's among them, is its owner's, the officer's and support's", async () => {
    const { id } = (await doctor.get("/me")).body;
    expect((await doctor.send("POST", "/me/verification")).status).toBe(201);
    const logOf = async (who: Cabinet) => {
      const found = await fhir(who, `/AuditEvent?agent=Practitioner/${id}&_count=50`);
      const matches = (found.body as Bundle<AuditEvent>).entry?.filter(
        ({ search }) => search?.mode === "match",
      );
      return (matches ?? []).flatMap(({ resource }) => resource ?? []);
    };
    const told = (await logOf(officer)).filter(({ subtype }) => subtype?.[0]?.code === "identity-verified");
    // of the login, and of the check asked for
    expect(told.length).toBeGreaterThanOrEqual(2);
    for (const { outcome } of told) expect(outcome).toBe("0");
    const [event] = told;
    expect((await fhir(officer, `/AuditEvent/${event?.id}`)).status).toBe(200);
    const own = (await doctor.get("/me/accesses?view=by-me&count=50")).body.accesses as { action: string }[];
    expect(own.filter(({ action }) => action === "identity-verified").length).toBeGreaterThanOrEqual(2);

    const other = await signedIn("norole");
    expect(await logOf(other)).toEqual([]);
    expect((await fhir(other, `/AuditEvent/${event?.id}`)).status).toBe(403);
    expect((await other.get("/me/verifications")).body.items).toEqual([]);

    expect((await fhir(support, `/AuditEvent/${event?.id}`)).status).toBe(200);
    for (const who of [officer, support]) {
      const { id: reader } = (await who.get("/me")).body;
      const reads = await fhir(officer, `/AuditEvent?agent=Practitioner/${reader}&_count=50`);
      expect(JSON.stringify(reads.body)).toContain(`AuditEvent/${event?.id}`);
    }
  });

  it("Z-08 the journal has four scopes: own deeds, own data, verifications for support, the whole for security", async () => {
    const subtypesFor = async (who: Cabinet, path: string) => {
      const { status, body } = await fhir(who, path);
      expect(status, JSON.stringify(body)).toBe(200);
      const matches =
        (body as Bundle<AuditEvent>).entry?.filter(({ search }) => search?.mode === "match") ?? [];
      return matches.map(({ resource }) => resource?.subtype?.[0]?.code ?? "");
    };
    const verifications = [
      "authenticated",
      "identity-verified",
      "identity-not-verified",
      "second-factor-assumed",
      "sign-in",
      "step-up",
    ];
    const { id } = (await doctor.get("/me")).body;
    await doctor.get("/me/accesses");
    const whole = `/AuditEvent?agent=Practitioner/${id}&_count=100`;

    // the specialist's cabinet: what they did themselves, and nobody else's deeds
    const own = (await doctor.get("/me/accesses?view=by-me&count=100")).body.accesses as {
      action: string;
      actor: { name?: string };
    }[];
    expect(own.map(({ action }) => action)).toEqual(expect.arrayContaining(["sign-in", "own-journal"]));
    for (const { actor } of own) expect(actor.name).toMatch(/^Врачев /);
    expect((await fhir(doctor, whole)).status).toBe(403);

    // support: how the owner was verified, and nothing that they did afterwards
    const supported = await subtypesFor(support, whole);
    expect(supported).toEqual(expect.arrayContaining(["authenticated", "identity-verified", "sign-in"]));
    expect(supported.filter((action) => !verifications.includes(action))).toEqual([]);
    expect((await support.get(`/access/explain?requestId=${randomUUID()}`)).status).toBe(403);
    const period = `since=${new Date(Date.now() - 60_000).toISOString()}&before=${new Date().toISOString()}`;
    expect((await support.get(`/access/summary?${period}`)).status).toBe(403);

    // the security service: that and the rest
    expect(await subtypesFor(officer, whole)).toEqual(expect.arrayContaining(["own-journal", "sign-in"]));

    // the patient: who looked at their data, and no rows of other people
    const citizen = await signedIn("citizen", "citizen");
    const { id: patientId } = (await citizen.get("/me")).body;
    expect((await fhir(doctor, `/Condition/${await stored("Condition", patientId)}`)).status).toBe(403);
    const { accesses } = (await citizen.get("/me/accesses")).body as { accesses: { actor: object }[] };
    expect(accesses.map(({ actor }) => actor)).toContainEqual(
      expect.objectContaining({ kind: "practitioner" }),
    );
    const stranger = await signedIn("chief", "citizen");
    expect(JSON.stringify((await stranger.get("/me/accesses")).body)).not.toContain('"practitioner"');
  });

  it("without it neither is open, whatever the post is", async () => {
    for (const answer of [
      await doctor.get(`/access/explain?requestId=${randomUUID()}`),
      await fhir(doctor, `/AuditEvent/1.1`),
    ])
      expect([answer.status, JSON.stringify(answer.body)]).toEqual([
        403,
        expect.stringContaining("missing: own-record, security-duty"),
      ]);
    const found = await fhir(doctor, "/AuditEvent?_count=50");
    expect((found.body as Bundle).entry?.filter(({ search }) => search?.mode === "match") ?? []).toEqual([]);
  });

  // a worker sees the working data of their organisation, with the duty or without
  const closed = storedTypes
    .map(({ type }) => type)
    .filter((type) => !["system", "work"].includes(classOf(type, patient) ?? ""));
  it.each(closed)("opens no %s", async (type) => {
    const id = await stored(type, patient);
    expect((await fhir(officer, `/${type}/${id}`)).status).toBe(403);
    const found = await fhir(officer, `/${type}?_id=${id}`);
    expect(JSON.stringify(found.body)).not.toContain(patient);
  });
});
