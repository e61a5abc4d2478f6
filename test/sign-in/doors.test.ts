import type { CapabilityStatement } from "@medplum/fhirtypes";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parseRequirements } from "../../scripts/requirement-rows.ts";
import { systemClock } from "../../src/core/clock.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { messagesTo } from "../support/messages.ts";
import { readProjectFile } from "../support/project-files.ts";
import { alterAccounts, codeOn, csrfOn, journalRows, signInAs } from "../support/sign-in.ts";
import { testContext } from "../support/upstream.ts";
import { Visitor } from "../support/visitor.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startApp({
    SIGN_IN_PER_MINUTE: "10000",
    SECURITY_EMAIL: "security@clinic.example",
    SECURITY_CONTACTS: "tel:+74950000000,mailto:security@clinic.example",
  });
});
afterAll(() => app?.close());

const undo: (() => void)[] = [];
afterEach(() => {
  for (const step of undo.splice(0)) step();
});
const account = (visitor: Visitor) => visitor.visit(`${app.url}/auth/account`);
const post = async (visitor: Visitor, path: string, fields: Record<string, string>) => {
  const csrf = csrfOn(await account(visitor));
  return visitor.visit(app.url + path, { form: { csrf, ...fields } });
};
const form = "application/x-www-form-urlencoded";
const json = { accept: "application/json", "content-type": "application/json", "x-requested-with": "test" };

/** A session as the store holds it now, older than it is, and unknown to the cache. */
async function age(owner: Partial<Record<"seen_at" | "expires_at", number>>): Promise<void> {
  await app.parts.store.db.updateTable("session").set(owner).execute();
}

describe("a session at the doors", () => {
  it("L-20, L-45 an expired session is 401 with the way to sign in again, and its row is gone", async () => {
    const { visitor } = await signInAs(app, "doctor");
    await age({ seen_at: 1 });
    const answer = await account(visitor);
    expect([answer.status, codeOn(answer)]).toEqual([401, "token-expired"]);
    expect(answer.headers.get("link")).toBe('</auth/login>; rel="login"');
    expect(answer.text).toContain('href="/auth/login?as=worker"');
    expect(
      await app.parts.store.db.selectFrom("session").select("id").where("seen_at", "=", 1).execute(),
    ).toEqual([]);
  });

  it("Z-10, L-22 a session unused for the configured time is over at the next call, and no sooner", async () => {
    const { visitor } = await signInAs(app, "doctor");
    await age({ seen_at: Date.now() - 1_700_000 });
    expect((await account(visitor)).status).toBe(200);
    const other = await signInAs(app, "nurse");
    await age({ seen_at: Date.now() - 1_801_000 });
    const answer = await account(other.visitor);
    expect([answer.status, codeOn(answer)]).toEqual([401, "token-expired"]);
  });

  it("L-19 past its absolute end a session is 401 however lately it was used", async () => {
    const { visitor } = await signInAs(app, "doctor");
    await age({ expires_at: 1 });
    expect(codeOn(await account(visitor))).toBe("token-expired");
  });

  it("L-21 a stolen cookie in another browser ends every session of the person and is recorded", async () => {
    const { visitor } = await signInAs(app, "doctor");
    const thief = new Visitor();
    thief.setCookie(app.url, "__Host-sid", visitor.cookie(app.url, "__Host-sid")!);
    expect(codeOn(await account(thief))).toBe("session-compromised");
    expect(codeOn(await account(visitor))).toBe("unauthorized");
    const rows = await journalRows(app);
    expect(rows.find(({ outcome }) => outcome === "session-compromised")).toMatchObject({
      actorKind: "practitioner",
      action: "refused GET",
    });
  });

  it("Z-12 a stolen session blocks itself and administrators hear of it by alert and by message", async () => {
    const alert = app.telemetry.instruments.compromisedSessions.of({});
    const before = alert.value;
    const { visitor } = await signInAs(app, "nomiddle");
    const thief = new Visitor("Mozilla/5.0 (X11; Linux) Elsewhere/1.0");
    thief.setCookie(app.url, "__Host-sid", visitor.cookie(app.url, "__Host-sid")!);
    expect(codeOn(await account(thief))).toBe("session-compromised");
    expect([(await account(visitor)).status, (await account(thief)).status]).toEqual([401, 401]);
    expect(alert.value).toBe(before + 1);
    const told = async () => (await messagesTo(app, "security@clinic.example")).map(({ text }) => text);
    await expect
      .poll(told, { timeout: 20_000 })
      .toContainEqual(expect.stringContaining("session-compromised"));
    expect((await told()).join()).not.toMatch(/Врач|Mozilla|\d{11}/);
  });

  it("L-56 a sign-in from a new device is shown with device, time and advice; the first device is no news", async () => {
    const [first] = [await signInAs(app, "chief")];
    expect((await account(first.visitor)).text).not.toContain("нового");
    const phone = new Visitor("Mozilla/5.0 (Android 15) Firefox/140.0");
    await signInAs(app, "chief", "worker", phone);
    const { text } = await account(first.visitor);
    expect(text.replace(/\s+/g, " ")).toContain("Вход с нового устройства: Firefox, Android");
    expect(text).toMatch(/\d{4} г\. в \d\d:\d\d/);
    expect(text).toContain("смените пароль Госуслуг");
    expect(text).toContain('<a href="/help/sign-in#support">обратитесь в поддержку</a>');
    await expect
      .poll(async () => (await messagesTo(app, "+79990000009")).map(({ text: sent }) => sent), {
        timeout: 20_000,
      })
      .toEqual([expect.stringMatching(/нового устройства: Firefox, Android, .*смените пароль/)]);
  });

  it("a notice of a new device that its person has seen is not shown again, a later one is", async () => {
    const first = await signInAs(app, "doctor-two");
    const from = (system: string) =>
      signInAs(app, "doctor-two", "worker", new Visitor(`Mozilla/5.0 (${system}) Firefox/140.0`));
    await from("Android 15");
    const shown = await account(first.visitor);
    const until = /name="until" value="(\d+)"/.exec(shown.text)?.[1] ?? "";
    expect((await post(first.visitor, "/auth/notices", { until: "soon" })).status).toBe(400);
    expect((await post(first.visitor, "/auth/notices", { until })).status).toBe(303);
    expect((await account(first.visitor)).text).not.toContain("нового");
    await from("Macintosh");
    expect((await account(first.visitor)).text).toContain("нового");
  });

  it("a browser of another version is no new device", async () => {
    const [old, updated] = ["139", "140"].map(
      (version) => `Mozilla/5.0 (Windows NT 10.0) Chrome/${version}.0`,
    );
    const visitor = new Visitor(old);
    await signInAs(app, "nurse", "worker", visitor);
    const newer = new Visitor(updated);
    for (const name of ["__Host-sid", "__Host-device"])
      newer.setCookie(app.url, name, visitor.cookie(app.url, name)!);
    expect((await account(newer)).status).toBe(200);
  });
});

describe("what a foreign page can't do", () => {
  const logout = async (headers: Record<string, string>, form: Record<string, string> = {}) => {
    const { visitor } = await signInAs(app, "doctor");
    const csrf = csrfOn(await account(visitor));
    const answer = await visitor.visit(`${app.url}/auth/logout`, {
      form: { ...form, ...(form["csrf"] === "right" && { csrf }) },
      headers,
    });
    return { status: answer.status, code: codeOn(answer), still: (await account(visitor)).status };
  };
  const refused = { status: 403, code: "csrf-rejected", still: 200 };

  it.each([
    ["from another origin, token and all", { origin: "https://evil.example" }, { csrf: "right" }],
    ["from a page that hides its origin", { origin: "null" }, { csrf: "right" }],
    ["that the browser calls cross-site", { "sec-fetch-site": "cross-site" }, { csrf: "right" }],
    ["without a token", {}, {}],
    ["with a wrong token", {}, { csrf: "wrong" }],
  ])("a change %s is refused", async (_what, headers, form) => {
    expect(await logout(headers as Record<string, string>, form as Record<string, string>)).toEqual(refused);
  });

  it("a change from our own form goes through", async () => {
    expect(await logout({}, { csrf: "right" })).toMatchObject({ status: 303, still: 401 });
  });
});

describe("leaving", () => {
  it("L-57 logout ends the session, clears its cookie and tells a program where to end ESIA's", async () => {
    const { visitor } = await signInAs(app, "doctor");
    const token = visitor.cookie(app.url, "__Host-sid")!;
    const answer = await visitor.visit(`${app.url}/auth/logout`, {
      method: "POST",
      headers: { ...json, origin: app.url, "content-type": form },
    });
    expect(answer.status, answer.text).toBe(200);
    const { logoutUrl } = JSON.parse(answer.text) as { logoutUrl: string };
    expect(new URL(logoutUrl).pathname).toBe("/idp/ext/Logout");
    expect(new URL(logoutUrl).searchParams.get("redirect_url")).toBe(`${app.url}/auth/logged-out`);
    expect(visitor.cookie(app.url, "__Host-sid")).toBeUndefined();
    visitor.setCookie(app.url, "__Host-sid", token);
    expect(codeOn(await account(visitor))).toBe("unauthorized");
  });

  it("L-57 no cookie that admits anybody outlives the browser", async () => {
    const visitor = new Visitor();
    const { answer } = await signInAs(app, "doctor", "worker", visitor);
    const lasting = answer.setCookies.filter(
      (line) => /Max-Age|Expires/.test(line) && !/Max-Age=0/.test(line),
    );
    expect(lasting.map((line) => line.split("=")[0])).toEqual(["__Host-device"]);
    const device = new Visitor();
    device.setCookie(app.url, "__Host-device", visitor.cookie(app.url, "__Host-device")!);
    expect((await account(device)).status).toBe(401);
  });
});

describe("choices", () => {
  it("L-64 a worker of two organisations chooses; the actor of the next request works there", async () => {
    const { visitor } = await signInAs(app, "doctor-two");
    const oid = "1.2.643.5.1.13.13.12.2.77.90002";
    expect((await post(visitor, "/auth/organization", { oid })).status).toBe(303);
    await account(visitor);
    const row = (await journalRows(app)).at(-1);
    expect(row).toMatchObject({ tenant: oid, actorKind: "practitioner", role: expect.any(String) });
  });

  it("L-51 an organisation where the person has no work can't be chosen", async () => {
    const { visitor } = await signInAs(app, "doctor-two");
    const answer = await post(visitor, "/auth/organization", { oid: "1.2.643.5.1.13.13.12.2.77.90003" });
    expect([answer.status, codeOn(answer)]).toEqual([403, "profile-organization-mismatch"]);
  });

  it("L-04 a worker's choice is refused to the same person's citizen session", async () => {
    const { visitor } = await signInAs(app, "doctor", "citizen");
    const answer = await post(visitor, "/auth/organization", { oid: "1.2.643.5.1.13.13.12.2.77.90001" });
    expect([answer.status, codeOn(answer)]).toEqual([403, "worker-session-required"]);
  });

  it.each(["organization", "terms"])(
    "a choice of %s without its field is refused by name",
    async (choice) => {
      const { visitor } = await signInAs(app, "doctor");
      const bare = { method: "POST", headers: { ...json, origin: app.url, "content-type": form } };
      expect((await visitor.visit(`${app.url}/auth/${choice}`, bare)).status).toBe(400);
      expect((await post(visitor, `/auth/${choice}`, {})).status).toBe(400);
    },
  );

  it("L-36 terms are accepted once, with version and time, for the sign-ins to come too", async () => {
    const { visitor } = await signInAs(app, "nurse");
    expect((await account(visitor)).text).toContain("Принимаю условия");
    expect((await post(visitor, "/auth/terms", { version: "0" })).status).toBe(412);
    const before = Date.now();
    expect((await post(visitor, "/auth/terms", { version: "1" })).status).toBe(303);
    const after = Date.now();
    expect((await account(visitor)).text).not.toContain("Принимаю условия");
    const again = await signInAs(app, "nurse");
    expect((await account(again.visitor)).text).not.toContain("Принимаю условия");
    const rows = await app.parts.store.db.selectFrom("terms_acceptance").selectAll().execute();
    expect(rows).toMatchObject([{ version: "1" }]);
    expect(rows[0]!.at).toBeGreaterThanOrEqual(before);
    expect(rows[0]!.at).toBeLessThanOrEqual(after);
  });
});

describe("ESIA's tokens", () => {
  /** Sign-ins bring a refresh token; the access token has run out unless `lasting`. */
  const withRefresh = (lasting = false) => {
    const { esia } = app.parts;
    const real = esia.refresh;
    const calls: string[] = [];
    let last: Parameters<Parameters<typeof alterAccounts>[1]>[0];
    undo.push(
      alterAccounts(app, (known) => {
        last = { ...known, refreshToken: "refresh-1", expiresAt: Date.now() + (lasting ? 3_600_000 : 0) };
        return last;
      }),
      () => {
        esia.refresh = real;
      },
    );
    esia.refresh = async (token) => {
      calls.push(token);
      return { ...last, refreshToken: "refresh-2", expiresAt: Date.now() + 3_600_000 };
    };
    return calls;
  };

  it("L-17 by the sandbox's own grant: one refresh renews the token, the session and its cookie stay", async () => {
    const { esia } = app.parts;
    const real = esia.refresh;
    const renewed: Promise<unknown>[] = [];
    const spent: string[] = [];
    esia.refresh = (token, ...rest) => {
      spent.push(token);
      const answer = real.call(esia, token, ...rest);
      renewed.push(answer);
      return answer;
    };
    undo.push(() => {
      esia.refresh = real;
    });
    // what ESIA gave, but for the time: its access token has run out
    undo.push(alterAccounts(app, (known) => ({ ...known, expiresAt: Date.now() })));
    const { visitor } = await signInAs(app, "doctor");
    const cookie = visitor.cookie(app.url, "__Host-sid");
    const answers = await Promise.all([1, 2, 3].map(() => account(visitor)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    await expect.poll(() => renewed).toHaveLength(1);
    expect(await renewed[0]).toMatchObject({
      confirmed: true,
      refreshToken: expect.not.stringMatching(spent[0] ?? "-"),
    });
    expect((await account(visitor)).status).toBe(200);
    expect([spent.length, visitor.cookie(app.url, "__Host-sid")]).toEqual([1, cookie]);
    const [token = ""] = spent;
    await expect(
      real.call(esia, token, `${app.url}/auth/callback`, testContext(systemClock)),
    ).rejects.toMatchObject({ code: "sign-in-expired" });
  });

  it("L-17 ESIA's token runs out mid-session: it is renewed once and the session goes on", async () => {
    const calls = withRefresh();
    const { visitor } = await signInAs(app, "doctor");
    const answers = await Promise.all([1, 2, 3].map(() => account(visitor)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    await expect.poll(() => calls).toEqual(["refresh-1"]);
    expect((await account(visitor)).status).toBe(200);
    expect(calls).toHaveLength(1);
  });

  it("L-17 a token that still lasts is left alone", async () => {
    const calls = withRefresh(true);
    const { visitor } = await signInAs(app, "doctor");
    expect((await account(visitor)).status).toBe(200);
    expect(calls).toEqual([]);
  });

  it("L-17 a refusal of the refresh does not end the session", async () => {
    withRefresh();
    app.parts.esia.refresh = () => Promise.reject(new Error("ESIA is down"));
    const { visitor } = await signInAs(app, "doctor");
    expect((await account(visitor)).status).toBe(200);
    expect((await account(visitor)).status).toBe(200);
  });
});

describe("step-up", () => {
  it("L-60 a login that ESIA did not ask for anew is not enough; the session stays as it was", async () => {
    const { visitor } = await signInAs(app, "doctor");
    undo.push(alterAccounts(app, (known) => ({ ...known, authTime: Date.now() - 3_600_000 })));
    const answer = await stepUp(visitor, "doctor");
    expect([answer.status, codeOn(answer)]).toEqual([401, "step-up-required"]);
    expect((await account(visitor)).status).toBe(200);
  });

  it("L-60 another person's login is no step-up", async () => {
    const { visitor } = await signInAs(app, "doctor");
    const answer = await stepUp(visitor, "nurse");
    expect(codeOn(answer)).toBe("step-up-required");
  });

  it("L-60 a fresh login takes the place of the session and is recorded", async () => {
    const { visitor } = await signInAs(app, "doctor");
    const before = visitor.cookie(app.url, "__Host-sid");
    expect((await stepUp(visitor, "doctor")).status).toBe(200);
    expect(visitor.cookie(app.url, "__Host-sid")).not.toBe(before);
    expect((await account(visitor)).status).toBe(200);
    expect((await journalRows(app)).map(({ action }) => action)).toContain("step-up");
    visitor.setCookie(app.url, "__Host-sid", before!);
    expect(codeOn(await account(visitor))).toBe("unauthorized");
  });

  /** Step-up with the persona chosen by the URL, as the picker would. */
  async function stepUp(visitor: Visitor, persona: string) {
    const begun = await visitor.visit(`${app.url}/auth/step-up`);
    const out = await visitor.visit(begun.headers.get("location")!);
    const back = await visitor.visit(out.headers.get("location")!, { crossSite: true });
    const asked = new URL(back.headers.get("location")!);
    asked.searchParams.set("persona", persona);
    return visitor.follow(asked.href, { crossSite: true });
  }
});

describe("limits and pages", () => {
  it("sign-ins of one address are limited", async () => {
    const strict = await startApp({ SIGN_IN_PER_MINUTE: "2" });
    const begin = () => new Visitor().visit(`${strict.url}/auth/login?as=worker`);
    const statuses = [(await begin()).status, (await begin()).status];
    const over = await begin();
    await strict.close();
    expect(statuses).toEqual([302, 302]);
    expect([over.status, codeOn(over)]).toEqual([429, "rate-limited"]);
    expect(over.headers.get("retry-after")).toMatch(/^\d+$/);
  });

  it("Z-28 the page one step from the sign-in lists the nine recommendations for safe use", async () => {
    const visitor = new Visitor();
    const start = await visitor.visit(`${app.url}/`);
    const section = /<h2>Вход через Госуслуги<\/h2>\s*<ul>(.*?)<\/ul>/s.exec(start.text)?.[1] ?? "";
    const path = /href="([^"]+)">Правила безопасного входа/.exec(section)?.[1] ?? "";
    const page = await visitor.visit(app.url + path);
    const rules = [...page.text.matchAll(/<li>(.*?)<\/li>/gs)].map(([, rule = ""]) => rule);
    const expected = [
      /уникальный пароль/,
      /второй фактор/,
      /раза в три месяца/,
      /автозаполнение/,
      /общем компьютере.*Выйти.*историю/s,
      /«Запомнить меня»/,
      /антивирус/,
      /https:\/\/www\.gosuslugi\.ru/,
      /подозрительном входе.*смените пароль.*поддержку/s,
    ];
    expect(rules).toHaveLength(9);
    expect(expected.map((rule, n) => rule.test(rules[n] ?? ""))).toEqual(expected.map(() => true));
    const refused = await visitor.visit(`${app.url}/auth/account`);
    expect(refused.text).toContain(`href="${path}"`);
  });

  it("E-07 an article one step from the sign-in tells how a certificate is issued, and who issues it", async () => {
    const visitor = new Visitor();
    const start = await visitor.visit(`${app.url}/`);
    const path = /href="([^"]+)">Как получить сертификат подписи/.exec(start.text)?.[1] ?? "";
    const { status, text } = await visitor.visit(app.url + path);
    const steps = [...text.matchAll(/<li>(.*?)<\/li>/gs)].map(([, step = ""]) => step);
    const expected = [
      /удостоверяющем центре.*удостоверяющий личность.*статуса медицинского работника/s,
      /биометрию, отпечатки пальцев и фотографию/,
      /совместимое программное обеспечение/,
      /токен или смарт-карту с ключом и сертификатом/,
      /профиль кабинета.*код/s,
    ];
    expect([status, expected.map((step, n) => step.test(steps[n] ?? ""))]).toEqual([
      200,
      expected.map(() => true),
    ]);
    expect(text).toContain("https://digital.gov.ru/");
    expect((await visitor.visit(`${app.url}/help/sign-in`)).text).toContain(`href="${path}"`);
  });

  it("Z-24 the security service's contacts stand on the help page and in the CapabilityStatement", async () => {
    const { text } = await new Visitor().visit(`${app.url}/help/sign-in`);
    const section = text.slice(text.indexOf('id="security-service"'));
    expect(section).toContain('<a href="tel:+74950000000">+74950000000</a>');
    expect(section).toContain('<a href="mailto:security@clinic.example">security@clinic.example</a>');
    const { contact } = (await (await fetch(`${app.url}/fhir/metadata`)).json()) as CapabilityStatement;
    expect(contact).toEqual([
      {
        name: "Служба безопасности",
        telecom: [
          { system: "phone", value: "+74950000000" },
          { system: "email", value: "security@clinic.example" },
        ],
      },
    ]);
  });

  it("L-48 the help page says what browser is needed and what to switch off", async () => {
    const { text } = await new Visitor().visit(`${app.url}/help/sign-in`);
    expect(text).toContain("TLS 1.2");
    expect(text).toContain("блокировку скриптов и всплывающих окон");
  });

  it("rows that are wholly ESIA's own have their link on the help page", async () => {
    const { text } = await new Visitor().visit(`${app.url}/help/sign-in`);
    const rows = parseRequirements(readProjectFile("docs/requirements.md")).flatMap((group) => group.rows);
    const links = rows.flatMap(({ esia }) => esia ?? []);
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((link) => !text.includes(`href="${link}"`))).toEqual([]);
  });

  it("pages of sign-in are not kept and load nothing foreign", async () => {
    const { visitor } = await signInAs(app, "doctor");
    const { headers } = await account(visitor);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; style-src 'self'; .*frame-ancestors 'none'$/,
    );
  });
});
