import { randomUUID } from "node:crypto";
import type { Bundle, PractitionerRole } from "@medplum/fhirtypes";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { components } from "../../src/api/cabinet/types.ts";
import type { Person, WorldChange } from "../../src/systems/sandbox-world.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { Cabinet } from "../support/cabinet.ts";
import { pdfText } from "../support/pdf-text.ts";

type View = components["schemas"];

let app: TestApp;
let world: Required<WorldChange>;
beforeAll(async () => {
  // only ФРМР is cached here: a test sees the other two as they are now
  app = await startApp({ SIGN_IN_PER_MINUTE: "10000", FRMO_CACHE_SECONDS: "0", NSI_CACHE_SECONDS: "0" });
  world = (await (await fetch(`${app.sandboxUrl}/_world`)).json()) as Required<WorldChange>;
});
afterAll(() => app?.close());
beforeEach(async () => {
  for (const door of ["_world", "_scenario"]) await fetch(`${app.sandboxUrl}/${door}`, { method: "DELETE" });
});

const sandbox = (door: string, body: object) =>
  fetch(`${app.sandboxUrl}/${door}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

function personOf(id: string): Person {
  const person = world.people.find((candidate) => candidate.id === id);
  if (!person) throw new Error(`no person ${id}`);
  return person;
}

const changePerson = (id: string, change: Partial<Person>) =>
  sandbox("_world", { people: [{ ...personOf(id), ...change }] });

/** The cabinet as a worker's page calls it. */
class MyCabinet extends Cabinet {
  choose = (oid: string | undefined, headers?: Record<string, string>) =>
    this.send("PUT", "/me/organization", { oid }, headers);
  verify = (headers?: Record<string, string>) => this.send("POST", "/me/verification", undefined, headers);

  async me(): Promise<View["Me"]> {
    const { status, body } = await this.get("/me");
    expect(status, JSON.stringify(body)).toBe(200);
    return body;
  }

  async history(): Promise<View["IdentityCheck"][]> {
    return (await this.get("/me/verifications")).body.items;
  }
}

async function signedIn(persona: string, as = "worker"): Promise<MyCabinet> {
  const cabinet = new MyCabinet(app.url);
  const answer = await cabinet.visitor.follow(`${app.url}/auth/login?as=${as}&persona=${persona}`);
  expect(answer.status, answer.text).toBe(200);
  return cabinet;
}

async function admitted(persona: string): Promise<MyCabinet> {
  const cabinet = await signedIn(persona);
  expect((await cabinet.acceptTerms()).status).toBe(200);
  return cabinet;
}

const sourceOf = ({ sources }: Pick<View["Me"], "sources">, system: string) =>
  sources.find((source) => source.system === system);

/** How many answers of a system the metric of its latency has counted. */
const answersOf = (system: string) =>
  app.telemetry.instruments.operationSeconds.series
    .filter(({ attributes }) => attributes["system"] === system && attributes["outcome"] === "ok")
    .reduce((sum, { counts }) => sum + counts.reduce((one, other) => one + other, 0), 0);

async function journalOf(
  action: string,
): Promise<{ subject: string; resourceId: string; outcome: string }[]> {
  const rows = await app.parts.store.db
    .selectFrom("journal")
    .select("row")
    .orderBy("group_id")
    .orderBy("n")
    .execute();
  return rows.map(({ row }) => JSON.parse(row)).filter((row) => row.action === action);
}

describe("GET /me", () => {
  it("L-62 shows the person with fresh data of the registries right after the sign-in", async () => {
    const before = Date.now();
    const cabinet = await signedIn("doctor");
    const me = await cabinet.me();
    expect(me).toMatchObject({
      kind: "worker",
      name: { family: "Врачев", given: ["Иван", "Примерович"] },
      birthDate: "1985-05-20",
      gender: "male",
      confirmed: true,
      registry: { fresh: true },
      notices: [],
    });
    expect(me.roles).toHaveLength(1);
    expect(me.roles[0]).toMatchObject({
      active: true,
      post: { code: "109", display: "Врач-терапевт" },
      specialty: { display: "Терапия" },
      organization: {
        oid: "1.2.643.5.1.13.13.12.2.77.90001",
        display: "ГБУЗ «Тестовая городская поликлиника № 1»",
      },
    });
    for (const system of ["frmr", "frmo", "nsi"])
      expect(sourceOf(me, system)?.status, system).toMatch(/^(fresh|cached)$/);
    expect(Date.parse(sourceOf(me, "frmr")?.asOf ?? "")).toBeGreaterThanOrEqual(before);
    expect(JSON.stringify(me)).not.toContain(personOf("doctor").snils);
    expect(await journalOf("read")).toContainEqual(
      expect.objectContaining({ subject: me.id, resourceId: me.id, outcome: "ok" }),
    );
  });

  it("L-38 what the person may do grows from nothing to the full list", async () => {
    const cabinet = await signedIn("nurse");
    const before = await cabinet.me();
    expect([before.capabilities, before.terms]).toEqual([[], { version: "1", accepted: false }]);
    expect((await cabinet.get("/me/registry-card")).status).toBe(409);
    expect((await cabinet.acceptTerms()).body).toMatchObject({ version: "1", accepted: true });
    const after = await cabinet.me();
    expect(after.terms.acceptedAt).toBeDefined();
    expect(after.capabilities).toEqual(
      expect.arrayContaining(["schedule", "documents", "prescriptions", "notifications", "access-rights"]),
    );
    const sections = new Map(after.sections.map(({ code, ...rights }) => [code, rights]));
    expect(sections.get("measurements")).toEqual({ name: "Измерения и анализы", view: true, enter: true });
    expect(sections.get("prescriptions")).toEqual({ name: "Рецепты", view: true, enter: false });
    expect((await cabinet.get("/me/registry-card")).status).toBe(200);
  });

  it("a worker of two organisations may do nothing before one is chosen, and acts in that one", async () => {
    const cabinet = await admitted("doctor-two");
    const { organizations, capabilities, organization } = await cabinet.me();
    expect([organizations.length, capabilities, organization]).toEqual([2, [], undefined]);
    const refused = await cabinet.choose("1.2.3");
    expect([refused.status, refused.body.code]).toEqual([403, "profile-organization-mismatch"]);
    const chosen = await cabinet.choose(organizations[1]?.oid);
    expect(chosen.status).toBe(204);
    const me = await cabinet.me();
    expect(me.organization).toEqual(organizations[1]);
    expect(me.capabilities).not.toEqual([]);
  });

  it("a citizen is told who they are without asking the workers' registry", async () => {
    const cabinet = await signedIn("citizen", "citizen");
    const me = await cabinet.me();
    expect(me).toMatchObject({ kind: "citizen", roles: [], sources: [] });
    await cabinet.acceptTerms();
    const card = await cabinet.get("/me/registry-card");
    expect([card.status, card.body.code]).toEqual([403, "worker-session-required"]);
  });

  it("a new device is noticed", async () => {
    await signedIn("chief");
    const other = new MyCabinet(app.url);
    await other.visitor.follow(`${app.url}/auth/login?as=worker&persona=chief`);
    const { notices } = await other.me();
    expect(notices).toEqual([expect.objectContaining({ code: "new-device", at: expect.any(String) })]);
  });

  it("nobody gets it without a session, nor a client system by its token", async () => {
    const anonymous = await fetch(`${app.url}/cabinet/v1/me`);
    expect(anonymous.status).toBe(401);
    const authorization = `Bearer ${await app.token("system/Practitioner.rs")}`;
    expect((await fetch(`${app.url}/cabinet/v1/me`, { headers: { authorization } })).status).toBe(401);
  });
});

describe("the own registry card", () => {
  it("R-01, R-10 is the card of the session's СНИЛС, with names, and the time that ФРМР took is measured", async () => {
    const before = answersOf("frmr");
    const cabinet = await admitted("doctor");
    const { status, body } = await cabinet.get("/me/registry-card");
    expect(status, JSON.stringify(body)).toBe(200);
    const card = body as View["RegistryCard"];
    expect(card.practitioner.name).toBe("Врачев Иван Примерович");
    expect(card.roles[0]?.organization?.display).toBe("ГБУЗ «Тестовая городская поликлиника № 1»");
    expect(card.qualifications.length).toBeGreaterThan(0);
    expect(card.sources.map(({ system }) => system)).toEqual(["frmr", "frmo", "nsi"]);
    expect(answersOf("frmr")).toBeGreaterThan(before);
  });

  it("is a FHIR Bundle when asked for", async () => {
    const cabinet = await admitted("doctor");
    const { headers, body } = await cabinet.get("/me/registry-card", { accept: "application/fhir+json" });
    expect(headers.get("content-type")).toContain("application/fhir+json");
    const role = (body as Bundle).entry?.find(({ resource }) => resource?.resourceType === "PractitionerRole")
      ?.resource as PractitionerRole;
    expect(role.organization?.display).toBe("ГБУЗ «Тестовая городская поликлиника № 1»");
  });
});

describe("«Проверить данные»", () => {
  it("V-21, V-22 gives the three results, is run again after a correction, and keeps every run", async () => {
    const cabinet = await admitted("nomiddle");
    const { birthDate } = personOf("nomiddle");
    const results: unknown[] = [];
    const run = async (change: Partial<Person>) => {
      await changePerson("nomiddle", change);
      const { status, body } = await cabinet.verify();
      expect(status, JSON.stringify(body)).toBe(201);
      results.push([body.title, body.fields.map(({ field }: { field: string }) => field)]);
      return body as View["IdentityCheck"];
    };
    await run({ birthDate: "1970-01-01" });
    await run({ family: "Чужая", birthDate: "1970-01-01" });
    await run({ snils: "90000099996" });
    await run({ birthDate });
    expect(results).toEqual([
      ["Требуется уточнение", ["birthDate"]],
      ["Ошибка ввода", ["family", "birthDate"]],
      ["Ошибка ввода", ["snils"]],
      ["Данные подтверждены", []],
    ]);
    const history = await cabinet.history();
    expect(history.map(({ title }) => title)).toEqual([
      "Данные подтверждены",
      "Ошибка ввода",
      "Ошибка ввода",
      "Требуется уточнение",
    ]);
    expect(history[3]?.fields).toEqual([{ field: "birthDate", title: "дата рождения" }]);
  });

  it("V-12 is asked of the registry at that moment, whatever the cache holds", async () => {
    const cabinet = await admitted("doctor");
    await cabinet.get("/me/registry-card");
    await changePerson("doctor", { family: "Переименованный" });
    const [from, { body }, to] = [Date.now(), await cabinet.verify(), Date.now()];
    expect(body.fields).toEqual([{ field: "family", title: "фамилия" }]);
    expect(Date.parse(body.checkedAt)).toBeGreaterThanOrEqual(from);
    expect(Date.parse(body.checkedAt)).toBeLessThanOrEqual(to);
    const card = (await cabinet.get("/me/registry-card")).body as View["RegistryCard"];
    expect(card.practitioner.name).toContain("Переименованный");
  });

  it("keeps nothing when ФРМР does not answer, and the same key tries again", async () => {
    const cabinet = await admitted("norole");
    const key = { "idempotency-key": randomUUID() };
    const failed = await cabinet.verify({ ...key, "x-scenario": "unavailable-retry-after" });
    expect([failed.status, failed.body.code]).toEqual([503, "upstream-unavailable"]);
    expect(await cabinet.history()).toEqual([]);
    await expect
      .poll(async () => (await cabinet.verify(key)).status, {
        timeout: 10_000,
        interval: 500,
      })
      .toBe(201);
    expect(await cabinet.history()).toHaveLength(1);
  });

  it("V-23, R-02 a full match is kept with its time and gives a PDF, listed in the history", async () => {
    const cabinet = await admitted("chief");
    const before = Date.now();
    const { body } = await cabinet.verify();
    expect((await cabinet.history())[0]).toEqual(body);
    const at = Date.parse(body.checkedAt);
    expect([at >= before, at <= Date.now()]).toEqual([true, true]);
    const answer = await cabinet.get(body.confirmation.replace("/cabinet/v1", ""));
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/pdf"]);
    const text = pdfText(answer.bytes).replace(/\n/g, " ");
    const checked = new Date(at).toLocaleTimeString("ru-RU", { timeZone: "Europe/Moscow" });
    for (const words of [
      "Главврачев Сергей Михайлович",
      body.id,
      checked,
      "Без юридической силы (песочница)",
    ])
      expect(text).toContain(words);
  });

  it("another person's confirmation does not exist, nor one of a mismatch", async () => {
    const owner = await admitted("chief");
    const { body } = await owner.verify();
    const stranger = await admitted("nurse");
    const path = `/me/verifications/${body.id}/confirmation`;
    expect((await stranger.get(path)).status).toBe(404);
    await changePerson("nurse", { family: "Другая" });
    const mismatch = (await stranger.verify()).body;
    expect(mismatch.confirmation).toBeUndefined();
    expect((await stranger.get(`/me/verifications/${mismatch.id}/confirmation`)).status).toBe(404);
    expect((await stranger.get("/me/verifications/not-a-uuid/confirmation")).status).toBe(400);
  });

  it("a mismatch takes signing away until the next full match", async () => {
    const cabinet = await admitted("doctor");
    expect((await cabinet.me()).capabilities).toContain("signing");
    await changePerson("doctor", { birthDate: "1970-01-01" });
    await cabinet.verify();
    expect((await cabinet.me()).capabilities).not.toContain("signing");
    await changePerson("doctor", {});
    await cabinet.verify();
    expect((await cabinet.me()).capabilities).toContain("signing");
  });

  it("is journalled with its outcome, and the store shows no personal data", async () => {
    const cabinet = await admitted("doctor");
    const { body } = await cabinet.verify();
    const { id } = await cabinet.me();
    expect(await journalOf("identity-verified")).toContainEqual(
      expect.objectContaining({ subject: id, resourceId: body.id, outcome: "ok" }),
    );
    const { snils = "", family } = personOf("doctor");
    for (const table of ["resource", "resource_history", "idempotency", "journal"]) {
      const { rows } = await sql<{ row: string }>`select t::text as row from ${sql.table(table)} t`.execute(
        app.parts.store.db,
      );
      const dump = rows.map(({ row }) => row).join("\n");
      expect(rows.length, table).toBeGreaterThan(0);
      for (const secret of [snils, family]) expect(dump, table).not.toContain(secret);
    }
  });
});

describe("a change", () => {
  it("16 parallel equal checks are one run with one answer", async () => {
    const cabinet = await admitted("doctor");
    const count = async () => (await cabinet.history()).length;
    const before = await count();
    const key = { "idempotency-key": randomUUID() };
    const answers = await Promise.all(Array.from({ length: 16 }, () => cabinet.verify(key)));
    expect(answers.map(({ status }) => status)).toEqual(Array(16).fill(201));
    expect(new Set(answers.map(({ bytes }) => bytes.toString("base64"))).size).toBe(1);
    expect(await count()).toBe(before + 1);
  });

  it("with a used key and another body is refused; without a key it is not taken", async () => {
    const cabinet = await admitted("doctor-two");
    const [one, other] = (await cabinet.me()).organizations;
    const key = { "idempotency-key": randomUUID() };
    expect((await cabinet.choose(one?.oid, key)).status).toBe(204);
    const again = await cabinet.choose(one?.oid, key);
    expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([204, "true"]);
    const conflict = await cabinet.choose(other?.oid, key);
    expect([conflict.status, conflict.body.code]).toEqual([409, "idempotency-conflict"]);
    const keyless = await cabinet.choose(one?.oid, { "idempotency-key": "" });
    expect([keyless.status, keyless.body.field]).toEqual([400, "headers/idempotency-key"]);
  });

  it("checks of one person are limited, of another one not", async () => {
    const [cabinet, other] = [await admitted("nomiddle"), await admitted("nurse")];
    // keyless ones are refused before they cost anything
    const refusals: string[] = [];
    // one after another: of calls at once the limiter may count all before it judges the first
    for (let call = 0; call < 30; call++)
      refusals.push((await cabinet.verify({ "idempotency-key": "" })).body.code);
    expect(refusals[0]).toBe("bad-request");
    const limited = await cabinet.verify();
    expect([limited.status, limited.body.code]).toEqual([429, "rate-limited"]);
    expect((await other.verify()).status).toBe(201);
    expect((await cabinet.get("/me/verifications")).status).toBe(200);
  });

  it("from a foreign page is refused", async () => {
    const cabinet = await admitted("doctor");
    const foreign = await cabinet.verify({ origin: "https://evil.example" });
    expect([foreign.status, foreign.body.code]).toEqual([403, "csrf-rejected"]);
    const { rejected, errors } = app.telemetry.instruments;
    await expect.poll(() => rejected.of({ reason: "csrf" }).value).toBeGreaterThan(0);
    expect(errors.of({ code: "csrf-rejected" }).value).toBeGreaterThan(0);
  });

  it("Z-14, L-36 nothing opens before the terms are accepted: 409 from the first call on", async () => {
    for (const [as, calls] of [
      ["worker", ["/me/registry-card", "/me/verifications", "/me/certificates", "/me/signatures"]],
      ["citizen", ["/me/consents", "/me/records?type=Condition"]],
    ] as const) {
      await app.parts.store.db.deleteFrom("terms_acceptance").execute();
      const fresh = await signedIn("chief", as);
      for (const path of calls) {
        const refused = await fresh.get(path);
        expect([path, refused.status, refused.body.code]).toEqual([path, 409, "terms-required"]);
      }
      expect((await fresh.acceptTerms()).status).toBe(200);
      for (const path of calls) expect([path, (await fresh.get(path)).status]).toEqual([path, 200]);
    }
  });

  it("the terms of another version are not accepted", async () => {
    const cabinet = await signedIn("doctor");
    const answer = await cabinet.send("POST", "/me/terms", { version: "0" });
    expect([answer.status, answer.body.code]).toEqual([412, "version-conflict"]);
  });
});

describe("one system is down", () => {
  const down = async (system: string) => {
    const cabinet = await admitted("doctor");
    await app.parts.cache.bump(personOf("doctor").snils ?? "");
    await sandbox("_scenario", { system, scenario: "error-500", times: 1000 });
    const me = await cabinet.me();
    expect(sourceOf(me, system)).toMatchObject({ status: "unavailable", retryAfter: expect.any(Number) });
    for (const other of me.sources.filter((source) => source.system !== system))
      expect(other.status).toMatch(/^(fresh|cached)$/);
    return me;
  };

  it("НСИ: posts keep the names that ФРМР gave", async () => {
    const { roles, sources } = await down("nsi");
    expect(sources).toHaveLength(3);
    expect(roles[0]?.post?.code).toBe("109");
  });

  it("ФРМО: organisations keep the names that ФРМР gave", async () => {
    const { roles } = await down("frmo");
    expect(roles[0]?.organization?.display).toContain("Тестовая городская поликлиника № 1");
  });

  it("ФРМР: the person, their organisation and rights are still told", async () => {
    const me = await down("frmr");
    expect(me).toMatchObject({ name: { family: "Врачев" }, roles: [] });
    expect(me.organization?.name).toContain("Тестовая городская поликлиника № 1");
    expect(me.capabilities).toContain("schedule");
  });

  it("I-10 the status page tells anybody the state of each system, and nothing else of it", async () => {
    const page = async () => {
      const answer = await fetch(`${app.url}/health/ready`);
      expect(answer.status).toBe(200);
      return ((await answer.json()) as { upstreams: { system: string; state: string }[] }).upstreams;
    };
    const cabinet = await admitted("doctor");
    await sandbox("_scenario", { system: "nsi", scenario: "error-500", times: 1000 });
    const states = async () => {
      await cabinet.me();
      return Object.fromEntries((await page()).map(({ system, state }) => [system, state]));
    };
    await expect.poll(states).toMatchObject({ esia: "ok", frmr: "ok", nsi: "unavailable" });
    for (const each of await page()) expect(Object.keys(each)).toEqual(["system", "state", "sandbox"]);
  });
});
