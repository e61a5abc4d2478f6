import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Resource } from "@medplum/fhirtypes";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { components } from "../../src/api/cabinet/types.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { consentPlace } from "../../src/flows/consent/consent-store.ts";
import { expiry } from "../../src/jobs/expiry.ts";
import { personalPurges } from "../../src/store/personal-purges.ts";
import { liftHold, placeHold } from "../../src/store/retention-holds.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { type Answer, Cabinet } from "../support/cabinet.ts";
import { codeSentTo, messagesTo } from "../support/messages.ts";
import { journalRows } from "../support/sign-in.ts";

type View = components["schemas"];

const citizenPhone = "+79990000005";
const clinic = "1.2.643.5.1.13.13.12.2.77.90001";

let app: TestApp;
let citizen: Cabinet;
let doctor: Cabinet;
let patientId: string;
let doctorId: string;

beforeAll(async () => {
  app = await startApp({ SIGN_IN_PER_MINUTE: "10000" });
  citizen = await signedIn("citizen", "citizen");
  doctor = await signedIn("doctor", "worker");
  patientId = (await citizen.get("/me")).body.id;
  doctorId = (await doctor.get("/me")).body.id;
});
afterAll(() => app?.close());
beforeEach(async () => {
  const { db } = app.parts.store;
  await db.deleteFrom("consent_fact").execute();
  await db.deleteFrom("one_time_code").execute();
  await db.deleteFrom("resource").where("type", "=", "Consent").execute();
});

async function signedIn(persona: string, as: string): Promise<Cabinet> {
  const cabinet = new Cabinet(app.url);
  const answer = await cabinet.visitor.follow(`${app.url}/auth/login?as=${as}&persona=${persona}`);
  expect(answer.status, answer.text).toBe(200);
  expect((await cabinet.acceptTerms()).status).toBe(200);
  return cabinet;
}

const codesSent = async (phone = citizenPhone) =>
  (await messagesTo(app, phone)).filter(({ text }) => /^\d{6}/.test(text)).length;

/** Prepares a consent; the answer and the code that the message brought. */
async function prepared(terms: object, who = citizen) {
  const before = await codesSent();
  const answer = await who.send("POST", "/me/consents", terms);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  const { consent } = answer.body as View["PreparedConsent"];
  return { consent, body: answer.body, code: await codeSentTo(app, citizenPhone, before) };
}

const confirm = (id: string, code: string, who = citizen) =>
  who.send("POST", `/me/consents/${id}/confirmation`, { code });

async function granted(terms: object): Promise<View["Consent"]> {
  const { consent, code } = await prepared(terms);
  const answer = await confirm(consent.id, code);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body;
}

async function withdrawn(id: string): Promise<Answer> {
  const before = await codesSent();
  expect((await citizen.send("POST", `/me/consents/${id}/code`)).status).toBe(200);
  const code = await codeSentTo(app, citizenPhone, before);
  return citizen.send("POST", `/me/consents/${id}/withdrawal`, { code });
}

const processing = { kind: "processing" };
const toDoctor = (more: object = {}) => ({ kind: "access", grantee: { practitioner: doctorId }, ...more });
const rows = () => app.parts.store.db.selectFrom("consent_fact").selectAll().execute();
const mine = async (): Promise<View["Consent"][]> => (await citizen.get("/me/consents")).body.consents;

describe("a permission", () => {
  it("is shown word for word, holds after the code and no sooner", async () => {
    await granted(processing);
    const { consent, body } = await prepared(toDoctor({ rights: ["view"] }));
    expect(body.code).toMatchObject({ channel: "sms", to: "+7 *** ***-00-05" });
    expect(consent).toMatchObject({ status: "draft", patient: { id: patientId }, rights: ["view"] });
    expect(consent.text.body).toContain("Врачев Иван Примерович");
    expect((await rows()).map(({ kind }) => kind)).toEqual(["processing"]);
    expect((await doctor.get("/me/permissions")).body.consents).toEqual([]);
    const code = await codeSentTo(app, citizenPhone);
    const confirmed = await confirm(consent.id, code);
    expect(confirmed.body).toMatchObject({ status: "active", grantedAt: expect.any(String) });
    expect(confirmed.body.text).toEqual(consent.text);
    expect((await rows()).find(({ kind }) => kind === "access")).toMatchObject({
      patient: patientId,
      practitioner: doctorId,
      rights: ["view"],
    });
  });

  it("both sides see it, and neither after the withdrawal", async () => {
    await granted(processing);
    const { id } = await granted(toDoctor());
    const permitted = (await doctor.get("/me/permissions")).body.consents;
    expect(permitted).toEqual([
      expect.objectContaining({ id, patient: expect.objectContaining({ id: patientId }) }),
    ]);
    const back = await withdrawn(id);
    expect(back.body).toMatchObject({ id, status: "inactive", withdrawnAt: expect.any(String) });
    expect((await doctor.get("/me/permissions")).body.consents).toEqual([]);
    expect((await mine()).map(({ id: of, status }) => [of, status])).toContainEqual([id, "inactive"]);
  });

  it("M-41 is not given to a worker who is not active", async () => {
    await granted(processing);
    const dismissed = await app.parts.identities.idOf("frmr-practitioner", "90000000485");
    for (const practitioner of [dismissed, randomUUID()]) {
      const answer = await citizen.send("POST", "/me/consents", {
        kind: "access",
        grantee: { practitioner },
      });
      expect([answer.status, answer.body.code]).toEqual([422, "grantee-inactive"]);
    }
    const elsewhere = { practitioner: doctorId, organization: "1.2.643.5.1.13.13.12.2.77.90002" };
    const answer = await citizen.send("POST", "/me/consents", { kind: "access", grantee: elsewhere });
    expect(answer.body.code).toBe("grantee-inactive");
  });

  it("given to the organisation is seen by its workers, in its period", async () => {
    await granted(processing);
    const until = new Date(Date.now() + 86_400_000).toISOString();
    await granted({ kind: "access", grantee: { organization: clinic }, until, types: ["Condition"] });
    const [permitted] = (await doctor.get("/me/permissions")).body.consents;
    expect(permitted).toMatchObject({
      grantee: { organization: { oid: clinic, name: expect.stringContaining("поликлиника") } },
      until,
      types: ["Condition"],
    });
  });
});

describe("the consent to processing", () => {
  it("M-14 without the patient's confirmation is not in force", async () => {
    const { consent } = await prepared(processing);
    expect(consent.status).not.toBe("active");
    expect(await rows()).toEqual([]);
    await app.parts.store.db.deleteFrom("one_time_code").execute();
    const refused = await citizen.send("POST", "/me/consents", toDoctor());
    expect([refused.status, refused.body.code]).toEqual([409, "processing-consent-required"]);
  });

  it("is a document of its own with the version of its text", async () => {
    const { title, text } = await granted(processing);
    expect(title).toBe("Согласие на обработку персональных данных");
    expect(text.version).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(text.body).toContain("152-ФЗ");
  });

  it("withdrawn takes the permissions that rest on it along, nothing else", async () => {
    const base = await granted(processing);
    const access = await granted(toDoctor());
    const refusal = await granted({ kind: "access", decision: "deny", grantee: { organization: clinic } });
    const care = await granted({ kind: "treatment", grantee: { organization: clinic } });
    expect((await withdrawn(base.id)).status).toBe(200);
    const states = Object.fromEntries((await mine()).map(({ id, status }) => [id, status]));
    expect(states).toEqual({
      [base.id]: "inactive",
      [access.id]: "inactive",
      [refusal.id]: "active",
      [care.id]: "active",
    });
    expect((await rows()).map(({ kind, decision }) => `${kind} ${decision}`).sort()).toEqual([
      "access deny",
      "treatment permit",
    ]);
  });

  it("withdrawn takes along a permission that hundreds of later consents stand before", async () => {
    const processed = await granted(processing);
    const { id } = await granted(toDoctor());
    const { store, resources } = app.parts;
    const key = { tenant: "shared", type: "Consent" };
    const content = (await resources.get(store.db, { ...key, id }))?.content as Resource;
    await store.db.transaction().execute(async (trx) => {
      for (let n = 0; n < 201; n++) {
        const copy = { ...content, id: randomUUID(), status: "inactive" } as Resource & { id: string };
        await resources.put(trx, { ...key, id: copy.id, content: copy, subject: patientId });
      }
    });
    await withdrawn(processed.id);
    const facts = await store.db.selectFrom("consent_fact").select("id").where("id", "=", id).execute();
    expect(facts).toEqual([]);
  });

  it("is not needed to refuse", async () => {
    expect(await granted({ kind: "access", decision: "deny" })).toMatchObject({ status: "active" });
  });
});

describe("what goes wrong", () => {
  it("a wrong code names what to do, three of them lock", async () => {
    const { consent, code } = await prepared(processing);
    const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, "0");
    const first = await confirm(consent.id, wrong);
    expect([first.status, first.body.code]).toEqual([422, "code-wrong"]);
    const steps = ["номер телефона", "запросите новый код", "cookie", "поддержку"];
    const places = steps.map((step) => first.body.remedy.indexOf(step));
    expect(places.every((place, index) => place > (places[index - 1] ?? -1))).toBe(true);
    await confirm(consent.id, wrong);
    const third = await confirm(consent.id, wrong);
    expect([third.status, third.body.code]).toEqual([429, "code-locked"]);
    expect(third.body.remedy).toContain("поддержку");
    expect((await confirm(consent.id, code)).body.code).toBe("code-locked");
    expect(await rows()).toEqual([]);
  });

  it("a code with spaces, of another consent, or used before confirms nothing", async () => {
    const { consent, code } = await prepared(processing);
    expect((await confirm(consent.id, `${code.slice(0, 3)} ${code.slice(3)}`)).body.code).toBe(
      "code-malformed",
    );
    expect((await confirm(randomUUID(), code)).status).toBe(404);
    expect((await confirm(consent.id, code)).status).toBe(200);
    // confirmed before: the same answer, nothing done twice
    expect((await confirm(consent.id, code)).body).toMatchObject({ status: "active" });
    const withdrawal = await citizen.send("POST", `/me/consents/${consent.id}/withdrawal`, { code });
    expect(withdrawal.body.code).toBe("code-expired");
    expect(await rows()).toHaveLength(1);
  });

  it("a withdrawn consent is not confirmed again", async () => {
    const { id } = await granted(processing);
    await withdrawn(id);
    expect((await confirm(id, "123456")).body.code).toBe("consent-settled");
    expect((await citizen.send("POST", `/me/consents/${id}/code`)).body.code).toBe("consent-settled");
  });

  it("withdrawn twice is withdrawn once, and by a stranger not at all", async () => {
    const { id } = await granted(processing);
    const stranger = await signedIn("doctor", "citizen");
    const before = await codesSent();
    expect((await citizen.send("POST", `/me/consents/${id}/code`)).status).toBe(200);
    const code = await codeSentTo(app, citizenPhone, before);
    const path = `/me/consents/${id}/withdrawal`;
    expect((await stranger.send("POST", path, { code })).body.code).toBe("access-denied");
    const first = await citizen.send("POST", path, { code });
    const second = await citizen.send("POST", path, { code });
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body.withdrawnAt).toBe(first.body.withdrawnAt);
    const deeds = (await journalRows(app)).filter(({ resourceId }) => resourceId === id);
    expect(new Set(deeds.map(({ actorId }) => actorId)).has(patientId)).toBe(true);
  });

  it("what nobody could mean is refused at its field", async () => {
    await granted(processing);
    const day = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString();
    for (const [terms, status] of [
      [toDoctor({ from: day(3), until: day(2) }), 422],
      [toDoctor({ from: day(-3), until: day(-2) }), 422],
      [toDoctor({ until: "когда-нибудь" }), 400],
      [toDoctor({ from: "2026-02-30T00:00:00Z" }), 400],
      [toDoctor({ until: "+275760-09-13T00:00:00Z" }), 400],
      [toDoctor({ types: ["Diagnosis"] }), 422],
      [toDoctor({ types: ["Condition", "Practitioner"] }), 422],
      [toDoctor({ types: [] }), 400],
      [toDoctor({ labels: ["U"] }), 400],
      [toDoctor({ rights: ["view", "delete"] }), 400],
      [toDoctor({ patient: randomUUID() }), 403],
    ] as const) {
      const answer = await citizen.send("POST", "/me/consents", terms);
      expect([terms, answer.status]).toEqual([terms, status]);
    }
  });

  it("a second code within a minute waits", async () => {
    const { consent } = await prepared(processing);
    const soon = await citizen.send("POST", `/me/consents/${consent.id}/code`);
    expect([soon.status, soon.body.code]).toEqual([429, "code-too-soon"]);
    expect(Number(soon.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it.each([
    [{ kind: "access" }, 422],
    [{ kind: "access", grantee: { booked: true }, types: ["Condition"] }, 422],
    [{ kind: "sale" }, 400],
    [{ kind: "access", grantee: { practitioner: "Иванов" } }, 400],
    [{ kind: "access", rights: [], grantee: { booked: true } }, 400],
    [{ kind: "access", grantee: { booked: true }, until: "2020-01-01T00:00:00Z" }, 422],
    [{ kind: "access", grantee: { organization: "1.2.643.5.1.13.13.12.2.77.1" } }, 404],
  ])("%j is refused with %d, and no code is sent", async (terms, status) => {
    const before = await codesSent();
    const answer = await citizen.send("POST", "/me/consents", terms);
    expect([answer.status, answer.body.code]).toEqual([status, expect.any(String)]);
    expect(await codesSent()).toBe(before);
  });

  it("another person's consent is theirs", async () => {
    const { consent, code } = await prepared(processing);
    const stranger = await signedIn("doctor", "citizen");
    for (const answer of [
      await confirm(consent.id, code, stranger),
      await stranger.send("POST", `/me/consents/${consent.id}/code`),
      await stranger.get(`/me/consents?patient=${patientId}`),
      await stranger.send("POST", "/me/consents", { kind: "processing", patient: patientId }),
    ])
      expect([answer.status, answer.body.code]).toEqual([403, "access-denied"]);
    expect((await doctor.get("/me/consents")).body.code).toBe("citizen-session-required");
    expect((await citizen.get("/me/permissions")).body.code).toBe("worker-session-required");
  });

  it("a consent that can't be announced is acknowledged when no replica trusts what it knew", async () => {
    const { consent, code } = await prepared(processing);
    const { cache } = app.parts;
    const real = cache.bump;
    const raised: string[] = [];
    cache.bump = (subject) => {
      raised.push(subject);
      return Promise.reject(new GatewayError("store-unavailable", { retryAfter: 2 }));
    };
    const key = { "idempotency-key": randomUUID() };
    const path = `/me/consents/${consent.id}/confirmation`;
    const answer = await citizen.send("POST", path, { code }, key);
    // once more after the lease
    expect(raised).toEqual([patientId, patientId]);
    cache.bump = real;
    expect([answer.status, answer.body.status]).toEqual([200, "active"]);
    expect(await deedsOf(consent.id)).toEqual(["consent-prepared", "consent-granted"]);
    expect((await citizen.send("POST", path, { code }, key)).status).toBe(200);
    expect((await deedsOf(consent.id)).at(-1)).toBe("repeated consent-granted");
  });

  it("a consent whose announcement fails has its journal row nevertheless", async () => {
    const { consent, code } = await prepared(processing);
    const { cache } = app.parts;
    const real = cache.bump;
    cache.bump = () => Promise.reject(new GatewayError("internal"));
    const failed = await citizen.send("POST", `/me/consents/${consent.id}/confirmation`, { code });
    cache.bump = real;
    expect(failed.status).toBe(500);
    expect(await deedsOf(consent.id)).toContain("consent-granted");
  });
});

const deedsOf = async (id: string) =>
  (await journalRows(app)).filter(({ resourceId }) => resourceId === id).map(({ action }) => action);

describe("the journal", () => {
  it("has every step of a consent, with its patient", async () => {
    await granted(processing);
    const { id } = await granted(toDoctor());
    await withdrawn(id);
    const deeds = (await journalRows(app)).filter(({ resourceId }) => resourceId === id);
    expect(deeds.map(({ action }) => action)).toEqual([
      "consent-prepared",
      "consent-granted",
      "consent-code-sent",
      "consent-withdrawn",
    ]);
    expect(deeds.every(({ subject, ground }) => subject === patientId && ground === "own-data")).toBe(true);
  });
});

describe("the personal-data law", () => {
  it("Z-13 processing is registered, what is past its time is purged unless held, data stay in Russia", async () => {
    const { id } = await granted(processing);
    await withdrawn(id);
    const before = (await mine()).find((consent) => consent.id === id);
    expect(before).toMatchObject({
      ...{
        kind: "processing",
        status: "inactive",
        decision: "permit",
        title: expect.stringContaining("обработку"),
      },
      patient: { id: patientId, name: expect.any(String) },
      text: { version: expect.stringMatching(/^\d{4}-\d\d-\d\d$/), body: expect.stringContaining("152-ФЗ") },
      ...{ preparedAt: expect.any(String), grantedAt: expect.any(String), withdrawnAt: expect.any(String) },
    });
    const draft = (await prepared(processing)).consent.id;
    const { db } = app.parts.store;
    const person = { tenant: consentPlace.tenant, subject: patientId };
    const day = 86_400_000;
    const registered = async () => {
      const found = await app.parts.consentStore.about(patientId);
      return found.map(({ consent }) => consent.id).sort();
    };
    const purgedAfter = async (days: number) => {
      const now = () => Date.now() + days * day;
      await expiry(personalPurges({ db, now, verificationDays: 30, consents: consentPlace })).run(
        new AbortController().signal,
      );
      return registered();
    };
    expect(await purgedAfter(29)).toEqual([id, draft].sort());
    await placeHold(db, person, { reason: "запрос суда", until: Date.now() + 40 * day });
    expect(await purgedAfter(31)).toEqual([id, draft].sort());
    await liftHold(db, person, "запрос суда");
    expect(await purgedAfter(31)).toEqual([id]);
    // the sessions ended, too
    citizen = await signedIn("citizen", "citizen");
    expect((await mine()).map((consent) => consent.id)).toEqual([id]);
    const note = /\n## Where data are\n(.*?)\n## /s.exec(await readFile("docs/security.md", "utf8"))?.[1];
    expect(note).toContain("databases on its territory (152-ФЗ art. 18 p. 5)");
    for (const place of ["DATABASE_URL", "DATA_DIR", "REDIS_URL", "JOURNAL_HEADS_FILE", "backups"])
      expect(note).toContain(place);
  });
});
