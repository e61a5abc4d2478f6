import type { HumanName } from "@medplum/fhirtypes";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { alterAccounts, calm, codeOn, journalRows, order, signInAs } from "../support/sign-in.ts";
import { Visitor } from "../support/visitor.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ SIGN_IN_PER_MINUTE: "10000", SESSION_IDLE_SECONDS: "60" });
});
afterAll(() => app?.close());

const undo: (() => void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0)) step();
  await calm(app);
});
const alter = (change: Parameters<typeof alterAccounts>[1]) => undo.push(alterAccounts(app, change));
const account = (visitor: Visitor) => visitor.visit(`${app.url}/auth/account`);

describe("settings of the administrator", () => {
  it("Z-10, L-22 another idle time is another behaviour: after 61 s of 60 the session is over", async () => {
    const { visitor } = await signInAs(app, "doctor");
    await app.parts.store.db
      .updateTable("session")
      .set({ seen_at: Date.now() - 61_000 })
      .execute();
    const answer = await account(visitor);
    expect([answer.status, codeOn(answer)]).toEqual([401, "token-expired"]);
  });
});

describe("second factors", () => {
  it.each([
    ["a code by SMS", "PWD SMS"],
    ["a code to the confirmed e-mail", "PWD MAIL"],
    ["a code of a generator app", "PWD TOTP"],
    ["a push of the Gosuslugi app", "PWD PUSH"],
    ["a hardware token", "DS"],
    ["biometrics in the app", "PWD BIO"],
  ])("Z-17, L-24 %s gets in and stands in the row of the login", async (_kind, amr) => {
    const visitor = new Visitor();
    const out = await visitor.visit(`${app.url}/auth/login?as=worker&persona=doctor`);
    const asked = new URL(out.headers.get("location")!);
    asked.searchParams.set("amr", amr);
    const answer = await visitor.follow(asked.href, { crossSite: true });
    expect(answer.status, answer.text).toBe(200);
    const login = (await journalRows(app)).findLast(({ action }) => action === "sign-in");
    expect(login).toMatchObject({ outcome: "ok", ground: `amr=${amr}`, actorKind: "practitioner" });
  });
});

describe("who gets in", () => {
  it("L-01, L-62 a doctor goes to ESIA, comes back and has an active session", async () => {
    const { visitor, answer } = await signInAs(app, "doctor");
    expect(answer.status, answer.text).toBe(200);
    expect(answer.text).toContain('http-equiv="refresh" content="0;url=/auth/account"');
    const page = await account(visitor);
    expect(page.status).toBe(200);
    expect(page.text).toContain("Врачев Иван Примерович");
    expect(page.text).toContain("Тестовая городская поликлиника № 1");
  });

  it.each([
    ["L-02, L-37", "simple", "worker", 403, "account-not-confirmed"],
    ["L-02", "simple", "citizen", 403, "account-not-confirmed"],
    ["L-03", "citizen", "worker", 403, "not-a-medical-worker"],
    ["L-03", "dismissed", "worker", 403, "worker-dismissed"],
    ["L-51", "blocked", "worker", 403, "profile-organization-mismatch"],
    ["L-52", "kid", "citizen", 403, "child-account"],
    ["L-52", "dup", "worker", 409, "person-duplicated"],
  ])("%s %s is refused as %s with a page that names the cause", async (...row) => {
    const [, persona, as, status, code] = row;
    const { visitor, answer } = await signInAs(app, persona, as);
    expect({ status: answer.status, code: codeOn(answer) }).toEqual({ status, code });
    expect(answer.text).toContain('id="remedy"');
    expect(visitor.cookie(app.url, "__Host-sid")).toBeUndefined();
  });

  it.each([
    ["L-03", "citizen", "citizen"],
    ["L-03", "dismissed", "citizen"],
    ["L-51", "norole", "worker"],
    ["L-01", "nomiddle", "worker"],
    ["L-01", "nurse", "worker"],
  ])("%s %s gets in as %s", async (_id, persona, as) => {
    const { visitor, answer } = await signInAs(app, persona, as);
    expect(answer.status, answer.text).toBe(200);
    expect(visitor.cookie(app.url, "__Host-sid")).toMatch(/^[\w-]{43}$/);
  });

  it("L-52 an account without СНИЛС is told so", async () => {
    alter((known) => ({ ...known, person: { ...known.person, identifier: [] } }));
    expect(codeOn((await signInAs(app, "doctor")).answer)).toBe("snils-missing");
  });

  it("L-59 whom ФРМР has just got gets in at once, by ESIA alone", async () => {
    expect(codeOn((await signInAs(app, "citizen")).answer)).toBe("not-a-medical-worker");
    const world = (await (await fetch(`${app.sandboxUrl}/_world`)).json()) as {
      workers: { id: string; person: string }[];
    };
    const doctor = world.workers.find(({ person }) => person === "doctor");
    const workers = [{ ...doctor, id: "hired", person: "citizen" }];
    await fetch(`${app.sandboxUrl}/_world`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ workers }),
    });
    const { answer } = await signInAs(app, "citizen");
    await fetch(`${app.sandboxUrl}/_world`, { method: "DELETE" });
    expect(answer.status, answer.text).toBe(200);
  });

  it("L-05 the person is known by СНИЛС, not by what ESIA or its login calls them", async () => {
    const first = await signInAs(app, "nurse");
    alter((known) => ({ ...known, subject: "1000000001", amr: "DS" }));
    const again = await signInAs(app, "nurse");
    const ids = (await journalRows(app))
      .filter(({ action }) => action === "sign-in")
      .slice(-2)
      .map(({ actorId }) => actorId);
    expect([first.answer.status, again.answer.status]).toEqual([200, 200]);
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
    const signIns = app.parts.store.db.selectFrom("sign_in").select("owner").orderBy("at", "desc").limit(2);
    const [last, before] = await signIns.execute();
    expect(last?.owner).toBe(before?.owner);
  });
});

describe("the data of ESIA against the registry", () => {
  it.each([
    ["V-08", "фамилия", { family: "Иванов" }],
    ["V-10", "имя и отчество", { given: ["Иван", "Другович"] }],
    ["V-10", "дата рождения", { birthDate: "1985-05-21" }],
    ["V-10", "ИНН", { inn: "500100732259" }],
  ])("%s a differing %s is named and there is no session", async (_id, field, differing) => {
    const { inn, birthDate, ...name }: Partial<Record<"inn" | "birthDate", string>> & HumanName = differing;
    alter((known) => {
      const { person } = known;
      const [stated = {}] = person.name ?? [];
      const identifier = person.identifier?.map((one) =>
        inn && one.system === "urn:oid:1.2.643.3.131.1.1" ? { ...one, value: inn } : one,
      );
      const named = [{ ...stated, ...name }];
      return { ...known, person: { ...person, name: named, identifier, ...(birthDate && { birthDate }) } };
    });
    const { visitor, answer } = await signInAs(app, "doctor");
    expect(codeOn(answer)).toBe("identity-mismatch");
    expect(/<b id="fields">(.*?)<\/b>/.exec(answer.text)?.[1]).toBe(field);
    expect(visitor.cookie(app.url, "__Host-sid")).toBeUndefined();
  });

  it("V-11 once the profile is corrected the next sign-in succeeds", async () => {
    alter((known) => ({ ...known, person: { ...known.person, birthDate: "1900-01-01" } }));
    expect(codeOn((await signInAs(app, "doctor")).answer)).toBe("identity-mismatch");
    for (const step of undo.splice(0)) step();
    expect((await signInAs(app, "doctor")).answer.status).toBe(200);
  });

  it("V-12 each sign-in asks ФРМР anew, never a kept answer", async () => {
    await signInAs(app, "doctor");
    const before = Date.now();
    await signInAs(app, "doctor");
    const rows = await app.parts.store.db.selectFrom("worker_verification").select("at").execute();
    expect(Math.max(...rows.map(({ at }) => at))).toBeGreaterThanOrEqual(before);
  });

  it("L-26, V-13 the audit trail shows the steps in order, the comparison among them", async () => {
    const seen = (await journalRows(app)).length;
    await signInAs(app, "doctor");
    const rows = (await journalRows(app)).slice(seen);
    expect(rows.map(({ action, ground }) => [action, ground])).toEqual([
      ["authenticated", "amr=PWD"],
      ["identity-verified", "esia frmr"],
      ["second-factor-assumed", "amr=PWD"],
      ["sign-in", "amr=PWD"],
    ]);
  });

  it("L-26 a mismatch stops before the second factor and the session are recorded", async () => {
    const seen = (await journalRows(app)).length;
    alter((known) => ({ ...known, person: { ...known.person, birthDate: "1900-01-01" } }));
    await signInAs(app, "doctor");
    const rows = (await journalRows(app)).slice(seen);
    expect(rows.map(({ action, outcome }) => [action, outcome])).toEqual([
      ["refused GET", "identity-mismatch"],
    ]);
  });

  it.each(["PWD", "DS"])(
    "L-24, L-54 a sign-in is one row with person and time; address and %s go with it",
    async (amr) => {
      const seen = (await journalRows(app)).length;
      const before = Date.now();
      alter((known) => ({ ...known, amr }));
      await signInAs(app, "doctor");
      const rows = (await journalRows(app)).slice(seen).filter(({ action }) => action === "sign-in");
      const actorId = await app.parts.identities.idOf("frmr-practitioner", "90000000182");
      expect(rows).toMatchObject([{ actorKind: "practitioner", actorId, outcome: "ok" }]);
      expect([rows[0]!.at >= before, rows[0]!.at <= Date.now()]).toEqual([true, true]);
      const record = await app.parts.store.db
        .selectFrom("sign_in")
        .selectAll()
        .where("session_id", "=", rows[0]!.resourceId!)
        .executeTakeFirstOrThrow();
      const opened = app.parts.keyring.open("sign-in", record.circumstances, record.session_id);
      expect(JSON.parse(Buffer.from(opened).toString())).toMatchObject({
        amr,
        address: "127.0.0.1",
        secondFactor: "assumed",
      });
    },
  );
});

it("V-14 what was verified lies in the database sealed, and nobody sees it without signing in", async () => {
  await signInAs(app, "doctor");
  const { db } = app.parts.store;
  const { rows: tables } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables where table_schema = 'public'`.execute(db);
  const dumped = await Promise.all(
    tables.map(async ({ name }) => (await sql`select t::text from ${sql.table(name)} t`.execute(db)).rows),
  );
  const dump = JSON.stringify(dumped);
  expect(dump).toContain("identity-verified");
  for (const fact of ["Врачев", "90000000182", "779990000140", "1985-05-20", "1000300890", "roleId"]) {
    expect(dump, fact).not.toContain(fact);
    expect(dump, fact).not.toContain(Buffer.from(fact).toString("hex"));
  }
  expect((await account(new Visitor())).status).toBe(401);
});

describe("the way there and back", () => {
  it("L-14, L-15 the session is a strict cookie of its own, the passing one is lax; the token is nowhere else", async () => {
    const visitor = new Visitor();
    const begun = await visitor.visit(`${app.url}/auth/login?as=worker&persona=doctor`);
    expect(begun.setCookies).toEqual([
      expect.stringMatching(/^__Host-signin=[\w-]+; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/),
    ]);
    const answer = await visitor.follow(begun.headers.get("location")!, { crossSite: true });
    const token = visitor.cookie(app.url, "__Host-sid")!;
    expect(answer.setCookies).toContain(`__Host-sid=${token}; Path=/; HttpOnly; Secure; SameSite=Strict`);
    expect(answer.text).not.toContain(token);
    // the next step from another site would lose the strict cookie: that is why our page goes on by itself
    expect((await visitor.visit(`${app.url}/auth/account`, { crossSite: true })).status).toBe(401);
    expect((await account(visitor)).status).toBe(200);
  });

  const begin = async (visitor: Visitor) => {
    const begun = await visitor.visit(`${app.url}/auth/login?as=worker&persona=doctor`);
    const sent = await visitor.visit(begun.headers.get("location")!);
    return new URL(sent.headers.get("location")!, sent.url);
  };

  it("L-47 a callback without the cookie of its sign-in says that cookies are off", async () => {
    const callback = await begin(new Visitor());
    const answer = await new Visitor().visit(callback.href);
    expect([answer.status, codeOn(answer)]).toEqual([400, "auth-cookies-disabled"]);
    expect(answer.text).toMatch(/Включите cookie и локальное хранилище .*очистите кэш/);
  });

  it("L-16 a forged cookie of a sign-in is refused", async () => {
    const visitor = new Visitor();
    const callback = await begin(visitor);
    const sealed = visitor.cookie(app.url, "__Host-signin")!;
    visitor.setCookie(app.url, "__Host-signin", `${sealed.slice(0, -4)}AAAA`);
    const answer = await visitor.visit(callback.href, { crossSite: true });
    expect([answer.status, codeOn(answer)]).toEqual([400, "sign-in-state-rejected"]);
  });

  it("L-16 a state of another sign-in is refused", async () => {
    const [mine, other] = [new Visitor(), new Visitor()];
    const [callback] = [await begin(mine), await begin(other)];
    const answer = await other.visit(callback.href, { crossSite: true });
    expect([answer.status, codeOn(answer)]).toEqual([400, "sign-in-state-rejected"]);
  });

  it("L-16 a callback that is sent twice enters once", async () => {
    const visitor = new Visitor();
    const callback = await begin(visitor);
    const sealed = visitor.cookie(app.url, "__Host-signin")!;
    expect((await visitor.visit(callback.href, { crossSite: true })).status).toBe(200);
    visitor.setCookie(app.url, "__Host-signin", sealed);
    const again = await visitor.visit(callback.href, { crossSite: true });
    expect([again.status, codeOn(again)]).toEqual([400, "sign-in-state-rejected"]);
  });

  it.each([
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "cabinet",
    `/${"a".repeat(600)}`,
  ])("L-50 returnTo %j leads nowhere but here: refused", async (returnTo) => {
    const query = new URLSearchParams({ as: "worker", returnTo });
    const answer = await new Visitor().visit(`${app.url}/auth/login?${query}`);
    expect([answer.status, codeOn(answer)]).toEqual([400, "auth-redirect-rejected"]);
  });

  it("L-50 a path of this gateway is where the sign-in ends", async () => {
    const visitor = new Visitor();
    const answer = await visitor.follow(
      `${app.url}/auth/login?as=worker&persona=doctor&returnTo=/docs%3Fa%3D1`,
    );
    expect(answer.text).toContain('content="0;url=/docs?a=1"');
  });

  it("L-52 who cancels at ESIA comes back to a page that says so", async () => {
    await order(app, "esia", "esia-007004");
    const { answer } = await signInAs(app, "doctor");
    expect([answer.status, codeOn(answer)]).toEqual([403, "sign-in-cancelled"]);
  });

  it("L-65 trouble with codes is answered with the four steps in order", async () => {
    await order(app, "esia", "esia-007046");
    const { answer } = await signInAs(app, "doctor");
    expect(codeOn(answer)).toBe("second-factor-missing");
    expect([...answer.text.matchAll(/<li>([^<]+)<\/li>/g)].map(([, text]) => text)).toEqual([
      expect.stringMatching(/^Проверьте номер телефона в профиле/),
      expect.stringMatching(/^Смените пароль и запросите новый .*код/),
      expect.stringMatching(/^Очистите кэш и старые cookie/),
      expect.stringMatching(/^Обратитесь в поддержку.* снимок экрана .*учётная запись/),
    ]);
  });

  it("a program gets the same refusal as problem+json", async () => {
    const answer = await new Visitor().visit(`${app.url}/auth/callback?code=a&state=b`, {
      headers: { accept: "application/json" },
    });
    expect(JSON.parse(answer.text)).toMatchObject({ code: "auth-cookies-disabled", status: 400 });
  });
});
