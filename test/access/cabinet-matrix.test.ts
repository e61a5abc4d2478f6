import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { postTableIn } from "../../src/access/post-rights.ts";
import { cabinetSpecification } from "../../src/api/cabinet/routes.ts";
import { actingWorker, holdPost, snilsOf } from "../support/acting.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { Cabinet } from "../support/cabinet.ts";
import { fhirCall } from "../support/fhir-call.ts";
import { codeSentTo, messagesTo } from "../support/messages.ts";
import { alterAccounts } from "../support/sign-in.ts";
import { activateCertificates, documentOf, signedByTool } from "../support/signing.ts";

const citizenPhone = "+79990000005";
const secret = "Матрицына";

let app: TestApp;
let worker: Cabinet;
let citizen: Cabinet;
let patient: string;
let doctor: string;
let organization: string;
/** another organisation of the same worker */
let elsewhere: string;
let signature: string;

beforeAll(async () => {
  app = await startApp({ SIGN_IN_PER_MINUTE: "10000", CARD_AMR: "PWD", REFUSALS_PER_MINUTE: "1000000" });
  citizen = await entered("citizen", "citizen");
  patient = (await citizen.get("/me")).body.id;
  const acting = await actingWorker(app, snilsOf.doctorTwo);
  ({ id: doctor, organization } = acting);
  worker = await doctorsSession();
  const { organizations } = (await worker.get("/me")).body;
  elsewhere = organizations
    .map(({ oid }: { oid: string }) => oid)
    .find((oid: string) => oid !== organization);
  await granted({ kind: "processing" });
  await granted({
    kind: "access",
    grantee: { practitioner: doctor, organization },
    rights: ["view", "enter"],
  });
  const condition = { resourceType: "Condition", subject: { reference: `Patient/${patient}` } };
  const made = await fhirCall(app, await acting.token(), "POST /Condition", {
    body: { ...condition, code: { text: secret } },
  });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  await activateCertificates(app, doctor, { owner: "doctor-two", kind: "gost" }, { owner: "doctor-two" });
  await awaitingDoctor();
  signature = await signedDocument();
});
afterAll(() => app?.close());

async function entered(persona: string, as: string, amr = "DS"): Promise<Cabinet> {
  const cabinet = new Cabinet(app.url);
  const undo = alterAccounts(app, (account) => ({ ...account, amr }));
  await cabinet.visitor.follow(`${app.url}/auth/login?as=${as}&persona=${persona}`);
  undo();
  expect((await cabinet.acceptTerms()).status).toBe(200);
  return cabinet;
}

async function doctorsSession({ amr = "DS", at = organization } = {}): Promise<Cabinet> {
  const cabinet = await entered("doctor-two", "worker", amr);
  const chosen = await cabinet.send("PUT", "/me/organization", { oid: at });
  expect(chosen.status, JSON.stringify(chosen.body)).toBe(204);
  return cabinet;
}

async function granted(terms: object): Promise<void> {
  const before = (await messagesTo(app, citizenPhone)).filter(({ text }) => /^\d{6}/.test(text)).length;
  const prepared = await citizen.send("POST", "/me/consents", terms);
  expect(prepared.status, JSON.stringify(prepared.body)).toBe(201);
  const code = await codeSentTo(app, citizenPhone, before);
  const { id } = prepared.body.consent;
  expect((await citizen.send("POST", `/me/consents/${id}/confirmation`, { code })).status).toBe(200);
}

/** A document of the patient that the worker has signed; the id of its request. */
async function signedDocument(): Promise<string> {
  const bytes = Buffer.from(`${secret} ${randomUUID()}`);
  const document = { title: secret, contentType: "text/plain", content: bytes.toString("base64"), patient };
  const { status, body } = await worker.send("POST", "/me/signatures", { document });
  expect(status, JSON.stringify(body)).toBe(201);
  const signed = await signedByTool(app.sandboxUrl, bytes, { owner: "doctor-two", kind: "gost" });
  const given = { signature: signed.toString("base64") };
  const answer = await worker.send("PUT", `/me/signatures/${body.id}/signature`, given);
  expect([answer.status, answer.body.state]).toEqual([200, "signed"]);
  return body.id;
}

/** A document of the patient that the head has signed and that a doctor must sign too. */
async function awaitingDoctor(): Promise<void> {
  const head = { personId: randomUUID(), roleId: "role", organization, snils: "90000000990" };
  await activateCertificates(app, head.personId, { owner: "chief" });
  const document = {
    ...documentOf(randomUUID()),
    title: secret,
    subject: patient,
    kind: "125",
    posts: ["4"],
  };
  const { id } = await app.parts.signatures.prepare(head, document);
  const container = await signedByTool(app.sandboxUrl, document.content, { owner: "chief" });
  await app.parts.signatures.submit(head, id, { container });
}

interface Door {
  path(): string;
  /** what the door shows of the patient to whom it is open */
  shows(): readonly string[];
}

const bytesOf = (text: string) => Buffer.from(text).toString("base64").slice(0, 16);

/** Doors that show a patient's data to a worker. */
const ofWorker: Record<string, Door> = {
  listMySignatures: { path: () => "/me/signatures", shows: () => [secret, patient] },
  getMySignature: {
    path: () => `/me/signatures/${signature}`,
    shows: () => [secret, patient, bytesOf(secret)],
  },
  listAwaitedSignatures: { path: () => "/me/awaited-signatures", shows: () => [secret, patient] },
  listMyPermissions: { path: () => "/me/permissions", shows: () => [patient] },
  listAccessHolders: { path: () => `/access/holders?patient=${patient}`, shows: () => [doctor] },
};

/** Doors that show a patient's data to the patient and to who represents them. */
const ofCitizen: Record<string, Door> = {
  listMyRecords: { path: () => "/me/records?type=Condition", shows: () => [secret, patient] },
  listMyConsents: { path: () => `/me/consents?patient=${patient}`, shows: () => [patient, doctor] },
  listMyAccesses: { path: () => `/me/accesses?patient=${patient}`, shows: () => ['"accesses":[{'] },
};

/** Doors that show the caller themselves, registries, or an organisation's journal, which has a matrix of its own. */
const ofNoPatient = [
  "getMe",
  "getMyRegistryCard",
  "listMyVerifications",
  "getMyConfirmation",
  "listMyCertificates",
  "getMyActivity",
  "getPractitionerRegistryCard",
  "explainAccess",
  "summarizeAccesses",
];

it("no reading door of the contract stands outside of the matrix", () => {
  const { paths } = parse(cabinetSpecification()) as {
    paths: Record<string, { get?: { operationId: string } }>;
  };
  const reading = Object.values(paths).flatMap(({ get }) => get?.operationId ?? []);
  expect(reading.sort()).toEqual([...Object.keys({ ...ofWorker, ...ofCitizen }), ...ofNoPatient].sort());
});

async function shown(cabinet: Cabinet, { path, shows }: Door): Promise<{ status: number; leaks: string[] }> {
  const { status, bytes } = await cabinet.get(path());
  return { status, leaks: shows().filter((mark) => bytes.includes(mark)) };
}

/** A door that is closed answers 403 or an answer without the patient: neither 404 nor 405 counts. */
async function isClosedTo(cabinet: Cabinet, door: Door): Promise<void> {
  const { status, leaks } = await shown(cabinet, door);
  expect([status, leaks]).toEqual([expect.toSatisfy((code) => code === 200 || code === 403), []]);
}

async function withDenial(act: () => Promise<void>): Promise<void> {
  const { store, cache } = app.parts;
  const id = randomUUID();
  await store.db
    .insertInto("consent_fact")
    .values({
      ...{ tenant: organization, id, kind: "access", decision: "deny", patient },
      ...{ rights: ["view", "enter"], booked: false, granted_at: 0 },
    })
    .execute();
  await cache.bump(patient);
  try {
    await act();
  } finally {
    await store.db.deleteFrom("consent_fact").where("id", "=", id).execute();
    await cache.bump(patient);
  }
}

const isOpen = async (door: Door) =>
  expect(await shown(worker, door)).toEqual({ status: 200, leaks: door.shows() });

describe.each(Object.entries(ofWorker))("%s", (_name, door) => {
  it("is open to the worker whom the patient permits", () => isOpen(door));

  it("M-39 is closed after a login of one factor", async () =>
    isClosedTo(await doctorsSession({ amr: "LONG_OTP" }), door));

  it("M-39 is closed in another organisation of the same worker", async () =>
    isClosedTo(await doctorsSession({ at: elsewhere }), door));

  it("M-39 is closed once ФРМР does not confirm the worker", async () => {
    const role = vi
      .spyOn(app.parts.practitioners, "roleById")
      .mockResolvedValue({ value: { active: false } } as never);
    try {
      await isClosedTo(worker, door);
    } finally {
      role.mockRestore();
    }
    await isOpen(door);
  });
});

const { listMyPermissions, ...ofDocuments } = ofWorker;

it.each(Object.entries(ofDocuments))(
  "M-39 %s is closed once the patient has refused",
  async (_name, door) => {
    await withDenial(() => isClosedTo(worker, door));
    await isOpen(door);
  },
);

it("M-39 whom a consent names sees that consent, whatever else the patient has forbidden", () =>
  withDenial(() => isOpen(listMyPermissions as Door)));

describe.each(Object.entries(ofCitizen))("%s", (_name, door) => {
  it("M-39 is open to the patient and to no other citizen", async () => {
    expect(await shown(citizen, door)).toEqual({ status: 200, leaks: door.shows() });
    await isClosedTo(await entered("chief", "citizen"), door);
  });
});

it("M-39 a signature is not taken for a patient who has refused since the document was prepared", async () => {
  const bytes = Buffer.from(randomUUID());
  const document = { title: secret, contentType: "text/plain", content: bytes.toString("base64"), patient };
  const { body } = await worker.send("POST", "/me/signatures", { document });
  const signed = await signedByTool(app.sandboxUrl, bytes, { owner: "doctor-two" });
  const give = () =>
    worker.send("PUT", `/me/signatures/${body.id}/signature`, { signature: signed.toString("base64") });
  await withDenial(async () => expect((await give()).body.code).toBe("access-denied"));
  expect((await give()).body.state).toBe("signed");
});

describe("the doors by post, though the patient permits all", () => {
  const table = postTableIn();
  const posts = { doctor: "109", nurse: "159", registrar: "179", pharmacist: "231", unknown: "999" };

  it.each(Object.entries(posts))("Z-05 %s", async (_title, post) => {
    const role = holdPost(app, post);
    try {
      const { view, enter } = table.rightsOf([post]);
      for (const [name, door] of Object.entries(ofWorker)) {
        const section = ["listMyPermissions", "listAccessHolders"].includes(name) ? "consents" : "documents";
        const isOpened = view.has(section);
        // who signs in which post is another rule
        if (isOpened && name === "listAwaitedSignatures" && post !== posts.doctor) continue;
        const { leaks } = await shown(worker, door);
        // whose card was asked for is the registry office's to know, too
        const [mark = ""] = door.shows();
        expect([name, leaks.includes(mark)]).toEqual([name, isOpened]);
      }
      const document = { title: secret, contentType: "text/plain", content: "aGk=", patient };
      for (const [body, isOpened] of [
        [{ document }, enter.has("documents")],
        [{ document: { ...document, represents: "Observation" } }, enter.has("measurements")],
        [{ card: { patient } }, view.has("registration")],
      ] as const) {
        const answer = await worker.send("POST", "/me/signatures", body);
        expect([answer.status, String(answer.body.detail).includes("missing: post")]).toEqual(
          isOpened ? [201, false] : [403, true],
        );
      }
    } finally {
      role.mockRestore();
    }
  });
});

it("awaited documents are found behind any number that await others, page by page, and no bytes are opened", async () => {
  const { db } = app.parts.store;
  for (let more = 0; more < 2; more++) await awaitingDoctor();
  const list = async (query = "") => (await worker.get(`/me/awaited-signatures${query}`)).body;
  const before = (await list()).items.map(({ document }: { document: string }) => document);
  expect(before).toHaveLength(3);
  await db
    .updateTable("signature")
    .set({ content: Buffer.of(0) })
    .where("awaiting", "is not", null)
    .execute();
  // newer, for the head alone, and sealed for other rows: none of them can be opened
  const copied = await db.selectFrom("signature").selectAll().where("awaiting", "is not", null).execute();
  await db
    .insertInto("signature")
    .values(
      Array.from({ length: 120 }, (_, n) => ({
        ...(copied[0] as NonNullable<(typeof copied)[0]>),
        ...{ id: randomUUID(), document_id: randomUUID(), document_mac: `${n}`, awaiting: ["6"] },
        settled_at: Date.now() + 60_000,
      })),
    )
    .execute();
  // newer still, and of a person whose data are destroyed
  const shredded = { tenant: organization, subject: randomUUID() };
  await db.transaction().execute(async (trx) => {
    await app.parts.dataKeys.of(trx, shredded);
    await app.parts.dataKeys.shred(trx, shredded);
  });
  await db
    .insertInto("signature")
    .values({
      ...(copied[0] as NonNullable<(typeof copied)[0]>),
      ...{ ...shredded, id: randomUUID(), document_id: randomUUID(), document_mac: "shredded" },
      settled_at: Date.now() + 120_000,
    })
    .execute();
  const found: string[] = [];
  let next: string | undefined;
  do {
    const page = await list(`?count=1${next ? `&page=${next}` : ""}`);
    found.push(...page.items.map(({ document }: { document: string }) => document));
    next = page.next;
  } while (next !== undefined && found.length < 10);
  expect(found).toEqual(before);
  for (const wrong of ["?count=0", "?count=101", "?page=first"])
    expect((await worker.get(`/me/awaited-signatures${wrong}`)).status).toBe(400);
});

describe("the kept answer of a repeated change", () => {
  const document = () => {
    const content = Buffer.from(`${secret} ${randomUUID()}`).toString("base64");
    return { document: { title: secret, contentType: "text/plain", content, patient } };
  };
  const marks = () => [secret, bytesOf(secret), patient];

  async function keptAnswer() {
    const { db } = app.parts.store;
    const key = { "idempotency-key": randomUUID() };
    const body = document();
    const first = await worker.send("POST", "/me/signatures", body, key);
    expect(first.status, JSON.stringify(first.body)).toBe(201);
    const effects = () => db.selectFrom("signature").select("id").orderBy("id").execute();
    const done = await effects();
    const repeat = async () => {
      const answer = await worker.send("POST", "/me/signatures", body, key);
      expect(await effects()).toEqual(done);
      return answer;
    };
    const isGiven = async () => {
      const { status, bytes, headers } = await repeat();
      expect([status, headers.get("idempotent-replayed")]).toEqual([201, "true"]);
      expect(bytes.equals(first.bytes)).toBe(true);
    };
    const isRefused = async (status: number, code: string) => {
      const answer = await repeat();
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(marks().filter((mark) => answer.bytes.includes(mark))).toEqual([]);
    };
    return { isGiven, isRefused };
  }

  it("is given byte for byte while the access stands, and refused once the patient has refused", async () => {
    const { isGiven, isRefused } = await keptAnswer();
    await isGiven();
    await withDenial(() => isRefused(403, "access-denied"));
    await isGiven();
  });

  it("is refused when an earlier release kept it without what it was permitted on", async () => {
    const { idempotency } = app.parts;
    const keep = idempotency.keep.bind(idempotency);
    const before = vi
      .spyOn(idempotency, "keep")
      .mockImplementation((claim, { asked: _, ...answer }, how) => keep(claim, answer, how));
    const { isRefused } = await keptAnswer().finally(() => before.mockRestore());
    await isRefused(410, "gone");
  });

  it("is refused once the post has ended, or the person's data are destroyed", async () => {
    const { isGiven, isRefused } = await keptAnswer();
    const role = vi
      .spyOn(app.parts.practitioners, "roleById")
      .mockResolvedValue({ value: { active: false } } as never);
    try {
      await isRefused(403, "access-denied");
    } finally {
      role.mockRestore();
    }
    await isGiven();
    const { store, dataKeys } = app.parts;
    // last: nothing of this patient can be read here any more
    await store.db
      .transaction()
      .execute((trx) => dataKeys.shred(trx, { tenant: organization, subject: patient }));
    await isRefused(410, "gone");
  });
});
