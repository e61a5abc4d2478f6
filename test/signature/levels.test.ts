import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { levelOfOperation } from "../../src/access/operation-levels.ts";
import { requiredSignature, suffices } from "../../src/access/signature-levels.ts";
import type { SignatureLevel } from "../../src/core/context.ts";
import { storedTypes } from "../../src/fhir/stored-types.ts";
import { type ActingWorker, actingWorker, snilsOf } from "../support/acting.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { Cabinet } from "../support/cabinet.ts";
import { assignedPatient, fhirCall, outcomeCode } from "../support/fhir-call.ts";
import { leveledClients, levels } from "../support/leveled-clients.ts";
import {
  activateCertificates,
  consentToPrescriptions,
  doctor,
  documentOf,
  signedByTool,
} from "../support/signing.ts";

let app: TestApp;
let workers: Record<SignatureLevel, ActingWorker>;
let patient: string;

beforeAll(async () => {
  const { file, keys } = await leveledClients();
  app = await startApp({ CLIENTS_FILE: file });
  const acting = await Promise.all(
    levels.map(async (level) => [level, await actingWorker(app, snilsOf.doctor, keys[level])] as const),
  );
  workers = Object.fromEntries(acting) as Record<SignatureLevel, ActingWorker>;
  const { enhanced } = workers;
  patient = await assignedPatient(app, await enhanced.token("HOPERAT"), enhanced.id);
});
afterAll(() => app?.close());

const subject = () => ({ reference: `Patient/${patient}` });
const prescription = () => ({
  resourceType: "MedicationRequest",
  status: "active",
  intent: "order",
  subject: subject(),
  medicationCodeableConcept: { text: "Синтетин" },
});
const observation = () => ({
  resourceType: "Observation",
  status: "final",
  subject: subject(),
  code: { text: "Пульс" },
});

/** Status and code of a call of a worker whose session was opened with a signature of this level. */
async function tried(level: SignatureLevel, line: string, body?: object) {
  const answer = await fhirCall(app, await workers[level].token(), line, { body });
  return [answer.status, outcomeCode(answer)];
}
const changes = new Set(["POST", "PUT", "PATCH", "DELETE"]);
const done = [201, undefined];
const refused = [403, "signature-level"];

interface Figures {
  documents: number;
  cards: number;
}

/** The person's session as one that was opened with a signature of this level. */
async function openedWith(level: SignatureLevel, id: string): Promise<void> {
  const { sessions } = app.parts;
  const real = sessions.check.bind(sessions);
  sessions.check = async (...asked) => {
    const checked = await real(...asked);
    if (checked.standing !== "open" || checked.facts.personId !== id) return checked;
    return { ...checked, facts: { ...checked.facts, signature: level } };
  };
}

/** The worker signs a document of their own organisation. */
async function signedNow(personId: string): Promise<void> {
  const worker = { ...doctor(), personId };
  const document = documentOf(randomUUID());
  const { id } = await app.parts.signatures.prepare(worker, document);
  await activateCertificates(app, personId, {});
  const container = await signedByTool(app.sandboxUrl, document.content);
  await app.parts.signatures.submit(worker, id, { container });
}

describe("the level that an action needs, at the door", () => {
  it("E-02 a simple signature does for notices and the organisation's own work, not for a prescription", async () => {
    const notice = {
      resourceType: "Communication",
      status: "completed",
      payload: [{ contentString: "Планёрка" }],
    };
    expect(await tried("simple", "POST /Communication", notice)).toEqual(done);
    expect(await tried("simple", "POST /MedicationRequest", prescription())).toEqual(refused);
    expect(await tried("simple", "POST /Observation", observation())).toEqual(refused);
  });

  it("E-04 a prescription and a patient's data need a qualified one: less is 403, qualified is 201", async () => {
    expect(await tried("enhanced", "POST /MedicationRequest", prescription())).toEqual(refused);
    await consentToPrescriptions(app, patient);
    const { status, body } = await fhirCall(app, await workers.qualified.token(), "POST /MedicationRequest", {
      body: prescription(),
    });
    expect(status, JSON.stringify(body)).toBe(201);
    const referral = {
      ...{ resourceType: "ServiceRequest", status: "active", intent: "order" },
      ...{ subject: subject(), code: { text: "УЗИ" } },
    };
    expect(await tried("enhanced", "POST /ServiceRequest", referral)).toEqual(refused);
    expect(await tried("enhanced", `GET /MedicationRequest/${body.id}`)).toEqual(refused);
    expect(await tried("qualified", `GET /MedicationRequest/${body.id}`)).toEqual([200, undefined]);
  });

  it("an enhanced one signs medical acts, and the policy opens analytics and settings to it", async () => {
    expect(await tried("enhanced", "POST /Observation", observation())).toEqual(done);
    const condition = { resourceType: "Condition", subject: subject(), code: { text: "Наблюдение" } };
    expect(await tried("enhanced", "POST /Condition", condition)).toEqual(done);
    const analytics = requiredSignature("read", { type: "MeasureReport" });
    expect(analytics).toBe("enhanced");
    expect([suffices("simple", "enhanced"), suffices("enhanced", "enhanced")]).toEqual([false, true]);
    const settings = app.app.routeTable.filter(
      ({ method, url }) => changes.has(method) && /\/me\/(organization|terms|verification)$/.test(url),
    );
    expect(settings).toHaveLength(3);
    for (const { method, url } of settings)
      expect(suffices("enhanced", levelOfOperation(method, url) as SignatureLevel)).toBe(true);
  });

  it("E-03 an enhanced session sees its own analytics and changes profile settings, and signs medical acts; a simple one sees no analytics", async () => {
    const cabinet = new Cabinet(app.url);
    await cabinet.visitor.follow(`${app.url}/auth/login?as=worker&persona=doctor`);
    await cabinet.acceptTerms();
    const simple = await cabinet.get("/me/activity");
    expect([simple.status, simple.body.code]).toEqual([403, "signature-level"]);
    const { id, organizations } = (await cabinet.get("/me")).body;
    await openedWith("enhanced", id);
    await signedNow(id);
    const seen = await cabinet.get("/me/activity?days=3");
    expect(seen.status, JSON.stringify(seen.body)).toBe(200);
    expect(seen.body.days.map(({ documents, cards }: Figures) => [documents, cards])).toEqual([
      [0, 0],
      [0, 0],
      [1, 0],
    ]);
    expect(seen.body.days[2].day).toBe(seen.body.until);
    const chosen = await cabinet.send("PUT", "/me/organization", { oid: organizations[0].oid });
    expect(chosen.status).toBe(204);
    expect((await cabinet.acceptTerms()).status).toBe(200);
    expect(await tried("enhanced", "POST /Observation", observation())).toEqual(done);
    expect(await tried("enhanced", "POST /MedicationRequest", prescription())).toEqual(refused);
  });

  it("E-05 every route that changes something and every stored type declares its level", () => {
    const routes = app.app.routeTable.filter(({ method }) => changes.has(method));
    expect(routes.length).toBeGreaterThan(50);
    const undeclared = routes.filter(({ method, url }) => levelOfOperation(method, url) === undefined);
    expect(undeclared).toEqual([]);
    // what describes nobody is kept by client systems of the organisation, not by people
    expect(storedTypes.length).toBeGreaterThan(20);
    const ofNobody = ["Location", "HealthcareService", "Subscription"];
    for (const { type } of storedTypes)
      for (const action of ["create", "update", "delete"] as const) {
        const level = requiredSignature(action, { type, subject: "someone" });
        expect([type, level]).toEqual([type, ofNobody.includes(type) ? undefined : expect.any(String)]);
      }
  });

  it("a refusal says which signature is due", async () => {
    const { body } = await fhirCall(app, await workers.enhanced.token(), "POST /MedicationRequest", {
      body: prescription(),
    });
    expect(JSON.stringify(body)).toContain("signature-qualified");
  });
});
