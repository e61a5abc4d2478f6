import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { startBrowser, withoutCookies } from "../support/browser.ts";

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
  context.setDefaultTimeout(10_000);
  page = await context.newPage();
});
afterEach(() => context.close());

const heading = () => page.locator("h1").innerText();

/** From the start page through the portal's picker, as a person would. */
async function enter(link: string, persona: string): Promise<void> {
  await page.goto(app.url);
  await page.getByRole("link", { name: link }).click();
  await page.locator(`input[name=persona][value=${persona}]`).check();
  await page.getByRole("button", { name: "Войти", exact: true }).click();
}

// the gateway is 127.0.0.1 and ESIA is localhost: two sites, as in life
describe("in Chromium", () => {
  it("L-01, L-15, L-61 a doctor signs in over two sites, without scripts and local storage, and lands in the cabinet", async () => {
    await enter("Войти как медицинский работник", "doctor");
    await page.waitForURL(`${app.url}/auth/account`);
    expect(await heading()).toBe("Врачев Иван Примерович");
    const cookies = await context.cookies(app.url);
    expect(cookies.find(({ name }) => name === "__Host-sid")).toMatchObject({
      httpOnly: true,
      secure: true,
      sameSite: "Strict",
      expires: -1,
    });
    expect(await page.evaluate("document.cookie")).toBe("");
    expect(await page.evaluate("localStorage.length + sessionStorage.length")).toBe(0);
  });

  it("L-04, L-36 a citizen signs in, accepts the terms and is not shown a worker's organisation", async () => {
    await enter("Войти как гражданин", "citizen");
    await page.waitForURL(`${app.url}/auth/account`);
    expect(await page.locator("main").innerText()).toContain("Вы вошли как гражданин");
    expect(await page.locator("main").innerText()).not.toContain("Организация");
    await page.getByRole("button", { name: "Принимаю условия" }).click();
    await page.waitForURL(`${app.url}/auth/account`);
    expect(await page.getByRole("button", { name: "Принимаю условия" }).count()).toBe(0);
  });

  it("L-64 a doctor of two organisations chooses one", async () => {
    await enter("Войти как медицинский работник", "doctor-two");
    await page.waitForURL(`${app.url}/auth/account`);
    await page.getByLabel("Тестовая городская больница № 2").check();
    await page.getByRole("button", { name: "Выбрать" }).click();
    await page.waitForURL(`${app.url}/auth/account`);
    expect(await page.getByLabel("Тестовая городская больница № 2").isChecked()).toBe(true);
  });

  it("L-57 logout ends the session here and at ESIA: the next sign-in asks who enters", async () => {
    await enter("Войти как медицинский работник", "doctor");
    await page.waitForURL(`${app.url}/auth/account`);
    await page.getByRole("button", { name: /Выйти/ }).click();
    await page.waitForURL(`${app.url}/auth/logged-out`);
    expect((await context.cookies(app.url)).map(({ name }) => name)).not.toContain("__Host-sid");
    const refused = await page.goto(`${app.url}/auth/account`);
    expect(refused?.status()).toBe(401);
    await page.goto(`${app.url}/auth/login?as=worker`);
    expect(await page.locator("input[name=persona]").count()).toBeGreaterThan(5);
  });

  it("L-47 with cookies off the callback says so, with what to do, and is no fault of ours", () =>
    withoutCookies(async (blocked) => {
      page = await blocked.newPage();
      // the portal's own picker needs a cookie too, so it is skipped
      await page.goto(`${app.url}/auth/login?as=worker&persona=doctor`);
      expect(new URL(page.url()).pathname).toBe("/auth/callback");
      expect(await page.locator("#code").innerText()).toBe("auth-cookies-disabled");
      expect(await page.locator("#remedy").innerText()).toContain("Включите cookie и локальное хранилище");
    }));

  it("L-02 an unconfirmed account sees the code, the reason and the way out", async () => {
    await enter("Войти как медицинский работник", "simple");
    await page.waitForURL(/\/auth\/callback/);
    expect(await page.locator("#code").innerText()).toBe("account-not-confirmed");
    expect(await page.getByRole("link", { name: "Как подтвердить учётную запись" }).count()).toBe(1);
  });

  it("L-60 step-up asks for the login again and leads back", async () => {
    await enter("Войти как медицинский работник", "doctor");
    await page.waitForURL(`${app.url}/auth/account`);
    await page.goto(`${app.url}/auth/step-up?returnTo=/auth/account`);
    await page.locator("input[name=persona][value=doctor]").check();
    await page.getByRole("button", { name: "Войти", exact: true }).click();
    await page.waitForURL(`${app.url}/auth/account`);
    expect(await heading()).toBe("Врачев Иван Примерович");
  });
});
