import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { claimsOf, cookieOf, locationOf, type RunningEsia, startEsia } from "../support/esia-sandbox.ts";
import { authorization, codeExchange, type Parameters } from "../support/esia-system.ts";

let esia: RunningEsia;
beforeAll(async () => {
  esia = await startEsia();
});
afterAll(() => esia.sandbox.close());
afterEach(() => esia.calm());

const right = "Sandbox-1";

/** A browser on ESIA's sign-in page: sends forms, follows the page's own redirects. */
async function browser(extra: Parameters = {}) {
  const asked = authorization(esia.system, esia.clock.now());
  const answer = await esia.ac({ ...asked, ...extra });
  const headers = { cookie: cookieOf(answer) };
  const page = async () => {
    const shown = await esia.get("/login", headers);
    return { status: shown.status, text: await shown.text() };
  };
  const request = /name="request" value="([^"]+)"/.exec((await page()).text)?.[1] ?? "";
  const send = async (path: string, fields: Parameters) => {
    const sent = await esia.form(path, { request, ...fields }, headers);
    const target = locationOf(sent);
    if (target.pathname === "/login") return { ...(await page()), code: null, error: null };
    const { searchParams } = target;
    return {
      status: sent.status,
      text: await sent.text(),
      code: searchParams.get("code"),
      error: searchParams.get("error_description"),
    };
  };
  return {
    asked,
    page,
    enter: (fields: Parameters) => send("/login", { password: right, ...fields }),
    typeCode: (code: string) => send("/login/code", { code }),
    newCode: () => send("/login/new-code", {}),
    cancel: () => send("/login/cancel", {}),
  };
}

const shownCode = (text: string) => /<output id="code">(\d{6})<\/output>/.exec(text)?.[1] ?? "";
const alertOf = (text: string) => /data-code="([A-Z_]+)"/.exec(text)?.[1];
const other = (code: string) => (code === "000000" ? "000001" : "000000");

describe("the picker", () => {
  it("names every persona with what it is for, in a form without scripts", async () => {
    const { text } = await (await browser()).page();
    expect(text.match(/name="persona"/g)).toHaveLength(13);
    expect(text).toContain("<b>Врачев Иван Примерович</b> — врач-терапевт, одно место работы");
    expect(text).toContain('<html lang="ru">');
    expect(text).not.toContain("<script");
    const controls = text.match(/<input(?! type="hidden")/g)?.length;
    expect(text.match(/<label>[^\n]*<input/g)?.length).toBe(controls);
  });

  it("leads back with a code, or with ESIA-007004 when the person cancels", async () => {
    const tab = await browser();
    const { status, code } = await tab.enter({ persona: "nurse" });
    expect(status).toBe(303);
    const tokens = await esia.te(
      codeExchange(esia.system, esia.clock.now(), tab.asked, { code: code ?? "" }),
    );
    expect(claimsOf(tokens.id_token)["sub"]).toBe(1000300892);
    expect((await (await browser()).cancel()).error).toBe("ESIA-007004: OAuthErrorEnum.accessDenied");
  });

  it("L-05 every kind of login, СНИЛС, e-mail, phone and name, leads to the same subject", async () => {
    const subjects = [];
    for (const login of ["900-000-001 82", "Doctor@Example.org", "+7 (999) 000-00-01", "doctor"]) {
      const tab = await browser();
      const { code } = await tab.enter({ login });
      const tokens = await esia.te(
        codeExchange(esia.system, esia.clock.now(), tab.asked, { code: code ?? "" }),
      );
      subjects.push(claimsOf(tokens.id_token)["sub"]);
    }
    expect(subjects).toEqual([1000300890, 1000300890, 1000300890, 1000300890]);
  });

  it("L-11 L-44 an unknown login and a wrong password get the same named cause, advice and another try", async () => {
    const unknown = await (await browser()).enter({ login: "nobody" });
    const tab = await browser();
    const wrong = await tab.enter({ persona: "doctor", password: "guess" });
    for (const { status, text } of [unknown, wrong]) {
      expect([status, alertOf(text)]).toEqual([401, "AUTH_BAD_CREDENTIALS"]);
      expect(text).toContain("Неверный логин или пароль");
      expect(text).toMatch(/<a href="https:\/\/esia\.gosuslugi\.ru\/login\/recovery">Восстановите пароль/);
    }
    expect((await tab.enter({ persona: "doctor" })).code).toBeTruthy();
  });

  it("L-12 a login or a password in other letter case is a wrong one", async () => {
    const tab = await browser();
    expect(alertOf((await tab.enter({ login: "Doctor" })).text)).toBe("AUTH_BAD_CREDENTIALS");
    expect(alertOf((await tab.enter({ login: "doctor", password: "sandbox-1" })).text)).toBe(
      "AUTH_BAD_CREDENTIALS",
    );
  });

  it("L-39 an unknown person is shown the way to an account and its steps", async () => {
    const { text } = await (await browser()).enter({ login: "newcomer" });
    expect(text).toContain('<a href="https://esia.gosuslugi.ru/registration">Зарегистрируйтесь</a>');
    expect(text).toMatch(/код из СМС.*номер паспорта.*почта и пароль.*подтверждение личности/s);
  });

  it("L-10 the password is hidden while it is typed and stands in no log line", async () => {
    const tab = await browser();
    expect((await tab.page()).text).toContain('<input type="password" name="password"');
    await tab.enter({ persona: "doctor", password: "Guess-31415" });
    await tab.enter({ persona: "doctor" });
    expect(esia.logged).not.toEqual([]);
    expect(JSON.stringify(esia.logged)).not.toMatch(/Guess-31415|Sandbox-1/);
  });

  it("L-42 an electronic signature enters without a password; an expired certificate is refused with the way to a new one", async () => {
    const tab = await browser();
    const expired = await tab.enter({ persona: "doctor", method: "expired-certificate" });
    expect([expired.status, alertOf(expired.text)]).toEqual([403, "CERT_EXPIRED"]);
    expect(expired.text).toContain("certification_authority");
    const { code } = await tab.enter({ persona: "doctor", method: "certificate", password: "" });
    const tokens = await esia.te(
      codeExchange(esia.system, esia.clock.now(), tab.asked, { code: code ?? "" }),
    );
    expect(claimsOf(tokens.id_token)).toMatchObject({ sub: 1000300890, amr: "DS", "urn:esia:amd": "DS" });
  });

  it("keeps two tabs of one browser apart", async () => {
    const first = authorization(esia.system, esia.clock.now());
    const cookie = cookieOf(await esia.ac(first));
    const idOf = async () =>
      /name="request" value="([^"]+)"/.exec(await (await esia.get("/login", { cookie })).text())?.[1] ?? "";
    const request = await idOf();
    await esia.ac(authorization(esia.system, esia.clock.now()), { cookie });
    expect(await idOf()).not.toBe(request);
    const done = await esia.form("/login", { request, persona: "doctor", password: right }, { cookie });
    expect(locationOf(done).searchParams.get("state")).toBe(first["state"]);
  });

  it("has nothing to confirm for a browser that no system sent", async () => {
    expect((await esia.get("/login")).status).toBe(400);
    const stray = await esia.form("/login", { request: "x", persona: "doctor", password: right });
    expect([stray.status, stray.headers.get("location")]).toEqual([400, null]);
  });
});

describe("three wrong passwords", () => {
  const lockOut = async () => {
    const tab = await browser();
    for (const left of ["2", "1"])
      expect((await tab.enter({ persona: "doctor", password: "guess" })).text).toContain(
        `Осталось попыток: ${left}.`,
      );
    return { tab, locked: await tab.enter({ persona: "doctor", password: "guess" }) };
  };

  it("L-31 L-32 lock the person for a time that the answer says; the right password opens nothing meanwhile", async () => {
    const { tab, locked } = await lockOut();
    expect([locked.status, alertOf(locked.text)]).toEqual([423, "LOCKED"]);
    const end = /<time datetime="([^"]+)">/.exec(locked.text)?.[1] ?? "";
    expect(Date.parse(end)).toBe(esia.clock.now() + 15 * 60_000);
    expect((await tab.enter({ persona: "doctor" })).status).toBe(423);
    expect((await (await browser()).enter({ persona: "nurse" })).code).toBeTruthy();
    await esia.clock.advance(15 * 60_000);
    expect((await tab.enter({ persona: "doctor" })).code).toBeTruthy();
  });

  it("L-33 the locked page offers every way back and none round the lock", async () => {
    const { tab, locked } = await lockOut();
    for (const way of [
      "По коду из СМС или по электронной почте",
      "ответ на контрольный вопрос",
      "Поддержка Госуслуг",
    ])
      expect(locked.text).toContain(way);
    expect(locked.text).not.toContain("<form");
    expect((await tab.enter({ login: "doctor@example.org" })).status).toBe(423);
    const direct = await browser({ persona: "doctor" });
    expect((await direct.page()).status).toBe(423);
  });
});

describe("the one-time code", () => {
  /** The password was right, the page asks for the code. */
  const atCode = async () => {
    const tab = await browser({ otp: "1" });
    const { text } = await tab.enter({ persona: "doctor" });
    return { tab, code: shownCode(text) };
  };

  it("is asked after the password when the system or the person wishes", async () => {
    const { tab, code } = await atCode();
    expect(code).toMatch(/^\d{6}$/);
    expect((await tab.typeCode(code)).code).toBeTruthy();
    const byWish = await (await browser()).enter({ persona: "doctor", otp: "1" });
    expect(shownCode(byWish.text)).toMatch(/^\d{6}$/);
    const direct = await browser({ persona: "nurse", otp: "1" });
    expect((await direct.typeCode(shownCode((await direct.page()).text))).code).toBeTruthy();
  });

  it("L-27 is good at 4:59 and expired at 5:01", async () => {
    const early = await atCode();
    await esia.clock.advance(299_000);
    expect((await early.tab.typeCode(early.code)).code).toBeTruthy();
    const late = await atCode();
    await esia.clock.advance(301_000);
    const answer = await late.tab.typeCode(late.code);
    expect([answer.code, alertOf(answer.text)]).toEqual([null, "OTP_EXPIRED"]);
  });

  it("L-28 is worth nothing once a newer one was sent", async () => {
    const { tab, code } = await atCode();
    let next = code;
    while (next === code) next = shownCode((await tab.newCode()).text);
    expect(alertOf((await tab.typeCode(code)).text)).toBe("OTP_WRONG");
    expect((await tab.typeCode(next)).code).toBeTruthy();
  });

  it("L-29 must be six digits without spaces; another form is named and not counted", async () => {
    const { tab, code } = await atCode();
    for (const typed of ["123 456", "12345", ` ${code}`, "1234567", "абвгде"])
      expect(alertOf((await tab.typeCode(typed)).text)).toBe("OTP_FORMAT");
    expect((await tab.typeCode(code)).code).toBeTruthy();
  });

  it("L-30 three wrong ones lock: the right one is refused with LOCKED and the way to support", async () => {
    const { tab, code } = await atCode();
    await tab.typeCode(other(code));
    // a new code does not give new attempts
    const fresh = shownCode((await tab.newCode()).text);
    await tab.typeCode(other(fresh));
    await tab.typeCode(other(fresh));
    const answer = await tab.typeCode(fresh);
    expect([answer.status, alertOf(answer.text)]).toEqual([423, "LOCKED"]);
    expect(answer.text).toContain("8 800 100-70-10");
    expect(shownCode((await tab.newCode()).text)).toBe("");
  });

  it("L-65 a wrong one brings the four steps of diagnosis in order", async () => {
    const { tab, code } = await atCode();
    const { text } = await tab.typeCode(other(code));
    const steps = [
      "номер телефона в профиле",
      "Смените пароль и запросите новый код",
      "Очистите кэш и старые cookie",
      "Обратитесь в поддержку: снимок экрана и номер учётной записи",
    ];
    const places = steps.map((step) => text.indexOf(step));
    expect(places.every((place) => place > 0)).toBe(true);
    expect([...places].sort((a, b) => a - b)).toEqual(places);
  });

  it("L-41 has nowhere to go without a linked phone: the page says how to link one", async () => {
    const world = (await (await fetch(`${esia.control}/_world`)).json()) as { people: { id: string }[] };
    const doctor = world.people.find(({ id }) => id === "doctor");
    await esia.tell("/_world", { people: [{ ...doctor, phone: undefined }] });
    const answer = await (await browser({ otp: "1" })).enter({ persona: "doctor" });
    expect([answer.status, answer.code, alertOf(answer.text)]).toEqual([403, null, "PHONE_NOT_LINKED"]);
    expect(answer.text).toContain("Привяжите номер телефона");
  });
});
