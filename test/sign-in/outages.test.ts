import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { startGateway } from "../support/gateway.ts";
import { calm, codeOn, order, signInAs } from "../support/sign-in.ts";
import { Visitor } from "../support/visitor.ts";

const settings = { SIGN_IN_PER_MINUTE: "10000", UPSTREAM_TIMEOUT_MS: "1500" };
const account = (app: { url: string }, visitor: Visitor) => visitor.visit(`${app.url}/auth/account`);

describe("ESIA down", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp(settings);
  });
  afterAll(() => app?.close());
  afterEach(() => calm(app));

  it.each([
    ["its token door fails", "error-500", "/aas/oauth2/v3/te"],
    ["its token door answers with a proxy's page", "html-502", "/aas/oauth2/v3/te"],
    ["its token door hangs", "hang", "/aas/oauth2/v3/te"],
    ["its profile is away", "unavailable-retry-after", "/rs/prns"],
  ])(
    "L-49 when %s a page says so, when to come back and where the portal's news are",
    async (_what, scenario, at) => {
      await order(app, "esia", scenario, at);
      const { visitor, answer } = await signInAs(app, "doctor");
      expect([answer.status, codeOn(answer)]).toEqual([503, "auth-upstream-down"]);
      expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
      expect(answer.text).toContain("https://www.gosuslugi.ru/help/news");
      expect(visitor.cookie(app.url, "__Host-sid")).toBeUndefined();
    },
  );

  it("L-49 sessions that are open do not need it, nor does logout here", async () => {
    const replica = await startApp(settings);
    const { visitor } = await signInAs(replica, "doctor");
    await order(replica, "esia", "reset");
    expect((await account(replica, visitor)).status).toBe(200);
    const answer = await visitor.visit(`${replica.url}/auth/logout`, {
      method: "POST",
      headers: { accept: "application/json", "x-requested-with": "test", origin: replica.url },
    });
    expect(answer.status).toBe(200);
    expect((await account(replica, visitor)).status).toBe(401);
    await replica.close();
  });
});

describe("ФРМР down", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp(settings);
    await signInAs(app, "doctor");
    await order(app, "frmr", "error-500");
  });
  afterAll(() => app?.close());

  it("a worker whom it confirmed lately gets in, told since when, without signing", async () => {
    const { visitor, answer } = await signInAs(app, "doctor");
    expect(answer.status, answer.text).toBe(200);
    const { text } = await account(app, visitor);
    expect(text).toContain("подписание документов недоступно");
    expect(text).toContain("Тестовая городская поликлиника № 1");
  });

  it("a worker whom it never confirmed here waits, and may enter as a citizen", async () => {
    const { answer } = await signInAs(app, "nurse");
    expect([answer.status, codeOn(answer)]).toEqual([503, "worker-check-waits"]);
    expect(answer.headers.get("retry-after")).toBe("60");
    expect(answer.text).toContain("/auth/login?as=citizen");
    expect((await signInAs(app, "nurse", "citizen")).answer.status).toBe(200);
  });

  it("a confirmation older than the setting allows is none", async () => {
    const day = 86_400_000;
    await app.parts.store.db
      .updateTable("worker_verification")
      .set({ at: Date.now() - 31 * day })
      .execute();
    expect(codeOn((await signInAs(app, "doctor")).answer)).toBe("worker-check-waits");
  });

  it("when it is back the next sign-in is confirmed anew", async () => {
    await calm(app);
    await expect
      .poll(async () => (await signInAs(app, "doctor")).answer.status, { timeout: 45_000, interval: 1_000 })
      .toBe(200);
    const { visitor } = await signInAs(app, "doctor");
    expect((await account(app, visitor)).text).not.toContain("подписание документов недоступно");
  });
});

it("kill -9 between callback and session leaves no session; the callback can't be sent again, a new sign-in works", async () => {
  const gateway = await startGateway();
  const play = (scenario: string) =>
    fetch(`${gateway.sandboxUrl}/_scenario`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ system: "frmr", scenario, times: 10 }),
    });
  try {
    await play("hang");
    const visitor = new Visitor();
    const begun = await visitor.visit(`${gateway.url}/auth/login?as=worker&persona=doctor`);
    const sent = await visitor.visit(begun.headers.get("location")!);
    const callback = new URL(sent.headers.get("location")!, sent.url).href;
    const pending = visitor.visit(callback, { crossSite: true }).catch(() => "cut");
    // the registry is asked after ESIA's code was spent
    const metrics = `http://127.0.0.1:${gateway.environment["METRICS_PORT"]}/metrics`;
    await expect
      .poll(async () => (await fetch(metrics)).text(), { timeout: 20_000 })
      .toMatch(/upstream_attempts_total\{[^}]*system="frmr"[^}]*\} 1/);
    await gateway.server.kill();
    expect(await pending).toBe("cut");
    await gateway.server.start();
    const again = await visitor.visit(callback, { crossSite: true });
    expect([again.status, codeOn(again)]).toEqual([400, "sign-in-state-rejected"]);
    expect((await account(gateway, visitor)).status).toBe(401);
    const { visitor: anew, answer } = await signInAs(gateway, "doctor");
    expect(answer.status, answer.text).toBe(200);
    // had the broken sign-in counted, this browser would be a new device
    expect((await account(gateway, anew)).text).not.toContain("нового");
  } finally {
    await gateway.remove();
  }
});
