import { randomUUID } from "node:crypto";
import type { Bundle, DocumentReference, Provenance, Resource } from "@medplum/fhirtypes";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { RequestContext } from "../../src/core/context.ts";
import { type ActingWorker, actingWorker, snilsOf } from "../support/acting.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { Cabinet } from "../support/cabinet.ts";
import { freshDatabase } from "../support/database.ts";
import { assignedPatient, type FhirAnswer, fhirCall, outcomeCode } from "../support/fhir-call.ts";
import { calm, order } from "../support/sign-in.ts";
import { documentOf, organization, signedByTool, type ToolOrder } from "../support/signing.ts";

let app: TestApp;
let doctor: ActingWorker;
let token: string;
let patient: string;
let current: DocumentReference & { id: string };
let signatureId: string;

beforeAll(async () => {
  app = await startApp({ DATABASE_URL: await freshDatabase() });
  doctor = await actingWorker(app, snilsOf.doctor);
  token = await doctor.token();
  patient = await assignedPatient(app, await doctor.token("HOPERAT"), doctor.id);
});
afterAll(() => app?.close());

// each test begins with a document of its own, signed in the cabinet
beforeEach(async () => {
  await calm(app);
  const worker = { personId: doctor.id, roleId: "role", organization, snils: snilsOf.doctor };
  const document = { ...documentOf(randomUUID()), subject: patient };
  const prepared = await app.parts.signatures.prepare(worker, document);
  const container = await signedByTool(app.sandboxUrl, document.content);
  const { signature } = await app.parts.signatures.submit(worker, prepared.id, { container });
  signatureId = prepared.id;
  current = (await ask<DocumentReference & { id: string }>("GET", signature.document?.id ?? "")).body;
});

const ask = <T = Resource>(method: string, id: string, given: { body?: object; headers?: object } = {}) =>
  fhirCall<T>(app, token, `${method} /DocumentReference/${id}`, {
    body: given.body,
    headers: { "if-match": `W/"${current?.meta?.versionId}"`, ...given.headers },
  });

/** The next version with bytes of its own inline. */
function changed(text = randomUUID()): { bytes: Buffer; next: DocumentReference } {
  const bytes = Buffer.from(`<ClinicalDocument><title>${text}</title></ClinicalDocument>`);
  const attachment = { contentType: "text/xml", data: bytes.toString("base64") };
  return { bytes, next: { ...current, content: [{ attachment }] } };
}

/** What X-Provenance carries; a header is ASCII, so everything else is escaped. */
const header = (provenance: object) => ({
  "x-provenance": JSON.stringify({ resourceType: "Provenance", ...provenance }).replace(
    /[\u0080-\uffff]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  ),
});
const reason = [{ text: "Исправлена дозировка" }];
const signatureOver = async (bytes: Buffer, by?: ToolOrder) => [
  { data: (await signedByTool(app.sandboxUrl, bytes, by)).toString("base64") },
];

const told = (answer: FhirAnswer) => [answer.status, outcomeCode(answer)];
const due = [422, "resigning-reason-required"];
const version = async () => (await ask<DocumentReference>("GET", current.id)).body.meta?.versionId;

describe("E-19 a signed document at /fhir", () => {
  it("E-19 changes by no interaction without the reason of the change and a new signature", async () => {
    const { next } = changed();
    expect(told(await ask("PUT", current.id, { body: next }))).toEqual(due);
    const patch = [{ op: "replace", path: "/description", value: "Другое" }];
    const patched = await ask("PATCH", current.id, {
      body: patch,
      headers: { "content-type": "application/json-patch+json" },
    });
    expect(told(patched)).toEqual(due);
    expect(told(await ask("DELETE", current.id))).toEqual(due);
    const conditional = await fhirCall(app, token, `PUT /DocumentReference?_id=${current.id}`, {
      body: next,
    });
    expect(told(conditional)).toEqual(due);
    const entry = {
      resource: next,
      request: { method: "PUT", url: `DocumentReference/${current.id}`, ifMatch: 'W/"1"' },
    };
    for (const type of ["transaction", "batch"]) {
      const bundle = { resourceType: "Bundle", type, entry: [entry] };
      const { body } = await fhirCall<Bundle>(app, token, "POST ", { body: bundle });
      expect(JSON.stringify(body)).toContain("resigning-reason-required");
    }
    expect(await version()).toBe("1");
  });

  it("E-19 the refusal says what is missing and what to do", async () => {
    const { bytes, next } = changed();
    const unsigned = await ask("PUT", current.id, { body: next, headers: header({ reason }) });
    expect(told(unsigned)).toEqual(due);
    expect(JSON.stringify(unsigned.body)).toMatch(/signature.*Укажите причину изменения/);
    const signature = await signatureOver(bytes);
    const unreasoned = await ask("PUT", current.id, { body: next, headers: header({ signature }) });
    expect(told(unreasoned)).toEqual(due);
    expect(JSON.stringify(unreasoned.body)).toContain("reason");
    expect(await version()).toBe("1");
  });

  it("E-19 with both there is a new version, the reason in its Provenance, and the old signature as evidence", async () => {
    const { bytes, next } = changed();
    const signature = await signatureOver(bytes, { kind: "gost" });
    const answer = await ask<DocumentReference>("PUT", current.id, {
      body: next,
      headers: header({ reason, signature }),
    });
    expect([answer.status, answer.body.meta?.versionId]).toEqual([200, "2"]);
    const provenances = await provenancesOf(current.id);
    expect(provenances.map(({ target }) => target[0]?.reference)).toEqual([
      `DocumentReference/${current.id}/_history/1`,
      `DocumentReference/${current.id}/_history/2`,
    ]);
    expect(provenances[1]).toMatchObject({ reason, signature: [{ data: signature[0]?.data }] });
    const { signature: older, checks } = await app.parts.signatures.find(
      { personId: doctor.id },
      signatureId,
    );
    expect([older.state, older.document?.version, checks.length]).toEqual(["superseded", 1, 1]);
    const mine = await app.parts.signatures.mine({ personId: doctor.id }, 10);
    expect(mine.find(({ document }) => document?.version === 2)?.state).toBe("signed");
    // and the new version is as closed as the first one was
    const again = { ...changed().next, meta: { versionId: "2" } };
    const refused = await ask("PUT", current.id, { body: again, headers: { "if-match": 'W/"2"' } });
    expect(told(refused)).toEqual(due);
  });

  it("a signature of other bytes, of another person, or of the version before is no new signature", async () => {
    const { bytes, next } = changed();
    const put = async (signature: object[]) =>
      told(await ask("PUT", current.id, { body: next, headers: header({ reason, signature }) }));
    expect(await put(await signatureOver(Buffer.from("other")))).toEqual([422, "signature-content-differs"]);
    expect(await put(await signatureOver(bytes, { owner: "nurse" }))).toEqual([
      403,
      "signature-owner-mismatch",
    ]);
    expect(await put(await signatureOver(bytes, { variant: "enhanced" }))).toEqual([403, "signature-level"]);
    const [older] = await provenancesOf(current.id);
    expect(await put([{ data: older?.signature?.[0]?.data ?? "" }])).toEqual(due);
    expect(await put([{ data: "" }])).toEqual(due);
    await order(app, "pki", "unknown-status");
    const fresh = await signatureOver(bytes, { variant: "expiring" });
    expect(await put(fresh)).toEqual([409, "signature-unverified"]);
    expect(await version()).toBe("1");
  });

  it("the signature itself can't be changed or removed", async () => {
    const [own] = await provenancesOf(current.id);
    const path = `/Provenance/${own?.id}`;
    const headers = { "if-match": 'W/"1"' };
    const body = { ...own, recorded: "2020-01-01T00:00:00Z" };
    const put = await fhirCall(app, token, `PUT ${path}`, { body, headers });
    expect(told(put), JSON.stringify(put.body)).toEqual(due);
    expect(told(await fhirCall(app, token, `DELETE ${path}`, { headers }))).toEqual(due);
  });

  it.each(["not JSON", "[]", '{"resourceType":"Patient"}'])(
    "an X-Provenance that is %s is a bad request",
    async (text) => {
      const answer = await ask("PUT", current.id, {
        body: changed().next,
        headers: { "x-provenance": text },
      });
      expect(told(answer)).toEqual([400, "bad-request"]);
    },
  );

  it("an X-Provenance of a wrong shape, or with what is not signed, is a bad request", async () => {
    for (const wrong of [
      { reason: "text" },
      { reason: [{ text: 5 }] },
      { reason, signature: [{ data: 5 }] },
    ]) {
      const answer = await ask("PUT", current.id, { body: changed().next, headers: header(wrong) });
      expect(told(answer)).toEqual([400, "bad-request"]);
    }
    const unsigned = { resourceType: "Communication", status: "completed" };
    const made = await fhirCall(app, token, "POST /Communication", {
      body: unsigned,
      headers: header({ reason }),
    });
    expect(told(made)).toEqual([400, "bad-request"]);
  });
});

describe("after the loss of a key", () => {
  it("E-25 neither a client system nor another certificate of the worker changes or opens what is signed", async () => {
    const { bytes, next } = changed();
    const provenance = { reason, signature: await signatureOver(bytes) };
    const cabinet = new Cabinet(app.url);
    await cabinet.visitor.follow(`${app.url}/auth/login?as=worker&persona=doctor`);
    await cabinet.acceptTerms();
    const query = new URLSearchParams({ owner: "doctor", kind: "gost" });
    const certificate = await (await fetch(`${app.sandboxUrl}/pki/certificates?${query}`)).json();
    const { body: bound } = await cabinet.send("POST", "/me/certificates", certificate as object);
    const lost = await cabinet.send("POST", `/me/certificates/${bound.fingerprint}/lost`);
    expect(lost.status).toBe(200);
    const put = await ask("PUT", current.id, { body: next, headers: header(provenance) });
    expect(told(put)).toEqual([403, "signature-level"]);
    expect(told(await ask("GET", current.id))).toEqual([403, "signature-level"]);
    // whatever lets a change come so far, its signature is judged by the same rule
    const { role, organization: oid } = doctor;
    const actor = { kind: "client", id: "demo", onBehalfOf: doctor.id, role, organization: oid, tenant: oid };
    const asked = { before: current, after: next, provenance: provenance as unknown as Provenance };
    const judged = app.parts.resigning.judged(asked, { actor } as unknown as RequestContext);
    await expect(judged).rejects.toMatchObject({ code: "signing-stopped" });
  });
});

async function provenancesOf(documentId: string): Promise<Provenance[]> {
  const rows = await app.parts.store.db
    .selectFrom("resource")
    .select("id")
    .where("type", "=", "Provenance")
    .orderBy("last_updated")
    .execute();
  const stored = await app.parts.resources.byIds(app.parts.store.db, {
    tenant: organization,
    type: "Provenance",
    ids: rows.map(({ id }) => id),
  });
  return stored
    .map(({ id, content }) => ({ ...(content as Provenance), id }))
    .filter(({ target }) => target[0]?.reference?.includes(documentId));
}
