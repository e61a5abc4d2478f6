import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DocumentReference, Provenance } from "@medplum/fhirtypes";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { errorTable } from "../../src/core/error-table.ts";
import { allDerFromPem } from "../../src/crypto/pem.ts";
import { isInForce, type SignatureState } from "../../src/flows/signature/state.ts";
import type { SigningWorker } from "../../src/flows/signature/terms.ts";
import { openVerifier } from "../../src/signature-parts.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { freshDatabase } from "../support/database.ts";
import { ShiftedClock } from "../support/shifted-clock.ts";
import { calm, order } from "../support/sign-in.ts";
import {
  activateCertificates,
  doctor,
  documentOf,
  organization,
  signedByTool,
  type ToolOrder,
} from "../support/signing.ts";

const minute = 60_000;
const hour = 60 * minute;
const clock = new ShiftedClock();
let app: TestApp;

beforeAll(async () => {
  app = await startApp({ DATABASE_URL: await freshDatabase() }, clock);
});
afterAll(() => app.close());
afterEach(() => calm(app));

const tool = (content: Uint8Array, asked?: ToolOrder) => signedByTool(app.sandboxUrl, content, asked);

/** Signs bytes that are signed in this second too: what a signature covers differs by its time only. */
const signedAnew = (content: Uint8Array, asked: ToolOrder) =>
  tool(content, { ...asked, at: new Date(clock.now() - minute).toISOString() });

/** Prepares a document of its own, has it signed and submits that. */
async function attempt(asked: ToolOrder = {}, worker: SigningWorker = doctor(), needed = "qualified") {
  const document = { ...documentOf(randomUUID()), needed: needed as "qualified" };
  const { id } = await app.parts.signatures.prepare(worker, document);
  const { owner, kind, variant } = asked;
  await activateCertificates(app, worker.personId, {
    owner,
    ...(kind && { kind }),
    ...(variant && { variant }),
  });
  const container = await tool(document.content, asked);
  return {
    worker,
    id,
    document,
    container,
    submit: () => app.parts.signatures.submit(worker, id, { container }),
  };
}

async function refusal(asked: ToolOrder, worker?: SigningWorker): Promise<string> {
  const { submit } = await attempt(asked, worker);
  return submit().then(
    () => "accepted",
    (error) => error.code,
  );
}

async function submitBytes(container: Uint8Array): Promise<string> {
  const worker = doctor();
  const { id } = await app.parts.signatures.prepare(worker, documentOf(randomUUID()));
  return app.parts.signatures.submit(worker, id, { container }).then(
    () => "accepted",
    (error) => error.code,
  );
}

interface Report {
  path: string[];
  problems: { code: string }[];
  revocation: { source: string; ageSeconds: number }[];
}

/** What the first check of a request found. */
async function reportOf(worker: SigningWorker, id: string): Promise<Report> {
  const { checks } = await app.parts.signatures.find(worker, id);
  return checks[0]?.report as Report;
}

async function resourcesOf<T>(type: string, documentId: string): Promise<T[]> {
  const rows = await app.parts.store.db
    .selectFrom("resource")
    .select("id")
    .where("tenant", "=", organization)
    .where("type", "=", type)
    .execute();
  const stored = await app.parts.resources.byIds(app.parts.store.db, {
    tenant: organization,
    type,
    ids: rows.map(({ id }) => id),
  });
  return stored
    .map(({ id, content }) => ({ ...content, id }) as T)
    .filter((one) => JSON.stringify(one).includes(documentId));
}

const rootsOf = async (sandboxUrl: string) =>
  allDerFromPem(await (await fetch(`${sandboxUrl}/pki/roots`)).text(), "CERTIFICATE");

describe("a signature over prepared bytes", () => {
  it.each(["rsa", "gost"] as const)(
    "a trusted %s signature is accepted and stands as a Provenance of exactly that version",
    async (kind) => {
      const { submit } = await attempt({ kind });
      const { signature } = await submit();
      expect(signature.state).toBe("signed");
      const [provenance] = await resourcesOf<Provenance>("Provenance", signature.document?.id ?? "none");
      expect(provenance?.target).toEqual([
        { reference: `DocumentReference/${signature.document?.id}/_history/1` },
      ]);
      expect(provenance?.signature?.[0]).toMatchObject({
        sigFormat: "application/pkcs7-signature",
        who: { reference: "PractitionerRole/role-of-the-doctor" },
        onBehalfOf: { identifier: { value: `urn:oid:${organization}` } },
      });
    },
  );

  it("keeps evidence that nobody can change: certificate, path, answers about revocation, times", async () => {
    const { worker, id, submit } = await attempt();
    await submit();
    const { checks } = await app.parts.signatures.find(worker, id);
    expect(checks).toHaveLength(1);
    expect(checks[0]?.report).toMatchObject({
      level: "qualified",
      problems: [],
      revocation: [
        { source: "ocsp", status: "good" },
        { source: "crl", status: "good" },
      ],
    });
    expect((await reportOf(worker, id)).path).toHaveLength(3);
    const { db } = app.parts.store;
    await expect(db.updateTable("signature_evidence").set({ verdict: "bad" }).execute()).rejects.toThrow(
      /immutable/,
    );
    await expect(db.deleteFrom("signature_evidence").execute()).rejects.toThrow(/immutable/);
  });

  it("E-28 the same bytes signed twice by one person are one Provenance, a replay changes nothing", async () => {
    const { worker, id, document, container, submit } = await attempt({ kind: "gost" });
    const twin = await app.parts.signatures.prepare(worker, document);
    expect(twin.id).not.toBe(id);
    const first = await submit();
    const anew = { container: await signedAnew(document.content, { kind: "gost" }) };
    await expect(app.parts.signatures.submit(worker, twin.id, anew)).rejects.toMatchObject({
      code: "signature-settled",
    });
    const again = await submit();
    expect(again.signature.document).toEqual(first.signature.document);
    const prepared = await app.parts.signatures.prepare(worker, document);
    expect(prepared.id).toBe(id);
    await app.parts.signatures.submit(worker, prepared.id, { container });
    const documentId = first.signature.document?.id ?? "none";
    expect(await resourcesOf<Provenance>("Provenance", documentId)).toHaveLength(1);
  });

  it("E-28 the same bytes for another patient, purpose or level are another signature", async () => {
    const { worker, document, submit } = await attempt({ kind: "gost" });
    const first = await submit();
    const others = [
      { subject: randomUUID() },
      { needed: "enhanced" as const },
      { represents: "Observation" },
      { resource: { type: "Observation", id: randomUUID() } },
    ];
    for (const other of others) {
      const prepared = await app.parts.signatures.prepare(worker, { ...document, ...other });
      expect([prepared.state, prepared.id === first.signature.id], JSON.stringify(other)).toEqual([
        "prepared",
        false,
      ]);
    }
    const of = { ...document, subject: randomUUID() };
    const prepared = await app.parts.signatures.prepare(worker, of);
    const container = await signedAnew(document.content, { kind: "gost", variant: "good" });
    const { signature } = await app.parts.signatures.submit(worker, prepared.id, { container });
    expect([signature.state, signature.subject]).toEqual(["signed", of.subject]);
    expect((await app.parts.signatures.prepare(worker, of)).id).toBe(prepared.id);
  });

  it("a signature of one document is not one of another", async () => {
    const { container } = await attempt();
    expect(await submitBytes(container)).toBe("signature-content-differs");
  });

  it("another worker's request is not found", async () => {
    const { id, container } = await attempt();
    await expect(app.parts.signatures.submit(doctor(), id, { container })).rejects.toMatchObject({
      code: "not-found",
    });
  });

  it("after 15 minutes the frozen bytes can't be signed", async () => {
    const { worker, id, submit } = await attempt();
    clock.shiftMs += 15 * minute - 5_000;
    expect((await app.parts.signatures.find(worker, id)).signature.state).toBe("prepared");
    clock.shiftMs += 6_000;
    await expect(submit()).rejects.toMatchObject({ code: "prepared-document-expired" });
    expect((await app.parts.signatures.find(worker, id)).signature.state).toBe("expired");
  });
});

describe("each cause of a refusal", () => {
  let folder: string;
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { cwd: folder, stdio: ["pipe", "pipe", "pipe"] });

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "signatures-"));
    for (const name of ["one", "two"])
      openssl(
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        `/CN=${name}`,
        "-days",
        "2",
        "-keyout",
        `${name}.key`,
        "-out",
        `${name}.crt`,
      );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const cms = (...args: string[]): Buffer =>
    execFileSync("openssl", ["cms", "-sign", "-binary", "-outform", "DER", ...args], {
      cwd: folder,
      input: "any bytes",
    });
  const by = (name: string) => ["-signer", `${name}.crt`, "-inkey", `${name}.key`];

  it("E-23 format: what is no detached CMS, such as a PFX container, is refused with advice", async () => {
    const pfx = openssl("pkcs12", "-export", "-in", "one.crt", "-inkey", "one.key", "-passout", "pass:");
    expect(await submitBytes(pfx)).toBe("signature-format");
    expect(await submitBytes(Buffer.from("no DER at all"))).toBe("signature-format");
    expect(errorTable["signature-format"].remedy).toContain("CMS");
  });

  it("several certificates: two signers in one container", async () => {
    expect(await submitBytes(cms(...by("one"), ...by("two")))).toBe("signature-several-certificates");
  });

  it("certificate: the signer's is not in the container", async () => {
    const { worker, id } = await attempt();
    const submitted = app.parts.signatures.submit(worker, id, { container: cms("-nocerts", ...by("one")) });
    await submitted.catch(() => {});
    const { problems } = await reportOf(worker, id);
    expect(problems.map(({ code }) => code)).toContain("signature-certificate");
  });

  it("value: one flipped bit in the signature", async () => {
    const { worker, id, container } = await attempt();
    const broken = Buffer.from(container);
    broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1;
    await expect(app.parts.signatures.submit(worker, id, { container: broken })).rejects.toMatchObject({
      code: "signature-value",
    });
  });

  it("E-12 content differs: one flipped byte of what was prepared", async () => {
    const worker = doctor();
    await activateCertificates(app, worker.personId, {});
    const document = documentOf(randomUUID());
    const { id } = await app.parts.signatures.prepare(worker, document);
    const flipped = Buffer.from(document.content);
    flipped[20] = (flipped[20] ?? 0) ^ 1;
    const container = await tool(flipped);
    await expect(app.parts.signatures.submit(worker, id, { container })).rejects.toMatchObject({
      code: "signature-content-differs",
    });
    // the bytes are still frozen: the right signature settles it
    const right = await tool(document.content);
    const { signature } = await app.parts.signatures.submit(worker, id, { container: right });
    expect(signature.state).toBe("signed");
  });

  it.each([
    ["E-17 a revoked certificate", "revoked", "signature-revoked"],
    ["the certificate of a revoked authority", "ca-revoked", "signature-ca-revoked"],
    ["an expired certificate", "expired", "signature-expired-when-signed"],
    ["E-06 a certificate of an authority that is not trusted", "untrusted", "signature-not-trusted"],
    ["a certificate without a class of signature tools", "enhanced", "signature-level"],
  ])("%s is refused, RSA and GOST", async (_title, variant, code) => {
    expect(await refusal({ variant })).toBe(code);
    expect(await refusal({ variant, kind: "gost" })).toBe(code);
  });

  it("E-16 a signing time after the certificate's end, or before its beginning, is refused", async () => {
    expect(await refusal({ variant: "expired" })).toBe("signature-expired-when-signed");
    const at = new Date(clock.now() - 400 * 24 * hour).toISOString();
    expect(await refusal({ at })).toBe("signature-expired-when-signed");
  });

  it("E-10 another person's certificate", async () => {
    expect(await refusal({ owner: "nurse" })).toBe("signature-owner-mismatch");
    expect(errorTable["signature-owner-mismatch"].status).toBe(403);
  });

  it("E-20 no two causes share a text, and each gives advice", () => {
    const causes = Object.entries(errorTable).filter(([code]) => code.startsWith("signature-"));
    expect(new Set(causes.map(([, { text }]) => text)).size).toBe(causes.length);
    for (const [, { remedy }] of causes) expect(remedy.length).toBeGreaterThan(20);
  });
});

describe("the state of a certificate", () => {
  const down = () => order(app, "pki", "error-500", "/ocsp");

  /** The responder answers again and its breaker, which keeps its own time, has closed. */
  async function recovered(): Promise<void> {
    await calm(app);
    const state = async () => {
      clock.shiftMs += 13 * hour;
      return (await (await attempt()).submit()).signature.state;
    };
    await expect.poll(state, { timeout: 40_000, interval: 500 }).toBe("signed");
  }

  it("E-17 with the responder down and no earlier answer a document waits, is not in force, and is settled later", async () => {
    await down();
    const { worker, id, submit } = await attempt(
      { owner: "nurse", kind: "gost" },
      { ...doctor(), snils: "90000000384" },
    );
    const { signature, problems } = await submit();
    expect(problems.map(({ code }) => code)).toEqual(["revocation-unknown"]);
    expect(signature.state).toBe("verification-pending");
    expect(isInForce(signature.state as SignatureState)).toBe(false);
    expect(signature.document).toBeUndefined();
    clock.shiftMs += 2 * minute;
    await app.parts.signatures.retryDue();
    expect((await app.parts.signatures.find(worker, id)).signature.state).toBe("verification-pending");
    await recovered();
    clock.shiftMs += hour;
    await app.parts.signatures.retryDue();
    const { signature: settled, checks } = await app.parts.signatures.find(worker, id);
    expect(settled.state).toBe("signed");
    expect(checks.map(({ verdict }) => verdict)).toContain("unknown");
    expect(checks.at(-1)?.verdict).toBe("good");
  });

  it("E-17 a good answer of hours ago stands in for a dead responder, with its age, until it is too old", async () => {
    await (await attempt()).submit();
    await down();
    clock.shiftMs += 3 * hour;
    const held = await attempt();
    expect((await held.submit()).signature.state).toBe("signed");
    const { revocation } = await reportOf(held.worker, held.id);
    expect(revocation[0]?.source).toBe("ocsp");
    expect(revocation[0]?.ageSeconds).toBeGreaterThanOrEqual((3 * hour) / 1000);
    // a process that has just started knows it too
    const { parts, config, sandboxUrl } = app;
    const restarted = openVerifier(config, parts.upstream, {
      ...{ clock, store: parts.store },
      sandbox: { url: sandboxUrl, pki: { roots: await rootsOf(sandboxUrl) } },
    });
    const report = await restarted.verify({
      ...{ container: held.container, content: held.document.content, at: new Date(clock.now()) },
      toleratedAgeMs: 12 * hour,
    });
    await restarted.close();
    expect([report.valid, report.revocation[0]?.source]).toEqual([true, "ocsp"]);
    expect(report.revocation[0]?.ageSeconds).toBeGreaterThanOrEqual((3 * hour) / 1000);
    clock.shiftMs += 10 * hour;
    const late = await attempt();
    expect((await late.submit()).signature.state).toBe("verification-pending");
    await recovered();
  });

  it.each(["stale-status", "unknown-status", "forged-status"])(
    "E-17 an answer of kind %s is not believed",
    async (scenario) => {
      await order(app, "pki", scenario);
      const { submit } = await attempt(
        { owner: "chief", variant: "expiring" },
        { ...doctor(), snils: "90000000990" },
      );
      expect((await submit()).signature.state).toBe("verification-pending");
    },
  );

  it("a signature that comes too late for its document is refused, and holds up nothing behind it", async () => {
    await order(app, "pki", "unknown-status");
    const signer = { ...doctor(), snils: "90000000990" };
    const first = await attempt({ owner: "chief", variant: "expiring" }, signer);
    // the same bytes are signed once: the second of them has nothing left to sign
    const second = await app.parts.signatures.prepare(first.worker, first.document);
    const behind = await attempt({ owner: "chief", variant: "expiring" }, signer);
    const states = async () =>
      Promise.all(
        [first.id, second.id, behind.id].map(
          async (id) => (await app.parts.signatures.find(first.worker, id)).signature.state,
        ),
      );
    await first.submit();
    const other = { owner: "chief", variant: "expiring", at: new Date(clock.now() - 60_000).toISOString() };
    const container = await tool(first.document.content, other);
    await app.parts.signatures.submit(first.worker, second.id, { container });
    await behind.submit();
    expect(new Set(await states())).toEqual(new Set(["verification-pending"]));
    await calm(app);
    clock.shiftMs += hour;
    await app.parts.signatures.retryDue();
    const [one, two, last] = await states();
    expect([[one, two].sort(), last]).toEqual([["refused", "signed"], "signed"]);
  });

  it("a certificate that runs out while its document waits was still good when it signed", async () => {
    await order(app, "pki", "unknown-status");
    const { worker, id, submit } = await attempt(
      { owner: "doctor-two", variant: "expiring" },
      { ...doctor(), snils: "90000000283" },
    );
    expect((await submit()).signature.state).toBe("verification-pending");
    await calm(app);
    clock.shiftMs += 6 * 24 * hour;
    await app.parts.signatures.retryDue();
    expect((await app.parts.signatures.find(worker, id)).signature.state).toBe("signed");
  });
});

describe("a signed document", () => {
  it("changes only with a reason and a new signature, which supersedes the old one", async () => {
    const { worker, id, submit } = await attempt();
    const { signature } = await submit();
    const documentId = signature.document?.id ?? "none";
    const changed = documentOf(randomUUID());
    const replaces = { id: documentId, version: 1, reason: "Исправлена дозировка" };
    const next = await app.parts.signatures.prepare(worker, { ...changed, replaces });
    const container = await tool(changed.content);
    const second = await app.parts.signatures.submit(worker, next.id, { container });
    expect(second.signature.document).toEqual({ id: documentId, version: 2 });
    expect((await app.parts.signatures.find(worker, id)).signature.state).toBe("superseded");
    const provenances = await resourcesOf<Provenance>("Provenance", documentId);
    expect(provenances.map(({ reason }) => reason?.[0]?.text)).toContain("Исправлена дозировка");
    const [reference] = await resourcesOf<DocumentReference>("DocumentReference", documentId);
    expect(reference?.docStatus).toBe("amended");
  });
});
