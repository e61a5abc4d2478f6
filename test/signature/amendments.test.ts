import { randomUUID } from "node:crypto";
import type { Bundle, DocumentReference, MedicationRequest, Provenance, Resource } from "@medplum/fhirtypes";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { RequestContext } from "../../src/core/context.ts";
import { checkCms } from "../../src/crypto/cms-verify.ts";
import { type ActingWorker, actingWorker, snilsOf } from "../support/acting.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { Cabinet } from "../support/cabinet.ts";
import { freshDatabase } from "../support/database.ts";
import { assignedPatient, type FhirAnswer, fhirCall, outcomeCode } from "../support/fhir-call.ts";
import { LockHolder } from "../support/lock-holder.ts";
import { alterAccounts, calm, journalRows, order } from "../support/sign-in.ts";
import {
  activateCertificates,
  consentToPrescriptions,
  documentOf,
  organization,
  signedByTool,
  type ToolOrder,
} from "../support/signing.ts";

let app: TestApp;
let locks: LockHolder;
let cabinet: Cabinet;
let doctor: ActingWorker;
let token: string;
let patient: string;
let current: DocumentReference & { id: string };
let signatureId: string;

beforeAll(async () => {
  const databaseUrl = await freshDatabase();
  locks = new LockHolder(databaseUrl);
  app = await startApp({ DATABASE_URL: databaseUrl });
  doctor = await actingWorker(app, snilsOf.doctor);
  await activateCertificates(app, doctor.id, {});
  token = await doctor.token();
  cabinet = await entered("doctor");
  patient = await assignedPatient(app, await doctor.token("HOPERAT"), doctor.id);
});
afterAll(() => app?.close());
afterEach(() => locks.release());

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

describe("what is signed is FHIR like all else", () => {
  const found = async (path: string) => {
    const { status, body } = await fhirCall<Bundle>(app, token, `GET ${path}`);
    expect(status, JSON.stringify(body)).toBe(200);
    return (body.entry ?? []).flatMap(({ resource }) => resource ?? []);
  };

  it("a search finds the document by its patient and the signature by what it signs, each read as the patient's", async () => {
    const ids = (await found(`/DocumentReference?subject=Patient/${patient}`)).map(({ id }) => id);
    expect(ids).toContain(current.id);
    const [provenance, ...others] = await found(`/Provenance?target=DocumentReference/${current.id}`);
    expect(others).toEqual([]);
    expect(provenance).toMatchObject({
      resourceType: "Provenance",
      target: [{}, { reference: `Patient/${patient}` }],
    });
    expect((await found(`/Provenance?patient=${patient}`)).map(({ id }) => id)).toContain(provenance?.id);
    const all = await found(`/DocumentReference?_id=${current.id}&_revinclude=Provenance:target`);
    expect(all.map(({ resourceType }) => resourceType).sort()).toEqual(["DocumentReference", "Provenance"]);
  });

  it("whoever may not open the card sees neither the document nor its signature", async () => {
    const stranger = await (await actingWorker(app, "90000000384")).token();
    const [provenance] = await found(`/Provenance?target=DocumentReference/${current.id}`);
    for (const path of [`DocumentReference/${current.id}`, `Provenance/${provenance?.id}`])
      expect((await fhirCall(app, stranger, `GET /${path}`)).status).toBe(403);
    const { body } = await fhirCall<Bundle>(app, stranger, `GET /Provenance?patient=${patient}`);
    expect(JSON.stringify(body)).not.toContain(provenance?.id);
  });

  it("a Provenance that a client writes of a patient's data names the patient, or is not taken", async () => {
    const body = {
      ...{ resourceType: "Provenance", recorded: "2026-11-20T10:00:00Z" },
      agent: [{ who: { display: "система" } }],
    };
    const of = { reference: `DocumentReference/${current.id}` };
    const post = (target: object[]) =>
      fhirCall(app, token, "POST /Provenance", { body: { ...body, target } });
    expect(told(await post([of]))).toEqual([422, "validation-failed"]);
    expect(told(await post([of, { reference: `Patient/${randomUUID()}` }]))[0]).not.toBe(201);
    const made = await post([of, { reference: `Patient/${patient}` }]);
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    const rows = (await journalRows(app)).filter(({ resourceId }) => resourceId === made.body.id);
    expect(rows.map(({ subject }) => subject)).toEqual([patient]);
  });

  it("each resource that a signature wrote has its row in the journal, in the name of the signer", async () => {
    const [provenance] = await found(`/Provenance?target=DocumentReference/${current.id}`);
    const rows = (await journalRows(app)).filter(({ actorId }) => actorId === "signatures");
    for (const resourceId of [current.id, provenance?.id])
      expect(rows.find((row) => row.resourceId === resourceId)).toMatchObject({
        ...{ action: "create", actorKind: "system", onBehalfOf: doctor.id, subject: patient, outcome: "ok" },
      });
  });
});

describe("the journal of what the gateway writes for a signature", () => {
  it("has its rows in the transaction of it: no crash parts them", async () => {
    const content = Buffer.from(`<ClinicalDocument>${randomUUID()}</ClinicalDocument>`).toString("base64");
    const document = { title: "Заключение", contentType: "text/xml", patient, content };
    const { body: prepared } = await cabinet.send("POST", "/me/signatures", { document });
    await locks.hold("lock table signature in share mode");
    const signed = signedIn(cabinet, prepared, "doctor");
    await locks.stopped(/update "signature"/);
    // rows of the request itself have passed
    await locks.hold("lock table journal_group in share mode");
    await locks.release(1);
    await locks.stopped(/journal_group/);
    const states = await locks.query("select state from signature where id = $1", [prepared.id]);
    expect(states).toEqual([{ state: "prepared" }]);
    await locks.release();
    const { body } = await signed;
    expect(body.state).toBe("signed");
    const rows = (await journalRows(app)).filter(({ resourceId }) => resourceId === body.document.id);
    expect(rows.map(({ actorId, action }) => [actorId, action])).toContainEqual(["signatures", "create"]);
  });

  it("tells of a new signature again when the change that brought it is repeated", async () => {
    const narrow = await doctor.token("TREAT", "system/DocumentReference.cruds");
    const { bytes, next } = changed();
    const given = header({ reason, signature: await signatureOver(bytes) });
    const headers = { ...given, "if-match": 'W/"1"', "idempotency-key": randomUUID() };
    const put = () => fhirCall(app, narrow, `PUT /DocumentReference/${current.id}`, { body: next, headers });
    const first = await put();
    expect(first.status, JSON.stringify(first.body)).toBe(200);
    const again = await put();
    expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([200, "true"]);
    const [, second] = await provenancesOf(current.id);
    const rows = (await journalRows(app)).filter(({ resourceId }) => resourceId === second?.id);
    expect(rows.map(({ action }) => action)).toEqual(["create", "repeated create"]);
  });
});

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

  it("E-19 a signature of other bytes, of another person, or of the version before is no new signature", async () => {
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
    expect(await put([{ data: older?.signature?.[0]?.data ?? "" }])).toEqual([
      422,
      "signature-content-differs",
    ]);
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

  it("a client writes no signature beside it, with or without our word for its level, at any door", async () => {
    const [own] = await provenancesOf(current.id);
    const { id: _, meta: __, signature = [], ...rest } = own as Provenance;
    const invented = { type: signature[0]?.type, when: rest.recorded, who: { display: "Иной врач" } };
    const forged = { ...invented, sigFormat: "application/pkcs7-signature", data: "AAAA" };
    for (const one of [forged, { ...forged, extension: signature[0]?.extension }, signature[0]]) {
      const body = { ...rest, signature: [one] };
      const posted = await fhirCall(app, token, "POST /Provenance", { body });
      expect(told(posted)).toEqual([422, "validation-failed"]);
      expect(JSON.stringify(posted.body)).toContain("/cabinet/v1/me/signatures");
      const request = { method: "POST", url: "Provenance" };
      const bundle = { resourceType: "Bundle", type: "transaction", entry: [{ request, resource: body }] };
      expect(told(await fhirCall(app, token, "POST /", { body: bundle }))).toEqual([
        422,
        "validation-failed",
      ]);
    }
    const unsigned = await fhirCall<Provenance>(app, token, "POST /Provenance", { body: rest });
    expect(unsigned.status, JSON.stringify(unsigned.body)).toBe(201);
    const { body: written } = unsigned;
    const put = await fhirCall(app, token, `PUT /Provenance/${written.id}`, {
      body: { ...written, signature: [forged] },
      headers: { "if-match": 'W/"1"' },
    });
    expect(told(put)).toEqual([422, "validation-failed"]);
    expect((await provenancesOf(current.id)).flatMap(({ signature: given = [] }) => given)).toHaveLength(1);
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

describe("E-19 the bytes of a signed document", () => {
  const binaryOf = ({ content }: DocumentReference) => content[0]?.attachment.url ?? "";
  const change = (binary: string, method: string, more: object = {}) =>
    fhirCall(app, token, `${method} /${binary}`, { headers: { "if-match": 'W/"1"' }, ...more });
  const bytesOf = (binary: string) => ({
    resourceType: "Binary",
    id: binary.split("/")[1],
    contentType: "text/xml",
    securityContext: { reference: `Patient/${patient}` },
    data: Buffer.from("<ClinicalDocument/>").toString("base64"),
  });
  const stored = async (bytes: Buffer) => {
    const { id: _id, ...binary } = bytesOf("");
    const body = { ...binary, data: bytes.toString("base64") };
    const made = await fhirCall<Resource>(app, token, "POST /Binary", { body });
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    return `Binary/${made.body.id}`;
  };
  /** The next version with its bytes in a Binary. */
  const inBinary = (url: string): DocumentReference => ({
    ...current,
    content: [{ attachment: { contentType: "text/xml", url } }],
  });

  it("E-19 are neither deleted nor replaced at their own address, those of an older version neither", async () => {
    const first = binaryOf(current);
    expect(told(await change(first, "DELETE"))).toEqual(due);
    expect(told(await change(first, "PUT", { body: bytesOf(first) }))).toEqual([405, "method-not-allowed"]);
    const batch = {
      resourceType: "Bundle",
      type: "transaction",
      entry: [{ request: { method: "DELETE", url: first, ifMatch: 'W/"1"' } }],
    };
    expect(told(await fhirCall(app, token, "POST ", { body: batch }))).toEqual(due);
    // a document of nobody's signature that shares them opens nothing
    const { resourceType, status, subject, content } = current;
    const shared = await fhirCall(app, token, "POST /DocumentReference", {
      body: { resourceType, status, subject, content },
    });
    expect(shared.status).toBe(201);
    expect(told(await change(first, "DELETE"))).toEqual(due);

    const { bytes } = changed();
    const second = await stored(bytes);
    const headers = header({ reason, signature: await signatureOver(bytes) });
    expect((await ask("PUT", current.id, { body: inBinary(second), headers })).status).toBe(200);
    for (const binary of [first, second]) expect(told(await change(binary, "DELETE"))).toEqual(due);
    expect((await fhirCall(app, token, `GET /${first}?_format=json`)).status).toBe(200);
  });

  it("are those that the signature was judged over, whoever is quicker", async () => {
    const { bytes } = changed();
    const binary = await stored(bytes);
    const headers = header({ reason, signature: await signatureOver(bytes) });
    // who deletes them is first
    await locks.hold("lock table resource_history in share mode");
    const deleted = change(binary, "DELETE");
    await locks.stopped(/resource_history/);
    const signed = ask("PUT", current.id, { body: inBinary(binary), headers });
    await locks.stopped(/pg_advisory_xact_lock/);
    await locks.release();
    expect((await deleted).status).toBe(204);
    expect(told(await signed)).toEqual([422, "signature-content-differs"]);

    const other = await stored(bytes);
    await locks.hold("lock table signature in share mode");
    const first = ask("PUT", current.id, {
      body: inBinary(other),
      headers: header({ reason, signature: await signatureOver(bytes) }),
    });
    await locks.stopped(/update "signature"/);
    const late = change(other, "DELETE");
    await locks.stopped(/pg_advisory_xact_lock/);
    await locks.release();
    expect((await first).status).toBe(200);
    expect(told(await late)).toEqual(due);
  });

  it("are one content: what is added beside it would be signed by nobody", async () => {
    const { bytes, next } = changed();
    const headers = header({ reason, signature: await signatureOver(bytes) });
    const body = { ...next, content: [...next.content, ...current.content] };
    expect(told(await ask("PUT", current.id, { body, headers }))).toEqual([422, "validation-failed"]);
  });
});

describe("E-19 a change that was judged before a signature came", () => {
  const observation = () => ({
    ...{ resourceType: "Observation", status: "preliminary", code: { text: "Пульс" } },
    subject: { reference: `Patient/${patient}` },
  });
  const headers = { "if-match": 'W/"1"' };
  const entry = (body: object, url: string) => ({
    resource: body,
    request: { method: "PUT", url, ifMatch: 'W/"1"' },
  });
  const bundle = (type: string, body: object, url: string) =>
    fhirCall(app, token, "POST ", { body: { resourceType: "Bundle", type, entry: [entry(body, url)] } });
  const doors: Record<string, (url: string, body: Resource) => Promise<FhirAnswer>> = {
    update: (url, body) => fhirCall(app, token, `PUT /${url}`, { body, headers }),
    patch: (url) =>
      fhirCall(app, token, `PATCH /${url}`, {
        body: [{ op: "replace", path: "/status", value: "final" }],
        headers: { ...headers, "content-type": "application/json-patch+json" },
      }),
    "conditional update": (_url, body) =>
      fhirCall(app, token, `PUT /Observation?_id=${body.id}`, { body, headers }),
    delete: (url) => fhirCall(app, token, `DELETE /${url}`, { headers }),
    "conditional delete": (_url, { id }) => fhirCall(app, token, `DELETE /Observation?_id=${id}`, {}),
    batch: (url, body) => bundle("batch", body, url),
    transaction: (url, body) => bundle("transaction", body, url),
  };

  it.each(Object.keys(doors))("E-19 is refused when it comes to its turn after it: %s", async (name) => {
    const made = await fhirCall<Resource>(app, token, "POST /Observation", { body: observation() });
    const url = `Observation/${made.body.id}`;
    const { body: prepared } = await cabinet.send("POST", "/me/signatures", { resource: url });
    // the signature holds the resource, and is not committed yet
    await locks.hold("lock table signature in share mode");
    const signed = signedIn(cabinet, prepared, "doctor");
    await locks.stopped(/update "signature"/);
    const late = doors[name]?.(url, { ...made.body, status: "final" } as Resource);
    await locks.stopped(/pg_advisory_xact_lock/);
    await locks.release();
    expect((await signed).body.state).toBe("signed");
    expect(JSON.stringify((await late)?.body)).toContain("resigning-reason-required");
    expect((await fhirCall<Resource>(app, token, `GET /${url}`)).body.meta?.versionId).toBe("1");
  });
});

describe("E-19 a signature that was given before", () => {
  it("E-19 signs nothing anew when the bytes return to what they were, in no encoding and at no door", async () => {
    const [older] = await provenancesOf(current.id);
    const container = older?.signature?.[0]?.data ?? "";
    const first = await fhirCall<{ data: string }>(
      app,
      token,
      `GET /${current.content[0]?.attachment.url}?_format=json`,
    );
    const bytes = Buffer.from(first.body.data, "base64");
    const amend = async (body: DocumentReference, data: string) => {
      const version = (await ask<DocumentReference>("GET", current.id)).body.meta?.versionId;
      return ask<DocumentReference>("PUT", current.id, {
        body,
        headers: { ...header({ reason, signature: [{ data }] }), "if-match": `W/"${version}"` },
      });
    };
    const { bytes: others, next } = changed();
    const [second] = await signatureOver(others);
    expect((await amend(next, second?.data ?? "")).status).toBe(200);
    const back = {
      ...current,
      content: [{ attachment: { contentType: "text/xml", data: bytes.toString("base64") } }],
    };
    expect(told(await amend(back, container))).toEqual([409, "signature-spent"]);
    // an unsigned attribute, or the indefinite lengths of BER, make other bytes of the same signature
    expect(told(await amend(back, inBer(container)))).toEqual([409, "signature-spent"]);
    const document = {
      title: "Заключение",
      contentType: "text/xml",
      content: back.content[0]?.attachment.data,
    };
    const { body: prepared } = await cabinet.send("POST", "/me/signatures", {
      document: { ...document, patient, replaces: current.id, reason: "Возврат" },
    });
    const put = await cabinet.send("PUT", `/me/signatures/${prepared.id}/signature`, {
      signature: container,
    });
    expect([put.status, put.body.code]).toEqual([409, "signature-spent"]);
    const fresh = await signedByTool(app.sandboxUrl, bytes, {
      at: new Date(Date.now() - 60_000).toISOString(),
    });
    expect((await amend(back, fresh.toString("base64"))).body.meta?.versionId).toBe("3");
  });
});

/** The same container with an indefinite length outside (BER), as some tools write it. */
function inBer(container: string): string {
  const der = Buffer.from(container, "base64");
  const header = (der[1] ?? 0) < 0x80 ? 2 : 2 + ((der[1] ?? 0) & 0x7f);
  const ber = Buffer.concat([Buffer.from([0x30, 0x80]), der.subarray(header), Buffer.from([0, 0])]);
  return ber.toString("base64");
}

describe("E-19 a replacement in the cabinet", () => {
  const replacement = async () => {
    const text = `<ClinicalDocument>${randomUUID()}</ClinicalDocument>`;
    const document = {
      ...{
        title: "Заключение",
        contentType: "text/xml",
        patient,
        replaces: current.id,
        reason: "Исправлено",
      },
      content: Buffer.from(text).toString("base64"),
    };
    return (await cabinet.send("POST", "/me/signatures", { document })).body;
  };

  it("stands for the version that it was prepared from: of two one is refused, and prepared anew it is taken", async () => {
    const [one, other] = [await replacement(), await replacement()];
    const answers = await Promise.all([one, other].map((each) => signedIn(cabinet, each, "doctor")));
    expect(answers.map(({ status, body }) => [status, body.code]).sort()).toEqual([
      [200, undefined],
      [412, "version-conflict"],
    ]);
    expect(await version()).toBe("2");
    expect((await signedIn(cabinet, await replacement(), "doctor")).body.document.version).toBe(3);
  });

  it("does not undo a confidentiality that was raised meanwhile", async () => {
    const prepared = await replacement();
    const { bytes, next } = changed();
    const security = [{ system: "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", code: "R" }];
    const raised = await ask("PUT", current.id, {
      body: { ...next, meta: { ...current.meta, security } },
      headers: header({ reason, signature: await signatureOver(bytes) }),
    });
    expect(raised.status, JSON.stringify(raised.body)).toBe(200);
    const late = await signedIn(cabinet, prepared, "doctor");
    expect([late.status, late.body.code]).toEqual([412, "version-conflict"]);
    const later = await signedIn(cabinet, await replacement(), "doctor");
    expect(later.body.document.version).toBe(3);
    const { body } = await ask<DocumentReference>("GET", current.id);
    expect(body.meta?.security?.map(({ code }) => code)).toEqual(["R"]);
  });
});

describe("what is signed as a record", () => {
  it("is of a type that a signature may freeze: a patient, a visit or a booking goes on unsigned", async () => {
    const encounter = {
      ...{ resourceType: "Encounter", status: "in-progress" },
      class: { system: "http://terminology.hl7.org/CodeSystem/v3-ActCode", code: "AMB" },
      subject: { reference: `Patient/${patient}` },
    };
    const made = await fhirCall<Resource>(app, token, "POST /Encounter", { body: encounter });
    const [own] = await provenancesOf(current.id);
    const refused = [
      `Patient/${patient}`,
      `Encounter/${made.body.id}`,
      `DocumentReference/${current.id}`,
      `Provenance/${own?.id}`,
    ];
    for (const resource of refused) {
      const { status, body } = await cabinet.send("POST", "/me/signatures", { resource });
      expect([status, body.code], resource).toEqual([422, "resource-not-signable"]);
      expect(body.detail).toContain("MedicationRequest");
    }
    const next = { ...made.body, status: "finished" };
    const put = await fhirCall(app, token, `PUT /Encounter/${made.body.id}`, {
      body: next,
      headers: { "if-match": 'W/"1"' },
    });
    expect(put.status, JSON.stringify(put.body)).toBe(200);
  });
});

async function entered(persona: string): Promise<Cabinet> {
  const cabinet = new Cabinet(app.url);
  const undo = alterAccounts(app, (account) => ({ ...account, amr: "DS" }));
  await cabinet.visitor.follow(`${app.url}/auth/login?as=worker&persona=${persona}`);
  undo();
  await cabinet.acceptTerms();
  await activateCertificates(app, (await cabinet.get("/me")).body.id, { owner: persona });
  return cabinet;
}

async function signedIn(cabinet: Cabinet, request: { id: string; content: string }, owner: string) {
  const bytes = Buffer.from(request.content, "base64");
  const signature = (await signedByTool(app.sandboxUrl, bytes, { owner })).toString("base64");
  return cabinet.send("PUT", `/me/signatures/${request.id}/signature`, { signature });
}

describe("E-15 a document of a kind that a doctor and the head sign", () => {
  const kind = "125";
  let author: Cabinet;
  let chief: Cabinet;

  beforeAll(async () => {
    [author, chief] = [await entered("doctor"), await entered("chief")];
  });

  const order = (more: object = {}) => ({
    document: {
      ...{ title: "Свидетельство", contentType: "text/xml", patient, kind },
      content: Buffer.from(`<ClinicalDocument>${randomUUID()}</ClinicalDocument>`).toString("base64"),
      ...more,
    },
  });
  const rolesIn = ({ signers }: { signers: { role: { name: string }; state: string }[] }) =>
    signers.map(({ role, state }) => `${role.name} ${state}`);
  const document = async (id: string) =>
    (await fhirCall<DocumentReference>(app, token, `GET /DocumentReference/${id}`)).body;

  async function assign(practitioner: string): Promise<void> {
    const team = { resourceType: "CareTeam", status: "active", subject: { reference: `Patient/${patient}` } };
    const participant = [{ member: { reference: `Practitioner/${practitioner}` } }];
    const office = await doctor.token("HOPERAT");
    const body = { ...team, participant };
    expect((await fhirCall(app, office, "POST /CareTeam", { body })).status).toBe(201);
  }

  it("E-15 one signature of two is refused for registration, and is enough once the head has signed the same bytes", async () => {
    const { body: prepared } = await author.send("POST", "/me/signatures", order());
    expect(rolesIn(prepared)).toEqual(["Врач awaited", "Главный врач awaited"]);
    const { body: signed } = await signedIn(author, prepared, "doctor");
    expect([signed.state, signed.inForce, ...rolesIn(signed)]).toEqual([
      ...["signed", false, "Врач signed", "Главный врач awaited"],
    ]);
    const { id } = signed.document;
    expect(await document(id)).toMatchObject({
      docStatus: "preliminary",
      content: [{ format: { code: kind } }],
      type: { coding: [{ code: "13" }] },
    });
    const organization = `/me/signatures/${prepared.id}/organization`;
    const early = await author.send("POST", organization);
    expect([early.status, early.body.code]).toEqual([409, "signatures-missing"]);
    expect(early.body.detail).toContain("HEAD_DOCTOR (Главный врач)");
    expect(early.body.remedy).toContain("Дождитесь подписей");

    // the card is not open to the head yet
    expect((await chief.get("/me/awaited-signatures")).body.items).toEqual([]);
    expect((await chief.send("POST", "/me/signatures", { cosign: id })).status).toBe(403);
    await assign((await chief.get("/me")).body.id);
    const { items } = (await chief.get("/me/awaited-signatures")).body;
    expect(items).toMatchObject([{ document: id, patient, kind: { code: kind } }]);
    expect((await author.get("/me/awaited-signatures")).body.items).toEqual([]);

    const { body: second } = await chief.send("POST", "/me/signatures", { cosign: id });
    expect(second.content).toBe(prepared.content);
    const { body: settled } = await signedIn(chief, second, "chief");
    expect([settled.inForce, ...rolesIn(settled)]).toEqual([true, "Врач signed", "Главный врач signed"]);
    const shown = await author.get(`/me/signatures/${prepared.id}`);
    expect([shown.body.inForce, ...rolesIn(shown.body)]).toEqual([
      ...[true, "Врач signed", "Главный врач signed"],
    ]);
    expect(await document(id)).toMatchObject({
      docStatus: "final",
      meta: { versionId: "2" },
      author: [{}, {}],
    });
    const targets = (await provenancesOf(id)).map(({ target }) => target[0]?.reference);
    expect(targets).toEqual([1, 2].map((n) => `DocumentReference/${id}/_history/${n}`));
    expect((await author.send("POST", organization)).status).toBe(200);
    expect((await chief.get("/me/awaited-signatures")).body.items).toEqual([]);
  });

  it("E-15 a post that the kind does not know signs nothing, nor does one person twice, nor an unknown kind", async () => {
    const nurse = await entered("nurse");
    const refused = await nurse.send("POST", "/me/signatures", order({ patient: undefined }));
    expect([refused.status, refused.body.code]).toEqual([403, "signer-role-mismatch"]);
    expect(refused.body.detail).toContain("Врач, Главный врач");
    const unknown = await author.send("POST", "/me/signatures", order({ kind: "9999" }));
    expect([unknown.status, unknown.body.code]).toEqual([422, "document-kind-unknown"]);
    const { body: signed } = await signedIn(
      author,
      (await author.send("POST", "/me/signatures", order())).body,
      "doctor",
    );
    const again = await author.send("POST", "/me/signatures", { cosign: signed.document.id });
    expect([again.status, again.body.code]).toEqual([409, "signature-settled"]);
  });

  it("E-15 a document that was changed meanwhile takes no signature over its old bytes", async () => {
    const { body: signed } = await signedIn(
      author,
      (await author.send("POST", "/me/signatures", order())).body,
      "doctor",
    );
    const { id } = signed.document;
    const { body: second } = await chief.send("POST", "/me/signatures", { cosign: id });
    const replacing = order({ replaces: id, reason: "Исправлена причина" });
    const { body: next } = await signedIn(
      author,
      (await author.send("POST", "/me/signatures", replacing)).body,
      "doctor",
    );
    expect([next.inForce, ...rolesIn(next)]).toEqual([false, "Врач signed", "Главный врач awaited"]);
    const late = await signedIn(chief, second, "chief");
    expect([late.status, late.body.code]).toEqual([409, "signature-settled"]);
    expect((await document(id)).docStatus).toBe("preliminary");
  });

  it("E-15 at /fhir nobody makes it final alone: neither unsigned, nor by one new signature", async () => {
    const attachment = { contentType: "text/xml", data: Buffer.from("<a/>").toString("base64") };
    const format = { system: "urn:oid:1.2.643.5.1.13.13.11.1520", code: kind };
    const body = {
      ...{
        resourceType: "DocumentReference",
        status: "current",
        subject: { reference: `Patient/${patient}` },
      },
      ...{ content: [{ attachment, format }] },
    };
    const post = (docStatus: string) =>
      fhirCall(app, token, "POST /DocumentReference", { body: { ...body, docStatus } });
    expect(told(await post("final"))).toEqual([409, "signatures-missing"]);
    expect((await post("preliminary")).status).toBe(201);

    const { body: signed } = await signedIn(
      author,
      (await author.send("POST", "/me/signatures", order())).body,
      "doctor",
    );
    current = { ...(await document(signed.document.id)), id: signed.document.id };
    const { bytes, next } = changed();
    const headers = header({ reason, signature: await signatureOver(bytes) });
    const put = (docStatus: "amended" | "preliminary") =>
      ask<DocumentReference>("PUT", current.id, { body: { ...next, docStatus }, headers });
    expect(told(await put("amended"))).toEqual([409, "signatures-missing"]);
    expect((await put("preliminary")).body.meta?.versionId).toBe("2");
    const { body: second } = await chief.send("POST", "/me/signatures", { cosign: current.id });
    expect(Buffer.from(second.content, "base64").equals(bytes)).toBe(true);
    expect((await signedIn(chief, second, "chief")).body.inForce).toBe(true);
    expect((await document(current.id)).docStatus).toBe("amended");
  });
});

describe("a prescription that was signed", () => {
  it("E-19 is provably the signed version, and changes only with a reason and a signature over the next one", async () => {
    await consentToPrescriptions(app, patient);
    const made = await fhirCall<MedicationRequest>(app, token, "POST /MedicationRequest", {
      body: {
        ...{ resourceType: "MedicationRequest", status: "active", intent: "order" },
        ...{ subject: { reference: `Patient/${patient}` }, medicationCodeableConcept: { text: "Синтетин" } },
      },
    });
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    const { id = "" } = made.body;
    const author = await entered("doctor");
    const { body: prepared } = await author.send("POST", "/me/signatures", {
      resource: `MedicationRequest/${id}`,
    });
    const bytes = Buffer.from(prepared.content, "base64");
    expect(bytes.toString()).toBe(canonical(made.body));
    expect(prepared.level).toBe("qualified");
    const { body: signed } = await signedIn(author, prepared, "doctor");
    expect([signed.inForce, signed.document]).toEqual([true, { id, version: 1 }]);

    const { body: found } = await fhirCall<Bundle<Provenance>>(
      app,
      token,
      `GET /Provenance?target=MedicationRequest/${id}`,
    );
    const provenance = found.entry?.[0]?.resource;
    expect(provenance?.target[0]?.reference).toBe(`MedicationRequest/${id}/_history/1`);
    const version = await fhirCall<MedicationRequest>(app, token, `GET /MedicationRequest/${id}/_history/1`);
    const given = Buffer.from(provenance?.signature?.[0]?.data ?? "", "base64");
    expect(checkCms(given, Buffer.from(canonical(version.body))).problems).toEqual([]);

    const path = `PUT /MedicationRequest/${id}`;
    const next = { ...made.body, status: "stopped" };
    const headers = { "if-match": 'W/"1"' };
    expect(told(await fhirCall(app, token, path, { body: next, headers }))).toEqual(due);
    expect(told(await fhirCall(app, token, `DELETE /MedicationRequest/${id}`, { headers }))).toEqual(due);
    const over = async (of: object) => ({
      ...headers,
      ...header({ reason, signature: await signatureOver(Buffer.from(canonical(of))) }),
    });
    const wrong = await fhirCall(app, token, path, {
      body: next,
      headers: await over({ ...next, status: "completed" }),
    });
    expect(told(wrong)).toEqual([422, "signature-content-differs"]);
    const right = await fhirCall(app, token, path, { body: next, headers: await over(next) });
    expect([right.status, right.body.meta?.versionId]).toEqual([200, "2"]);
    const { body: both } = await fhirCall<Bundle<Provenance>>(
      app,
      token,
      `GET /Provenance?target=MedicationRequest/${id}`,
    );
    expect(both.entry?.map(({ resource }) => resource?.target[0]?.reference).sort()).toEqual(
      [1, 2].map((n) => `MedicationRequest/${id}/_history/${n}`),
    );
  });

  it("another resource of the same id is signed, and changed, by itself", async () => {
    const path = `PUT /Observation/${current.id}`;
    const body = {
      ...{ resourceType: "Observation", id: current.id, status: "preliminary", code: { text: "Пульс" } },
      ...{ subject: { reference: `Patient/${patient}` } },
    };
    const made = await fhirCall<Resource>(app, token, path, { body });
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    const headers = { "if-match": 'W/"1"' };
    const next = { ...made.body, status: "final" };
    expect((await fhirCall(app, token, path, { body: next, headers })).status).toBe(200);
    const author = await entered("doctor");
    const { body: prepared } = await author.send("POST", "/me/signatures", {
      resource: `Observation/${current.id}`,
    });
    expect((await signedIn(author, prepared, "doctor")).body.inForce).toBe(true);
    // the document is as signed as it was
    const { next: changedDocument } = changed();
    expect(told(await ask("PUT", current.id, { body: changedDocument }))).toEqual(due);
  });

  it("a version that was past before its signature came is not signed", async () => {
    const body = { resourceType: "Observation", status: "preliminary", code: { text: "Пульс" } };
    const about = { subject: { reference: `Patient/${patient}` } };
    const made = await fhirCall<Resource>(app, token, "POST /Observation", { body: { ...body, ...about } });
    const author = await entered("doctor");
    const resource = `Observation/${made.body.id}`;
    const { body: prepared } = await author.send("POST", "/me/signatures", { resource });
    const next = { ...made.body, status: "final" };
    const put = await fhirCall(app, token, `PUT /${resource}`, {
      body: next,
      headers: { "if-match": 'W/"1"' },
    });
    expect(put.status).toBe(200);
    const late = await signedIn(author, prepared, "doctor");
    expect([late.status, late.body.code]).toEqual([412, "version-conflict"]);
  });
});

/** Canonical JSON of FHIR R4 without meta and text, written from its definition. */
function canonical(resource: object): string {
  const { meta: _meta, text: _text, ...node } = resource as Record<string, unknown>;
  const text = (value: unknown): string => {
    if (Array.isArray(value)) return `[${value.map(text).join(",")}]`;
    if (typeof value !== "object" || value === null) return JSON.stringify(value);
    const names = Object.keys(value).sort();
    return `{${names.map((name) => `${JSON.stringify(name)}:${text((value as Record<string, unknown>)[name])}`).join(",")}}`;
  };
  return text(node);
}

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
