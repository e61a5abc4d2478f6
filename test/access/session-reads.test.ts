import { randomUUID } from "node:crypto";
import type { Bundle, OperationOutcome, Resource } from "@medplum/fhirtypes";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ActingWorker, actingWorker, snilsOf } from "../support/acting.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { Cabinet } from "../support/cabinet.ts";
import { alterAccounts } from "../support/sign-in.ts";

let app: TestApp;
let doctor: ActingWorker;
let person: Cabinet;
let patient: string;
const ids = new Map<string, string>();

beforeAll(async () => {
  app = await startApp({ SIGN_IN_PER_MINUTE: "10000", CARD_AMR: "PWD" });
  doctor = await actingWorker(app, snilsOf.doctor);
  person = await signedIn();
  patient = await created("HOPERAT", { resourceType: "Patient", active: true });
  const subject = { reference: `Patient/${patient}` };
  await created("HOPERAT", {
    resourceType: "CareTeam",
    status: "active",
    subject,
    participant: [{ member: { reference: `Practitioner/${doctor.id}` } }],
  });
  await created("HOPERAT", {
    resourceType: "Coverage",
    status: "active",
    beneficiary: subject,
    payor: [{ display: "СМО" }],
  });
  await created("TREAT", { resourceType: "Condition", subject, code: { text: "здоров" } });
});
afterAll(() => app?.close());

/** The doctor's session after a login of a kind, as ESIA marks it: DS is one by certificate. */
async function signedIn(amr = "DS"): Promise<Cabinet> {
  const cabinet = new Cabinet(app.url);
  const undo = alterAccounts(app, (account) => ({ ...account, amr }));
  await cabinet.visitor.follow(`${app.url}/auth/login?as=worker&persona=doctor`);
  undo();
  await cabinet.acceptTerms();
  return cabinet;
}

async function created(purpose: string, resource: Resource): Promise<string> {
  const answer = await fetch(`${app.url}/fhir/${resource.resourceType}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await doctor.token(purpose)}`,
      "content-type": "application/fhir+json",
      "idempotency-key": randomUUID(),
    },
    body: JSON.stringify(resource),
  });
  const body = (await answer.json()) as Resource & { id: string };
  expect(answer.status, JSON.stringify(body)).toBe(201);
  ids.set(resource.resourceType, body.id);
  return body.id;
}

/** A call of our own page: the session's cookies and no other credential. */
async function asked<T = Resource>(cabinet: Cabinet, path: string, init: RequestInit = {}) {
  const { visitor, url } = cabinet;
  const cookie = ["__Host-sid", "__Host-device"]
    .map((name) => `${name}=${visitor.cookie(url, name)}`)
    .join("; ");
  const headers = { cookie, "user-agent": visitor.userAgent, ...init.headers };
  const answer = await fetch(`${app.url}${path}`, { ...init, headers, redirect: "manual" });
  return { status: answer.status, body: (await answer.json()) as T };
}

it("L-58 one login opens the registry card, the patient's card, insurance and prescriptions", async () => {
  const about = `patient=Patient/${patient}`;
  const card = "/cabinet/v1/me/registry-card";
  const calls = [
    card,
    `/fhir/Practitioner/${doctor.id}`,
    `/fhir/Condition?${about}`,
    `/fhir/Coverage?beneficiary=Patient/${patient}`,
    `/fhir/MedicationRequest?${about}`,
  ];
  for (const path of calls) expect((await asked(person, path)).status, path).toBe(200);
  const conditions = await asked<Bundle>(person, `/fhir/Condition?${about}`);
  expect(conditions.body.entry?.[0]?.resource?.id).toBe(ids.get("Condition"));
  expect((await asked(person, `/fhir/Coverage/${ids.get("Coverage")}`)).status).toBe(200);
});

it("a session reads; writing takes a client system's token", async () => {
  const { status, body } = await asked<OperationOutcome>(person, "/fhir/Condition", {
    method: "POST",
    headers: { "content-type": "application/fhir+json", origin: app.url, "x-requested-with": "fetch" },
    body: JSON.stringify({ resourceType: "Condition", subject: { reference: `Patient/${patient}` } }),
  });
  expect([status, body.issue[0]?.details?.coding?.[0]?.code]).toEqual([403, "scope-missing"]);
});

it("Z-16, A-18 a booking is shown to its patient and to who treats them; another patient gets 403, and no search tells", async () => {
  const citizen = new Cabinet(app.url);
  await citizen.visitor.follow(`${app.url}/auth/login?as=citizen&persona=citizen`);
  await citizen.acceptTerms();
  const citizenId: string = (await citizen.get("/me")).body.id;
  const [start, end] = ["2099-01-12T09:00:00Z", "2099-01-12T09:30:00Z"];
  const booked = (who: string) =>
    created("HOPERAT", {
      ...{ resourceType: "Appointment", status: "booked", start, end },
      participant: [`Patient/${who}`, `Practitioner/${doctor.id}`].map((reference) => ({
        actor: { reference },
        status: "accepted" as const,
      })),
    });
  const [own, others] = [await booked(citizenId), await booked(patient)];
  const records = async (query = "") => {
    const { status, body } = await citizen.get(`/me/records?type=Appointment${query}`);
    return [status, (body.records ?? []).map(({ resource }: { resource: Resource }) => resource.id)];
  };
  expect(await records()).toEqual([200, [own]]);
  expect(await records(`&patient=${patient}`)).toEqual([403, []]);
  const nurse = await (await actingWorker(app, snilsOf.nurse)).token();
  const stranger = async (path: string) => {
    const answer = await fetch(`${app.url}${path}`, { headers: { authorization: `Bearer ${nurse}` } });
    return { status: answer.status, body: (await answer.json()) as Resource };
  };
  const treating = (path: string) => asked(person, path);
  const anotherPatient = (path: string) => asked(citizen, path);
  const seen = (ask: typeof treating, id: string) =>
    Promise.all(
      ["", "/_history", "/_history/1"].map(
        async (part) => (await ask(`/fhir/Appointment/${id}${part}`)).status,
      ),
    );
  expect(await seen(treating, others)).toEqual([200, 200, 200]);
  for (const ask of [anotherPatient, stranger]) {
    expect(await seen(ask, others)).toEqual([403, 403, 403]);
    for (const query of [`_id=${others}`, `practitioner=Practitioner/${doctor.id}`, "status=booked"]) {
      const { entry = [] } = (await ask(`/fhir/Appointment?${query}`)).body as Bundle;
      expect(entry.map(({ resource }) => resource?.id)).not.toContain(others);
    }
  }
});

it("a session acts for treatment only, where the operator lets nothing else be stated", async () => {
  const headers = { "x-purpose-of-use": "BTG", "x-emergency-reason": "unconscious" };
  const { status, body } = await asked<OperationOutcome>(person, `/fhir/Condition/${ids.get("Condition")}`, {
    headers,
  });
  expect([status, body.issue[0]?.diagnostics]).toEqual([
    400,
    expect.stringContaining("nothing may be stated"),
  ]);
});

it("who has neither session nor token is told to send one", async () => {
  const answer = await fetch(`${app.url}/fhir/Condition/${ids.get("Condition")}`);
  expect(answer.status).toBe(401);
});

it("V-14, L-23 what was verified opens after a login with two factors only", async () => {
  const single = await signedIn("LONG_OTP");
  const made = await person.send("POST", "/me/verification");
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  for (const [method, path] of [
    ["GET", "/me/verifications"],
    ["GET", `/me/verifications/${made.body.id}/confirmation`],
    ["POST", "/me/verification"],
  ] as const) {
    const refused = await single.send(method, path);
    expect([path, refused.status, refused.body.detail]).toEqual([
      path,
      403,
      expect.stringContaining("missing: second-factor"),
    ]);
    expect((await person.send(method, path)).status).toBeLessThan(300);
  }
});

it.each(["/fhir/Condition/", "everything"])(
  "L-43 a login with one factor does not open a medical card: %s",
  async (what) => {
    const single = await signedIn("LONG_OTP");
    const path =
      what === "everything" ? `/fhir/Patient/${patient}/$everything` : `${what}${ids.get("Condition")}`;
    const refused = await asked<OperationOutcome>(single, path);
    expect([refused.status, refused.body.issue[0]?.diagnostics]).toEqual([
      403,
      expect.stringContaining("second-factor"),
    ]);
    expect((await asked(person, path)).status).toBe(200);
    // what describes nobody is not a card
    expect((await asked(single, `/fhir/Practitioner/${doctor.id}`)).status).toBe(200);
  },
);
