import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { components } from "../../src/api/cabinet/types.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { freshDatabase } from "../support/database.ts";
import { ShiftedClock } from "../support/shifted-clock.ts";
import { csrfOn, journalRows, signInAs } from "../support/sign-in.ts";
import { signedByTool } from "../support/signing.ts";
import type { Visitor } from "../support/visitor.ts";

type View = components["schemas"];

const clock = new ShiftedClock();
let app: TestApp;
let visitor: Visitor;

beforeAll(async () => {
  app = await startApp({ DATABASE_URL: await freshDatabase() }, clock);
});
afterAll(() => app.close());
beforeEach(async () => {
  visitor = await enter("doctor");
});

async function enter(persona: string): Promise<Visitor> {
  const entered = await signInAs(app, persona);
  const page = await entered.visitor.visit(`${app.url}/auth/account`);
  await entered.visitor.visit(`${app.url}/auth/terms`, { form: { csrf: csrfOn(page), version: "1" } });
  return entered.visitor;
}

async function call(method: string, path: string, body?: object, as = visitor) {
  const { status, text } = await as.visit(`${app.url}/cabinet/v1${path}`, {
    method,
    headers: {
      accept: "application/json",
      origin: app.url,
      "x-requested-with": "test",
      "idempotency-key": randomUUID(),
    },
    ...(body && { json: body }),
  });
  return { status, body: text ? JSON.parse(text) : undefined };
}

const document = (label = randomUUID()) => ({
  title: "Служебная записка",
  contentType: "text/plain",
  content: Buffer.from(`Записка ${label}`).toString("base64"),
});

async function prepared(more: object = {}): Promise<View["SignatureRequest"]> {
  const { status, body } = await call("POST", "/me/signatures", { document: { ...document(), ...more } });
  expect([status, body.code]).toEqual([201, undefined]);
  return body;
}

async function signed({ content = "" }: View["SignatureRequest"], order = {}): Promise<object> {
  const bytes = await signedByTool(app.sandboxUrl, Buffer.from(content, "base64"), order);
  return { signature: bytes.toString("base64") };
}

const submit = async (request: View["SignatureRequest"], order = {}) =>
  call("PUT", `/me/signatures/${request.id}/signature`, await signed(request, order));

async function certificateOf(order: Record<string, string>): Promise<object> {
  const answer = await fetch(`${app.sandboxUrl}/pki/certificates?${new URLSearchParams(order)}`);
  return (await answer.json()) as object;
}

describe("the cabinet's signatures", () => {
  it("prepares, takes the signature and shows every check", async () => {
    const request = await prepared();
    expect(request).toMatchObject({ state: "prepared", level: "enhanced", purpose: "document" });
    expect(request.digests.streebog256).toMatch(/^[0-9a-f]{64}$/);
    const { status, body } = await submit(request, { kind: "gost" });
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: "signed", document: { version: 1 } });
    const shown = await call("GET", `/me/signatures/${request.id}`);
    expect(shown.body.checks).toEqual([
      expect.objectContaining({ verdict: "good", problems: [], algorithm: "gost-256" }),
    ]);
  });

  it("E-13 lists the worker's own signature events and journals each", async () => {
    const request = await prepared();
    await submit(request);
    const { body } = await call("GET", "/me/signatures");
    expect(body.items[0]).toMatchObject({ id: request.id, state: "signed" });
    const rows = (await journalRows(app)).filter(({ resourceId }) => resourceId === request.id);
    expect(rows.map(({ action }) => action)).toEqual(["prepare-signature", "sign"]);
    const nurse = await enter("nurse");
    expect((await call("GET", "/me/signatures", undefined, nurse)).body.items).toEqual([]);
    expect((await call("GET", `/me/signatures/${request.id}`, undefined, nurse)).status).toBe(404);
  });

  it("tells the cause of a refusal with advice, and keeps the bytes for another try", async () => {
    const request = await prepared();
    const refused = await submit(request, { owner: "nurse" });
    expect(refused).toMatchObject({ status: 403, body: { code: "signature-owner-mismatch" } });
    expect(refused.body.remedy).toContain("СНИЛС");
    const { body } = await call("GET", `/me/signatures/${request.id}`);
    expect(body.checks[0]).toMatchObject({
      verdict: "bad",
      problems: [{ code: "signature-owner-mismatch" }],
    });
    expect((await submit(request)).status).toBe(200);
  });

  it("a signed document changes only with the reason of the change", async () => {
    const first = await submit(await prepared());
    const replaces = first.body.document.id;
    const without = await call("POST", "/me/signatures", { document: { ...document(), replaces } });
    expect(without).toMatchObject({ status: 422, body: { code: "resigning-reason-required" } });
    const second = await submit(await prepared({ replaces, reason: "Исправлена опечатка" }));
    expect(second.body.document).toEqual({ id: replaces, version: 2 });
  });

  it("refuses to prepare a patient's document without a ground for it", async () => {
    const asked = { ...document(), patient: "unknown-patient" };
    const refused = await call("POST", "/me/signatures", { document: asked });
    expect(refused).toMatchObject({ status: 403, body: { code: "access-denied" } });
  });

  it("can be taken back until it is settled", async () => {
    const request = await prepared();
    expect((await call("DELETE", `/me/signatures/${request.id}`)).status).toBe(204);
    expect((await submit(request)).body.code).toBe("signature-settled");
  });

  it("E-18 no operation of the API takes a private key, and a container with one is refused", async () => {
    const contract = await (await fetch(`${app.url}/openapi/cabinet.yaml`)).text();
    expect(contract).not.toMatch(/privateKey|private_key|keyFile|password:|pkcs8|pkcs12/i);
    const request = await prepared();
    const pem = "-----BEGIN PRIVATE KEY-----";
    const answer = await call("PUT", `/me/signatures/${request.id}/signature`, {
      signature: Buffer.from(pem).toString("base64"),
    });
    expect(answer.body.code).toBe("signature-format");
  });
});

describe("certificates of the worker's tool", () => {
  it("E-10 binds the worker's own certificate only", async () => {
    const bound = await call("POST", "/me/certificates", await certificateOf({ owner: "doctor" }));
    expect(bound.status).toBe(201);
    const foreign = await call("POST", "/me/certificates", await certificateOf({ owner: "chief" }));
    expect(foreign).toMatchObject({ status: 403, body: { code: "signature-owner-mismatch" } });
    const expired = await certificateOf({ owner: "doctor", variant: "expired" });
    expect((await call("POST", "/me/certificates", expired)).body.code).toBe("signature-expired-when-signed");
    const revoked = await certificateOf({ owner: "doctor", variant: "revoked" });
    expect((await call("POST", "/me/certificates", revoked)).body.code).toBe("signature-revoked");
  });

  it("E-25 a lost key stops signing at once in every session, and a new certificate opens it again", async () => {
    const other = await enter("doctor");
    const order = { owner: "doctor", kind: "gost" };
    const { body: bound } = await call("POST", "/me/certificates", await certificateOf(order));
    const waiting = await prepared();
    const lost = await call("POST", `/me/certificates/${bound.fingerprint}/lost`);
    expect(lost.body.steps.length).toBeGreaterThan(3);
    for (const session of [visitor, other]) {
      const refused = await call("POST", "/me/signatures", { document: document() }, session);
      expect(refused).toMatchObject({ status: 403, body: { code: "signing-stopped" } });
    }
    expect((await submit(waiting, { kind: "gost" })).body.code).toBe("signing-stopped");
    clock.shiftMs += 1_000;
    const fresh = await certificateOf({ owner: "doctor", variant: "expiring" });
    expect((await call("POST", "/me/certificates", fresh)).status).toBe(201);
    // the lost one stays out
    expect((await submit(waiting, { kind: "gost" })).body.code).toBe("signing-stopped");
    expect((await submit(waiting, { variant: "expiring" })).status).toBe(200);
    const { body } = await call("GET", "/me/certificates");
    expect(body.signingStopped).toBe(false);
    expect(body.items.find((one: { notice?: object }) => one.notice)?.notice.code).toBe("certificate-ends");
  });
});
