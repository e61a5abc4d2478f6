import { execFileSync } from "node:child_process";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { components } from "../../src/api/cabinet/types.ts";
import { checkCms } from "../../src/crypto/cms-verify.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { freshDatabase } from "../support/database.ts";
import { codeSentTo, messagesTo } from "../support/messages.ts";
import { ShiftedClock } from "../support/shifted-clock.ts";
import { calm, csrfOn, journalRows, order, signInAs } from "../support/sign-in.ts";
import { activateCertificates, signedByTool } from "../support/signing.ts";
import type { Visitor } from "../support/visitor.ts";

type View = components["schemas"];

const phone = "+79990000001";
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
  const { body } = await call("GET", "/me", undefined, entered.visitor);
  const gost = { owner: persona, kind: "gost" } as const;
  const orders = [{ owner: persona }, gost, { ...gost, variant: "expiring" }];
  await activateCertificates(app, body.id, ...orders);
  return entered.visitor;
}

/** From now on no row gets into the journal: the request fails, and what it did is undone with it. */
function failingJournal(): { mend(): void } {
  const { journal } = app.parts;
  const real = journal.appendIn;
  journal.appendIn = () => Promise.reject(new Error("the disk is full"));
  return {
    mend: () => {
      journal.appendIn = real;
    },
  };
}

const call = (method: string, path: string, body?: object, as = visitor) =>
  send({ method, path, body, as, key: randomUUID() });

interface Asked {
  method: string;
  path: string;
  body?: object;
  as?: Visitor;
  key: string;
}

async function send({ method, path, body, as = visitor, key }: Asked) {
  const { status, text, headers } = await as.visit(`${app.url}/cabinet/v1${path}`, {
    method,
    headers: {
      accept: "application/json",
      origin: app.url,
      "x-requested-with": "test",
      "idempotency-key": key,
    },
    ...(body && { json: body }),
  });
  const replayed = headers.get("idempotent-replayed");
  return { status, replayed, body: text ? JSON.parse(text) : undefined };
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
    expect(request.digests?.streebog256).toMatch(/^[0-9a-f]{64}$/);
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

  it("the organisation signs what is in force, never what waits for its verification", async () => {
    const request = await prepared();
    const path = `/me/signatures/${request.id}/organization`;
    expect((await call("POST", path)).body.code).toBe("signature-unverified");
    await order(app, "pki", "unknown-status");
    const waiting = await prepared();
    const queued = await submit(waiting, { variant: "expiring", kind: "gost" });
    expect([queued.status, queued.body.inForce]).toEqual([202, false]);
    const early = await call("POST", `/me/signatures/${waiting.id}/organization`);
    expect([early.status, early.body.code]).toEqual([409, "signature-unverified"]);
    await calm(app);
    expect((await submit(request)).body.inForce).toBe(true);
    const { status, body } = await call("POST", path);
    expect([status, body.code]).toEqual([200, undefined]);
    const { problems } = checkCms(
      Buffer.from(body.signature, "base64"),
      Buffer.from(request.content ?? "", "base64"),
    );
    expect(problems).toEqual([]);
  });

  it("what the journal does not take is undone, and sent again is done once, with its answer kept", async () => {
    const certificate = await certificateOf({ owner: "doctor", variant: "expiring" });
    for (const asked of [
      { method: "POST", path: "/me/signatures", body: { document: document() }, key: randomUUID() },
      { method: "POST", path: "/me/certificates", body: certificate, key: randomUUID() },
    ]) {
      const { db } = app.parts.store;
      const effects = async () => [
        ...(await db.selectFrom("signature").select("id").execute()),
        ...(await db.selectFrom("signing_certificate").select("fingerprint").execute()),
      ];
      const before = await effects();
      const journal = failingJournal();
      expect((await send(asked)).status).toBe(503);
      journal.mend();
      expect(await effects()).toEqual(before);
      const done = await send(asked);
      expect([done.status, done.replayed]).toEqual([201, null]);
      const repeated = await send(asked);
      expect([repeated.status, repeated.replayed]).toEqual([201, "true"]);
      expect(await effects()).toHaveLength(before.length + 1);
    }
  });

  it("can be taken back until it is settled", async () => {
    const request = await prepared();
    expect((await call("DELETE", `/me/signatures/${request.id}`)).status).toBe(204);
    expect((await submit(request)).body.code).toBe("signature-settled");
  });

  it("E-18 no request of the contract has a place for a private key", async () => {
    const contract = parse(await (await fetch(`${app.url}/openapi/cabinet.yaml`)).text());
    const named = requestMembersOf(contract);
    expect(named.length).toBeGreaterThan(20);
    const secret = /private|secret|key|pfx|p12|pkcs(8|12)|container|pin\b|passw|passphrase|token/i;
    expect(named.filter((name) => secret.test(name))).toEqual([]);
  });

  it("E-18 bytes that hold a private key are refused wherever a signature or a certificate is taken", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pkcs8 = privateKey.export({ type: "pkcs8", format: "der" });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const { certificate } = (await certificateOf({ owner: "doctor" })) as { certificate: string };
    const block = certificate.replace(/.{64}/g, "$&\n");
    const both = `${pem}-----BEGIN CERTIFICATE-----\n${block}\n-----END CERTIFICATE-----\n`;
    for (const bytes of [pkcs8, Buffer.from(pem), Buffer.from(both), pfxOf(pem)]) {
      const text = bytes.toString("base64");
      const request = await prepared();
      const given = await call("PUT", `/me/signatures/${request.id}/signature`, { signature: text });
      expect([given.status, given.body.code]).toEqual([422, "signature-format"]);
      const bound = await call("POST", "/me/certificates", { certificate: text });
      expect([bound.status, bound.body.code]).toEqual([422, "signature-format"]);
      const chained = await call("POST", "/me/certificates", { certificate, chain: [text] });
      expect([chained.status, chained.body.code]).toEqual([422, "signature-format"]);
    }
  });

  it("E-20 each cause has a text and a remedy of its own: expired, revoked, chain, owner, hash, level, time-out", async () => {
    const texts = new Set<string>();
    const causes = {
      "signature-expired-when-signed": { variant: "expired" },
      "signature-revoked": { variant: "revoked" },
      "signature-ca-revoked": { variant: "ca-revoked" },
      "signature-not-trusted": { variant: "untrusted" },
      "signature-owner-mismatch": { owner: "nurse" },
    };
    for (const [code, asked] of Object.entries(causes)) {
      const { body } = await submit(await prepared(), asked);
      expect(body.code).toBe(code);
      texts.add(`${body.title ?? body.text} ${body.remedy}`);
    }
    const level = await submit(await prepared({ kind: "125" }), { variant: "enhanced" });
    expect(level.body.code).toBe("signature-level");
    texts.add(`${level.body.title ?? level.body.text} ${level.body.remedy}`);
    const request = await prepared();
    const other = await signedByTool(app.sandboxUrl, Buffer.from("other"));
    const hash = await call("PUT", `/me/signatures/${request.id}/signature`, {
      signature: other.toString("base64"),
    });
    expect(hash.body.code).toBe("signature-content-differs");
    texts.add(`${hash.body.title ?? hash.body.text} ${hash.body.remedy}`);
    await order(app, "pki", "unknown-status");
    const waiting = await submit(await prepared(), { variant: "expiring", kind: "gost" });
    await calm(app);
    expect(waiting.status).toBe(202);
    const [problem] = waiting.body.checks[0].problems;
    expect(problem.code).toBe("revocation-unknown");
    texts.add(`${problem.text} ${problem.remedy}`);
    expect(texts.size).toBe(Object.keys(causes).length + 3);
  });
});

/** Names of all members that a request of the contract may carry, in its body, query or path. */
function requestMembersOf(contract: object): string[] {
  const names = new Set<string>();
  const walk = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const { $ref, properties, in: place, name, ...rest } = node as Record<string, unknown>;
    if (typeof $ref === "string") {
      const path = $ref.slice(2).split("/");
      walk(path.reduce((at, step) => (at as Record<string, unknown>)[step], contract as unknown));
      return;
    }
    if (typeof name === "string" && (place === "query" || place === "path")) names.add(name);
    for (const [member, value] of Object.entries((properties ?? {}) as object)) {
      names.add(member);
      walk(value);
    }
    for (const value of Object.values(rest)) walk(value);
  };
  const { paths } = contract as { paths: Record<string, Record<string, object>> };
  for (const operations of Object.values(paths))
    for (const operation of Object.values(operations)) {
      const { requestBody, parameters } = operation as { requestBody?: object; parameters?: object };
      walk(requestBody);
      walk(parameters);
    }
  return [...names];
}

/** A PKCS#12 container of a key, by OpenSSL. */
function pfxOf(pem: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "pfx-"));
  const run = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  writeFileSync(join(folder, "key.pem"), pem);
  run("req", "-x509", "-new", "-key", "key.pem", "-subj", "/CN=x", "-days", "1", "-out", "own.pem");
  return run("pkcs12", "-export", "-inkey", "key.pem", "-in", "own.pem", "-passout", "pass:");
}

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

  it("E-25 a lost key stops signing at once in every session, and only a certificate activated by a code opens it again", async () => {
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
    const sent = (await messagesTo(app, phone)).filter(({ text }) => /^\d{6}/.test(text)).length;
    const fresh = await certificateOf({ owner: "doctor", variant: "expiring" });
    const { body: pending } = await call("POST", "/me/certificates", fresh);
    expect(pending.state).toBe("pending");
    // bound is not activated: who holds the stolen device binds what they like
    expect((await submit(waiting, { variant: "expiring" })).body.code).toBe("signing-stopped");
    expect((await call("GET", "/me/certificates")).body.signingStopped).toBe(true);
    let code = pending.code && (await codeSentTo(app, phone, sent));
    if (!code) {
      clock.shiftMs += 61_000;
      await call("POST", `/me/certificates/${pending.fingerprint}/code`);
      code = await codeSentTo(app, phone, sent);
    }
    const path = `/me/certificates/${pending.fingerprint}/confirmation`;
    expect((await call("POST", path, { code })).body.state).toBe("active");
    // the lost one stays out
    expect((await submit(waiting, { kind: "gost" })).body.code).toBe("signing-stopped");
    expect((await submit(waiting, { variant: "expiring" })).status).toBe(200);
    const { body } = await call("GET", "/me/certificates");
    expect(body.signingStopped).toBe(false);
    expect(body.items.find((one: { notice?: object }) => one.notice)?.notice.code).toBe("certificate-ends");
  });
});
