import { randomUUID } from "node:crypto";
import type { DocumentReference, MedicationDispense, MedicationRequest, Task } from "@medplum/fhirtypes";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { actingWorker, holdPost, snilsOf } from "../support/acting.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { Cabinet } from "../support/cabinet.ts";
import { assignedPatient, fhirCall, outcomeCode } from "../support/fhir-call.ts";
import { ShiftedClock } from "../support/shifted-clock.ts";
import { alterAccounts, calm, order } from "../support/sign-in.ts";
import { activateCertificates, consentToPrescriptions, signedByTool } from "../support/signing.ts";

const minute = 60_000;
const patience = { timeout: 40_000, interval: 500 };

/** A shifted clock that wakes who sleeps: jobs of the running gateway come round when their time has come. */
class WakingClock extends ShiftedClock {
  readonly #sleepers = new Set<{ until: number; wake(): void }>();

  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const waking = new AbortController();
    const sleeper = { until: this.now() + ms, wake: () => waking.abort() };
    this.#sleepers.add(sleeper);
    const either = signal ? AbortSignal.any([signal, waking.signal]) : waking.signal;
    try {
      await super.sleep(ms, either);
    } catch (error) {
      if (signal?.aborted) throw error;
    } finally {
      this.#sleepers.delete(sleeper);
    }
  }

  pass(ms: number): void {
    this.shiftMs += ms;
    for (const { until, wake } of this.#sleepers) if (until <= this.now()) wake();
  }
}

const clock = new WakingClock();
let app: TestApp;
let cabinet: Cabinet;
let patient: string;
let token: string;

beforeAll(async () => {
  app = await startApp({ TOKEN_SECONDS: "3600", SESSION_IDLE_SECONDS: "7200" }, clock);
  cabinet = new Cabinet(app.url);
  const undo = alterAccounts(app, (account) => ({ ...account, amr: "DS" }));
  await cabinet.visitor.follow(`${app.url}/auth/login?as=worker&persona=doctor`);
  undo();
  await cabinet.acceptTerms();
  // tokens are asked for before the clock runs away from who asks
  const doctor = await actingWorker(app, snilsOf.doctor);
  for (const kind of ["gost", "rsa"] as const) await activateCertificates(app, doctor.id, { kind });
  patient = await assignedPatient(app, await doctor.token("HOPERAT"), doctor.id);
  token = await doctor.token();
});
afterAll(() => {
  vi.restoreAllMocks();
  return app?.close();
});

it("E-04 a patient's document needs a qualified signature whatever it represents", async () => {
  for (const represents of [undefined, "Observation"]) {
    const content = Buffer.from(`Протокол ${randomUUID()}`).toString("base64");
    const document = { title: "Протокол", contentType: "text/plain", content, patient, represents };
    const { status, body } = await cabinet.send("POST", "/me/signatures", { document });
    expect([status, body.level], String(represents)).toEqual([201, "qualified"]);
  }
});

it("E-17 what waits for its authority is in force at no door, and comes into force by itself once that answers", async () => {
  const bytes = Buffer.from(`Рецепт ${randomUUID()}`);
  const document = { title: "Рецепт", contentType: "text/plain", content: bytes.toString("base64"), patient };
  const { body: request } = await cabinet.send("POST", "/me/signatures", { document });
  const path = `/me/signatures/${request.id}`;
  const organizationSigns = () => cabinet.send("POST", `${path}/organization`);
  const seen = async () => (await cabinet.get(path)).body;
  const later = async () => {
    clock.pass(2 * minute);
    return seen();
  };
  const task = async () => (await fhirCall<Task>(app, token, `GET /Task/${request.id}`)).body;

  await order(app, "pki", "unknown-status");
  const signature = (await signedByTool(app.sandboxUrl, bytes, { kind: "gost" })).toString("base64");
  const queued = await cabinet.send("PUT", `${path}/signature`, { signature });
  expect([queued.status, queued.body.state, queued.body.inForce]).toEqual([
    202,
    "verification-pending",
    false,
  ]);
  const early = await organizationSigns();
  expect([early.status, early.body.code]).toEqual([409, "signature-unverified"]);
  expect(await task()).toMatchObject({ status: "in-progress" });
  expect((await task()).output).toBeUndefined();

  // the job asks again, and nobody answers still
  await expect.poll(async () => (await later()).checks.length, patience).toBeGreaterThan(1);
  expect(await seen()).toMatchObject({ state: "verification-pending", inForce: false });
  expect((await seen()).document).toBeUndefined();
  expect((await organizationSigns()).body.code).toBe("signature-unverified");

  await calm(app);
  await expect.poll(async () => (await later()).state, patience).toBe("signed");
  const { inForce, document: stored, checks } = await seen();
  expect(inForce).toBe(true);
  const verdicts = checks.map(({ verdict }: { verdict: string }) => verdict);
  expect([...new Set(verdicts)]).toEqual(["unknown", "good"]);
  expect(await task()).toMatchObject({ status: "completed", output: [{}] });
  const read = await fhirCall<DocumentReference>(app, token, `GET /DocumentReference/${stored.id}`);
  expect([read.status, read.body.docStatus]).toEqual([200, "final"]);
  expect((await organizationSigns()).status).toBe(200);
}, 120_000);

it("E-17 a prescription that is not signed, or waits for its authority, cannot be dispensed", async () => {
  await consentToPrescriptions(app, patient);
  const about = {
    subject: { reference: `Patient/${patient}` },
    medicationCodeableConcept: { text: "Синтетин" },
  };
  const { body: prescribed } = await fhirCall<MedicationRequest>(app, token, "POST /MedicationRequest", {
    body: { resourceType: "MedicationRequest", status: "active", intent: "order", ...about },
  });
  const prescription = `MedicationRequest/${prescribed.id}`;
  const dispensed = async (reference = prescription, status = "completed") => {
    const body = { resourceType: "MedicationDispense", status, ...about };
    const pharmacist = holdPost(app, "231");
    const answer = await fhirCall(app, token, "POST /MedicationDispense", {
      body: { ...body, authorizingPrescription: [{ reference }] },
    });
    pharmacist.mockRestore();
    const waits = /"retryAfter","valueUnsignedInt":(\d+)/.exec(JSON.stringify(answer.body))?.[1];
    return [answer.status, outcomeCode(answer), waits];
  };
  const unsigned = [422, "prescription-not-signed", undefined];
  for (const reference of [prescription, `${prescription}/_history/1`, `${app.url}/fhir/${prescription}`])
    expect(await dispensed(reference), reference).toEqual(unsigned);
  expect((await dispensed(prescription, "declined"))[0]).toBe(201);

  const { body: request } = await cabinet.send("POST", "/me/signatures", { resource: prescription });
  const path = `/me/signatures/${request.id}`;
  // its authority has never been asked: no earlier answer stands in
  await order(app, "pki", "unknown-status");
  const bytes = Buffer.from(request.content, "base64");
  const signature = (await signedByTool(app.sandboxUrl, bytes, { kind: "rsa" })).toString("base64");
  expect((await cabinet.send("PUT", `${path}/signature`, { signature })).status).toBe(202);
  expect(await dispensed()).toEqual([409, "signature-unverified", "60"]);

  await calm(app);
  const state = async () => {
    clock.pass(2 * minute);
    return (await cabinet.get(path)).body.state;
  };
  await expect.poll(state, patience).toBe("signed");
  expect((await dispensed())[0]).toBe(201);

  // what was given is told further, also when its prescription is in force no more; nothing else is given by it
  const { body: other } = await fhirCall<MedicationRequest>(app, token, "POST /MedicationRequest", {
    body: { resourceType: "MedicationRequest", status: "active", intent: "order", ...about },
  });
  holdPost(app, "231");
  const given = await fhirCall<MedicationDispense>(app, token, "POST /MedicationDispense", {
    body: {
      ...{ resourceType: "MedicationDispense", status: "completed", ...about },
      authorizingPrescription: [{ reference: prescription }],
    },
  });
  await app.parts.store.db
    .updateTable("signature")
    .set({ state: "superseded" })
    .where("document_id", "=", prescribed.id ?? "")
    .execute();
  const told = async (...references: string[]) =>
    (
      await fhirCall(app, token, `PUT /MedicationDispense/${given.body.id}`, {
        headers: { "if-match": 'W/"1"' },
        body: {
          ...{ ...given.body, note: [{ text: "Выдано с инструкцией" }] },
          authorizingPrescription: references.map((reference) => ({ reference })),
        },
      })
    ).status;
  expect(await told(prescription, `MedicationRequest/${other.id}`)).toBe(422);
  expect(await told(prescription)).toBe(200);
  expect(await dispensed()).toEqual(unsigned);
}, 120_000);
