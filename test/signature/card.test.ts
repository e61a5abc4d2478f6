import { createHash, randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ActingWorker, actingWorker, snilsOf } from "../support/acting.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { Cabinet } from "../support/cabinet.ts";
import { freshDatabase } from "../support/database.ts";
import { assignedPatient, fhirCall } from "../support/fhir-call.ts";
import { ShiftedClock } from "../support/shifted-clock.ts";
import { journalRows } from "../support/sign-in.ts";
import { activateCertificates, signedByTool } from "../support/signing.ts";

const minute = 60_000;

const clock = new ShiftedClock();
let app: TestApp;
let doctor: ActingWorker;
let office: string;
let treating: string;
let session: Cabinet;
let patient: string;
let condition: string;

beforeAll(async () => {
  const settings = {
    SIGN_IN_PER_MINUTE: "10000",
    CARD_SIGNATURE_SECONDS: "600",
    TOKEN_SECONDS: "3600",
    SESSION_IDLE_SECONDS: "7200",
  };
  app = await startApp({ DATABASE_URL: await freshDatabase(), ...settings }, clock);
  doctor = await actingWorker(app, snilsOf.doctor);
  [office, treating] = [await doctor.token("HOPERAT"), await doctor.token()];
  session = await entered("doctor");
  await activateCertificates(app, doctor.id, { kind: "gost" });
});
afterAll(() => app?.close());

// each test begins with a card of its own that nobody has opened
beforeEach(async () => {
  patient = await assignedPatient(app, office, doctor.id);
  condition = await diagnosed(patient);
});

async function entered(persona: string): Promise<Cabinet> {
  const cabinet = new Cabinet(app.url);
  await cabinet.visitor.follow(`${app.url}/auth/login?as=worker&persona=${persona}`);
  await cabinet.acceptTerms();
  return cabinet;
}

async function diagnosed(of: string): Promise<string> {
  const body = {
    resourceType: "Condition",
    subject: { reference: `Patient/${of}` },
    code: { text: "здоров" },
  };
  const made = await fhirCall(app, treating, "POST /Condition", { body });
  expect(made.status).toBe(201);
  return made.body.id ?? "";
}

/** The card as the session of a person reads it. */
async function read(id = condition, as = session): Promise<number> {
  const cookies = ["__Host-sid", "__Host-device"].map(
    (name) => `${name}=${as.visitor.cookie(app.url, name)}`,
  );
  const answer = await fetch(`${app.url}/fhir/Condition/${id}`, {
    headers: {
      cookie: cookies.join("; "),
      "user-agent": as.visitor.userAgent,
      "x-requested-with": "fetch",
      origin: app.url,
    },
  });
  await answer.arrayBuffer();
  return answer.status;
}

async function challenge(of = patient) {
  const { status, body } = await session.send("POST", "/me/signatures", { card: { patient: of } });
  expect(status).toBe(201);
  return { id: body.id as string, bytes: Buffer.from(body.content, "base64") };
}

const sign = async (bytes: Buffer, owner = "doctor") =>
  (await signedByTool(app.sandboxUrl, bytes, { owner, kind: "gost" })).toString("base64");
const give = (id: string, signature: string, as = session) =>
  as.send("PUT", `/me/signatures/${id}/signature`, { signature });

describe("a patient's card", () => {
  it("E-11 opens by a signed challenge, without any further confirmation, for this patient only", async () => {
    const other = await diagnosed(await assignedPatient(app, office, doctor.id));
    expect([await read(), await read(other)]).toEqual([403, 403]);
    const { id, bytes } = await challenge();
    const given = await give(id, await sign(bytes));
    expect([given.status, given.body.state]).toEqual([200, "signed"]);
    expect([await read(), await read(other)]).toEqual([200, 403]);
    const rows = (await journalRows(app)).filter(({ resourceId }) => resourceId === id);
    expect(rows.map(({ action, subject }) => [action, subject])).toEqual([
      ["prepare-signature", patient],
      ["sign", patient],
    ]);
    clock.shiftMs += 11 * minute;
    expect(await read()).toBe(403);
  });

  it("E-11 no challenge is like another, and the answer to one is none to the next", async () => {
    const [first, second] = [await challenge(), await challenge()];
    expect(first.bytes.equals(second.bytes)).toBe(false);
    expect(first.bytes.toString()).toContain(patient);
    const signature = await sign(first.bytes);
    expect((await give(second.id, signature)).body.code).toBe("signature-content-differs");
    expect(await read()).toBe(403);
  });

  it("E-11 a challenge is answered once: of many answers at one moment one settles it, and no other after", async () => {
    const { id, bytes } = await challenge();
    const signatures = await Promise.all([1, 2, 3, 4].map(() => sign(bytes)));
    const answers = await Promise.all(signatures.map((signature) => give(id, signature)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.code === "signature-settled")).toHaveLength(3);
    expect((await give(id, await sign(bytes))).body.code).toBe("signature-settled");
  });

  it("E-11 it is the worker's own: another one neither answers it nor gets the card by it", async () => {
    const { id, bytes } = await challenge();
    const nurse = await entered("nurse");
    expect((await give(id, await sign(bytes, "nurse"), nurse)).status).toBe(404);
    expect((await give(id, await sign(bytes, "nurse"))).body.code).toBe("signature-owner-mismatch");
    expect([await read(), await read(condition, nurse)]).toEqual([403, 403]);
  });

  it("E-11 it is the session's own: another session of the same worker neither answers it nor has the card by it", async () => {
    const other = await entered("doctor");
    const { id, bytes } = await challenge();
    const signature = await sign(bytes);
    expect((await give(id, signature, other)).status).toBe(404);
    expect((await give(id, signature)).status).toBe(200);
    expect([await read(), await read(condition, other)]).toEqual([200, 403]);
    const row = app.parts.store.db.selectFrom("signature").select("session").where("id", "=", id);
    const { session: own } = await row.executeTakeFirstOrThrow();
    // what was signed says which session it opens the card to
    const digest = createHash("sha256")
      .update(own ?? "")
      .digest("hex")
      .slice(0, 32);
    expect(bytes.toString()).toContain(digest);
  });

  it("E-12 one byte flipped in the signed request: the signature is refused and the card stays closed", async () => {
    const { id, bytes } = await challenge();
    for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      const refused = await give(id, await sign(flipped));
      expect([refused.status, refused.body.code]).toEqual([422, "signature-content-differs"]);
    }
    expect(await read()).toBe(403);
    expect((await give(id, await sign(bytes))).status).toBe(200);
    expect(await read()).toBe(200);
  });

  it("a challenge that waited too long opens nothing", async () => {
    const { id, bytes } = await challenge();
    const signature = await sign(bytes);
    clock.shiftMs += 16 * minute;
    expect((await give(id, signature)).body.code).toBe("prepared-document-expired");
    expect(await read()).toBe(403);
    expect((await give(randomUUID(), signature)).status).toBe(404);
  });
});
