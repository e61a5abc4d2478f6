import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Notice } from "../../src/systems/notify/notices.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { messagesTo } from "../support/messages.ts";
import { calm, order } from "../support/sign-in.ts";

let app: TestApp;
const phone = "+79990000001";

beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const queue = (notice: Partial<Notice<"consent-code">> = {}) =>
  app.parts.store.db.transaction().execute((trx) =>
    app.parts.notices.send(trx, {
      to: { channel: "sms", address: phone },
      kind: "consent-code",
      parameters: { code: "123456", minutes: 5 },
      id: crypto.randomUUID(),
      tenant: "shared",
      ...notice,
    }),
  );

async function states(): Promise<string[]> {
  const rows = await app.parts.store.db.selectFrom("outbox").select("state").execute();
  return rows.map(({ state }) => state);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 400; turn++) {
    if (await condition()) return;
    await pause(25);
  }
  throw new Error(`never: ${await states()}`);
}

describe("a notice", () => {
  it("leaves through the outbox once, however often it is queued", async () => {
    const id = crypto.randomUUID();
    expect(await queue({ id })).toBe(true);
    expect(await queue({ id })).toBe(false);
    await until(async () => (await messagesTo(app, phone)).length === 1);
    expect(await messagesTo(app, phone)).toEqual([
      expect.objectContaining({ channel: "sms", id, text: expect.stringContaining("123456") }),
    ]);
    await until(async () => !(await states()).includes("pending"));
  });

  it("is not sent when its transaction is rolled back", async () => {
    const to = { channel: "sms", address: "+79990000009" } as const;
    const broken = app.parts.store.db.transaction().execute(async (trx) => {
      const notice = { to, kind: "consent-granted", parameters: {}, id: "rolled-back", tenant: "shared" };
      await app.parts.notices.send(trx, notice as Notice);
      throw new Error("changed my mind");
    });
    await expect(broken).rejects.toThrow("changed my mind");
    await queue();
    await until(async () => (await messagesTo(app, phone)).length === 2);
    expect(await messagesTo(app, to.address)).toEqual([]);
  });

  it("that comes too late is dropped", async () => {
    const to = { channel: "sms", address: "+79990000008" } as const;
    await queue({ to, validUntil: Date.now() - 1 });
    await until(async () => !(await states()).includes("pending"));
    expect(await messagesTo(app, to.address)).toEqual([]);
  });

  it("to an address that the gateway refuses is put aside, the next one goes on", async () => {
    await order(app, "notify", "bad-address", "/sms");
    const to = { channel: "sms", address: "+79990000007" } as const;
    await queue({ to });
    await until(async () => (await states()).includes("dead"));
    await calm(app);
    await queue({ to });
    await until(async () => (await messagesTo(app, to.address)).length === 1);
  });

  it("is shown on the sandbox's page", async () => {
    const page = await fetch(`${app.sandboxUrl}/notify/`);
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(await page.text()).toContain("+79990000007");
  });
});
