import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { signatureJobs } from "../../src/signature-parts.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { Cabinet } from "../support/cabinet.ts";
import { freshDatabase } from "../support/database.ts";
import { codeSentTo, messagesTo } from "../support/messages.ts";
import { ShiftedClock } from "../support/shifted-clock.ts";
import { signedByTool } from "../support/signing.ts";

const phone = "+79990000001";
const dayMs = 24 * 3_600_000;
const opened = ["patient-booking", "record-keeping", "fund-applications"];

const clock = new ShiftedClock();
let app: TestApp;
let cabinet: Cabinet;

beforeAll(async () => {
  app = await startApp({ DATABASE_URL: await freshDatabase(), SIGN_IN_PER_MINUTE: "10000" }, clock);
  cabinet = await entered();
});
afterAll(() => app?.close());

// each test begins with a worker who has no certificate and was sent no code
beforeEach(async () => {
  const { db } = app.parts.store;
  for (const table of ["signing_certificate", "one_time_code"] as const) await db.deleteFrom(table).execute();
});

async function entered(at = app): Promise<Cabinet> {
  const worker = new Cabinet(at.url);
  await worker.visitor.follow(`${at.url}/auth/login?as=worker&persona=doctor`);
  await worker.acceptTerms();
  return worker;
}

async function certificate(order: Record<string, string> = {}): Promise<object> {
  const query = new URLSearchParams({ owner: "doctor", ...order });
  return (await (await fetch(`${app.sandboxUrl}/pki/certificates?${query}`)).json()) as object;
}

const codes = async () => (await messagesTo(app, phone)).filter(({ text }) => /^\d{6}/.test(text)).length;
const capabilities = async (): Promise<string[]> => (await cabinet.get("/me")).body.capabilities;

async function bound(order?: Record<string, string>) {
  const before = await codes();
  const { status, body } = await cabinet.send("POST", "/me/certificates", await certificate(order));
  expect([status, body.code?.code]).toEqual([201, undefined]);
  const code = await codeSentTo(app, phone, before);
  const confirm = (entry: string) =>
    cabinet.send("POST", `/me/certificates/${body.fingerprint}/confirmation`, { code: entry });
  return { body, code, confirm };
}

describe("a certificate in the profile", () => {
  it("E-08 an expired one is rejected, a valid one opens booking, records and applications once active", async () => {
    const expired = await certificate({ variant: "expired" });
    const refused = await cabinet.send("POST", "/me/certificates", expired);
    expect([refused.status, refused.body.code]).toEqual([403, "signature-expired-when-signed"]);
    for (const flag of opened) expect(await capabilities()).not.toContain(flag);
    const { code, confirm } = await bound();
    for (const flag of opened) expect(await capabilities()).not.toContain(flag);
    expect((await confirm(code)).body.state).toBe("active");
    expect(await capabilities()).toEqual(expect.arrayContaining(["signing", ...opened]));
  });

  it("E-09 stays pending without the code, a wrong one changes nothing, the right one activates it", async () => {
    const { body, code, confirm } = await bound({ kind: "gost" });
    expect(body).toMatchObject({
      state: "pending",
      code: { channel: "sms", to: expect.stringContaining("***") },
    });
    expect(JSON.stringify(body)).not.toContain(code);
    for (const flag of opened) expect(await capabilities()).not.toContain(flag);
    const wrong = code === "000000" ? "000001" : "000000";
    expect((await confirm(wrong)).body.code).toBe("code-wrong");
    expect((await cabinet.get("/me/certificates")).body.items[0].state).toBe("pending");
    const active = await confirm(code);
    expect([active.status, active.body.state]).toEqual([200, "active"]);
    expect((await confirm(code)).body.code).toBe("certificate-settled");
  });

  it("E-09 a code that ran out is asked for again; another person's certificate is not found", async () => {
    const { body, code, confirm } = await bound();
    clock.shiftMs += 301_000;
    expect((await confirm(code)).body.code).toBe("code-expired");
    const before = await codes();
    expect((await cabinet.send("POST", `/me/certificates/${body.fingerprint}/code`)).status).toBe(200);
    expect((await confirm(await codeSentTo(app, phone, before))).body.state).toBe("active");
    const chief = new Cabinet(app.url);
    await chief.visitor.follow(`${app.url}/auth/login?as=worker&persona=chief`);
    await chief.acceptTerms();
    const asked = await chief.send("POST", `/me/certificates/${body.fingerprint}/code`);
    expect([asked.status, asked.body.code]).toEqual([404, "not-found"]);
  });

  it("E-09 a certificate that the code has not activated signs nothing in the cabinet", async () => {
    const { code, confirm } = await bound();
    const content = Buffer.from(`Записка ${randomUUID()}`);
    const document = { title: "Записка", contentType: "text/plain", content: content.toString("base64") };
    const { body: request } = await cabinet.send("POST", "/me/signatures", { document });
    const signature = (await signedByTool(app.sandboxUrl, content)).toString("base64");
    const give = () => cabinet.send("PUT", `/me/signatures/${request.id}/signature`, { signature });
    const early = await give();
    expect([early.status, early.body.code]).toEqual([403, "certificate-pending"]);
    expect(early.body.remedy).toContain("введите код");
    expect((await cabinet.get(`/me/signatures/${request.id}`)).body.state).toBe("prepared");
    expect((await confirm(code)).body.state).toBe("active");
    const given = await give();
    expect([given.status, given.body.state]).toEqual([200, "signed"]);
    // another certificate of the same person was never offered to the profile
    const other = { ...document, content: Buffer.from(`Другая ${randomUUID()}`).toString("base64") };
    const { body: second } = await cabinet.send("POST", "/me/signatures", { document: other });
    const bytes = Buffer.from(other.content, "base64");
    const foreign = await signedByTool(app.sandboxUrl, bytes, { kind: "gost" });
    const refused = await cabinet.send("PUT", `/me/signatures/${second.id}/signature`, {
      signature: foreign.toString("base64"),
    });
    expect([refused.status, refused.body.code]).toEqual([403, "certificate-pending"]);
  });

  it("E-08, E-25 a lost key closes at once what its certificate had opened", async () => {
    const { body, code, confirm } = await bound();
    await confirm(code);
    expect(await capabilities()).toEqual(expect.arrayContaining(opened));
    const lost = await cabinet.send("POST", `/me/certificates/${body.fingerprint}/lost`);
    expect(lost.body.steps.length).toBeGreaterThan(3);
    for (const flag of opened) expect(await capabilities()).not.toContain(flag);
    expect((await cabinet.get("/me/certificates")).body.items[0].state).toBe("lost");
  });

  it("E-24 its owner is told 30, 14 and 3 days before the end, and the gauge counts the days", async () => {
    await bound();
    const [own] = await app.parts.signingCertificates.of((await cabinet.get("/me")).body.id);
    const end = own?.notAfter ?? 0;
    const watch = signatureJobs(app.parts, { ...app, ...app.parts }).find(
      ({ name }) => name === "signing-certificate-watch",
    );
    const told = async () =>
      (await messagesTo(app, phone))
        .filter(({ text }) => /истекает через/.test(text))
        .map(({ text }) => text);
    const gauge = app.telemetry.instruments.daysToExpiry.of({});
    const began = clock.shiftMs;
    for (const days of [40, 30, 14, 7, 3]) {
      clock.shiftMs += end - clock.now() - days * dayMs - dayMs / 2;
      const already = (await told()).length;
      await watch?.run(new AbortController().signal);
      expect(gauge.value).toBe(days);
      if (days === 40) continue;
      await expect.poll(async () => (await told()).length, { timeout: 15_000 }).toBe(already + 1);
      await watch?.run(new AbortController().signal);
    }
    const texts = await told();
    expect(texts.map((text) => /через (\d+) дн/.exec(text)?.[1]).sort()).toEqual(["14", "3", "30", "7"]);
    clock.shiftMs = began;
  });
});

describe("a login of one factor", () => {
  it("E-14 signs nothing: every door of signing is 403", async () => {
    const weak = await startApp({ DATABASE_URL: await freshDatabase(), CARD_AMR: "MOBILE" });
    try {
      const worker = await entered(weak);
      const content = Buffer.from("Записка").toString("base64");
      const document = { title: "Записка", contentType: "text/plain", content };
      for (const [line, body] of [
        ["POST /me/signatures", { document }],
        [`PUT /me/signatures/${randomUUID()}/signature`, { signature: content }],
        [`POST /me/signatures/${randomUUID()}/organization`, undefined],
        ["POST /me/certificates", await certificate()],
      ] as const) {
        const [method = "", path = ""] = line.split(" ");
        const refused = await worker.send(method, path, body);
        expect([line, refused.status, refused.body.code]).toEqual([line, 403, "second-factor-missing"]);
      }
    } finally {
      await weak.close();
    }
  });
});
