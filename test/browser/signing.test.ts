import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { startBrowser } from "../support/browser.ts";
import { codeSentTo } from "../support/messages.ts";
import { activateCertificates } from "../support/signing.ts";

let app: TestApp;
let browser: Browser;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  [app, browser] = await Promise.all([startApp(), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await app?.close();
});
beforeEach(async () => {
  context = await browser.newContext();
  context.setDefaultTimeout(15_000);
  page = await context.newPage();
  await page.goto(`${app.url}/auth/login?as=worker&persona=doctor`);
  await page.waitForURL(`${app.url}/auth/account`);
  const accept = page.getByRole("button", { name: "Принимаю условия" });
  if ((await accept.count()) > 0) await accept.click();
  await page.waitForURL(`${app.url}/auth/account`);
  await page.goto(`${app.url}/cabinet/signing`);
});
afterEach(() => context.close());

async function prepare(text: string): Promise<void> {
  await page.locator("#text").fill(text);
  await page.getByRole("button", { name: "Подготовить" }).click();
  await page.locator("#signing").waitFor();
}

/** Signs on the tool's own page, at another site. */
async function signOn(choices: Record<string, string>): Promise<Page> {
  const [tool] = await Promise.all([context.waitForEvent("page"), page.locator("#tool").click()]);
  await tool.locator("#asked", { hasText: "передан страницей" }).waitFor();
  expect(new URL(tool.url()).hostname).toBe("localhost");
  expect(await tool.locator(".banner").innerText()).toContain("без юридической силы");
  for (const [id, value] of Object.entries(choices)) await tool.locator(`#${id}`).selectOption(value);
  await tool.getByRole("button", { name: "Подписать" }).click();
  return tool;
}

const outcome = async (code: string): Promise<string> => {
  await page.locator(`#outcome[data-code="${code}"]`).waitFor();
  return page.locator("#outcome").innerText();
};

describe("in Chromium", () => {
  it("E-09, E-22 a doctor prepares, signs on the tool's page, activates the certificate by the code and has the result without a reload", async () => {
    await page.evaluate("window.unreloaded = true");
    await prepare("Прошу согласовать график");
    expect(await page.locator("#streebog").innerText()).toMatch(/^[0-9a-f]{64}$/);
    await signOn({ owner: "doctor", kind: "gost", variant: "good" });
    expect(await outcome("certificate-pending")).toContain("не активирован");
    await page.getByRole("button", { name: "Добавить сертификат" }).click();
    await page.locator("#confirmation").waitFor();
    await page.locator("#code").fill(await codeSentTo(app, "+79990000001"));
    await page.getByRole("button", { name: "Активировать" }).click();
    expect(await outcome("signed")).toContain("подписан");
    expect(await page.evaluate("window.unreloaded")).toBe(true);
  });

  it("another person's certificate is refused on the page with the cause, then the right one is taken", async () => {
    const me = await page.evaluate("fetch('/cabinet/v1/me').then((answer) => answer.json())");
    await activateCertificates(app, (me as { id: string }).id, {});
    await prepare("Прошу предоставить отпуск");
    const tool = await signOn({ owner: "nurse", kind: "rsa", variant: "good" });
    expect(await outcome("signature-owner-mismatch")).toContain("СНИЛС");
    await tool.close();
    await signOn({ owner: "doctor", kind: "rsa", variant: "good" });
    expect(await outcome("signed")).toContain("подписан");
  });
});
