import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { Visitor } from "../support/visitor.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ SIGN_IN_PER_MINUTE: "10000" });
});
afterAll(() => app.close());

const login = (as: string, persona: string, more = "") =>
  `${app.url}/auth/login?as=${as}&persona=${persona}${more}`;

const signIn = async (persona: string, as = "worker", visitor = new Visitor()) => {
  const answer = await visitor.follow(login(as, persona));
  return { visitor, answer };
};

const codeOn = (page: string) => /<code id="code">([\w-]+)<\/code>/.exec(page)?.[1];

describe("who gets in", () => {
  it("L-01, L-62 a doctor goes to ESIA, comes back and has an active session", async () => {
    const { visitor, answer } = await signIn("doctor");
    expect(answer.status, answer.text).toBe(200);
    expect(answer.text).toContain('http-equiv="refresh" content="0;url=/auth/account"');
    const account = await visitor.visit(`${app.url}/auth/account`);
    expect(account.status).toBe(200);
    expect(account.text).toContain("Врачев Иван Примерович");
    expect(account.text).toContain("Тестовая городская поликлиника № 1");
  });

  it.each([
    ["L-02", "simple", "worker", 403, "account-not-confirmed"],
    ["L-02", "simple", "citizen", 403, "account-not-confirmed"],
    ["L-03", "citizen", "worker", 403, "not-a-medical-worker"],
    ["L-03", "dismissed", "worker", 403, "worker-dismissed"],
    ["L-51", "blocked", "worker", 403, "profile-organization-mismatch"],
    ["L-52", "kid", "citizen", 403, "child-account"],
    ["L-52", "dup", "worker", 409, "person-duplicated"],
  ])("%s %s is refused as %s with a page that names the cause", async (...row) => {
    const [, persona, as, status, code] = row;
    const { visitor, answer } = await signIn(persona, as);
    expect({ status: answer.status, code: codeOn(answer.text) }).toEqual({ status, code });
    expect(answer.text).toContain('id="remedy"');
    expect(visitor.cookie(app.url, "__Host-sid")).toBeUndefined();
  });

  it.each([
    ["L-03", "citizen", "citizen"],
    ["L-03", "dismissed", "citizen"],
    ["L-59", "norole", "worker"],
    ["L-51", "nomiddle", "worker"],
    ["L-01", "nurse", "worker"],
  ])("%s %s gets in as %s", async (_id, persona, as) => {
    const { visitor, answer } = await signIn(persona, as);
    expect(answer.status, answer.text).toBe(200);
    expect(visitor.cookie(app.url, "__Host-sid")).toMatch(/^[\w-]{43}$/);
  });
});
