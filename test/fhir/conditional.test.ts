import type { Bundle, OperationOutcome, Patient } from "@medplum/fhirtypes";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshDatabase } from "../support/database.ts";
import { type Answer, codeOf, type FhirServer, startFhirServer } from "../support/fhir-server.ts";

const system = "https://mis.example/card";
const patient = (value: string, more: Partial<Patient> = {}): Patient => ({
  resourceType: "Patient",
  identifier: [{ system, value }],
  ...more,
});
const byCard = (value: string) => `identifier=${system}|${value}`;

describe.each(["postgres", "pglite"] as const)("conditional interactions on %s", (engine) => {
  let server: FhirServer;
  // of one database; the embedded one has but one
  let replicas: FhirServer[];
  let isBlind = false;
  // thrown once, when all is written but not committed
  let obstacle: Error | undefined;
  const throwObstacle = async () => {
    const error = obstacle;
    obstacle = undefined;
    if (error) throw error;
  };
  beforeAll(async () => {
    const where = engine === "postgres" ? { databaseUrl: await freshDatabase() } : { dataDir: "memory://" };
    const start = () =>
      startFhirServer({
        ...where,
        durableJournal: true,
        onChange: () => [throwObstacle],
        rules: { ifMatchRequired: false },
        // as the registry office: it makes cards and sees none
        refuses: (action) => isBlind && action !== "create",
      });
    server = await start();
    replicas = engine === "postgres" ? [server, await start()] : [server];
  });
  afterAll(() => Promise.all(replicas?.map((replica) => replica.close()) ?? []));
  const atOnce = (call: (n: number, replica: FhirServer) => Promise<Answer>) =>
    Promise.all(Array.from({ length: 16 }, (_, n) => call(n, replicas[n % replicas.length] as FhirServer)));

  const create = (resource: Patient, condition?: string) =>
    server.call<Patient>("POST", "/Patient", {
      body: resource,
      headers: condition === undefined ? {} : { "if-none-exist": condition },
    });
  const versionsOf = async (id: string | undefined) =>
    (await server.call<Bundle>("GET", `/Patient/${id}/_history`)).body.entry?.length;

  it("a create finds what is there, makes what is not, and refuses several", async () => {
    const first = await create(patient("1"), byCard("1"));
    expect(first.status).toBe(201);
    const second = await create(patient("1", { active: true }), `?${byCard("1")}`);
    expect([second.status, second.body.id, second.body.active]).toEqual([200, first.body.id, undefined]);
    await create(patient("1"));
    const third = await create(patient("1"), byCard("1"));
    expect([third.status, codeOf(third)]).toEqual([412, "criteria-ambiguous"]);
  });

  it("16 equal creates at once make one resource", async () => {
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => create(patient("sixteen"), byCard("sixteen"))),
    );
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 200)).toHaveLength(15);
    expect(await versionsOf(answers[0]?.body.id)).toBe(1);
  });

  it("16 updates at once by one criterion all succeed, and all change one resource", async () => {
    const at = "/Location?identifier=https://mis.example/place|16";
    const identifier = [{ system: "https://mis.example/place", value: "16" }];
    const body = (n: number) => ({ resourceType: "Location", identifier, name: `${n}` });
    const answers = await atOnce((n, replica) => replica.call("PUT", at, { body: body(n) }));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(15).fill(200), 201]);
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    const versions = answers.map((answer) => Number(answer.body.meta?.versionId)).sort((a, b) => a - b);
    expect(versions).toEqual(Array.from({ length: 16 }, (_, n) => n + 1));
  });

  it("16 updates at once by an id, of callers who ask for no version, all succeed", async () => {
    const { body } = await server.call("POST", "/Location", {
      body: { resourceType: "Location", name: "x" },
    });
    const answers = await atOnce((n, replica) =>
      replica.call("PUT", `/Location/${body.id}`, { body: { ...body, name: `${n}` } }),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(16).fill(200));
    const last = await server.call("GET", `/Location/${body.id}`);
    expect(last.body.meta?.versionId).toBe("17");
  });

  it("16 creates at once by different criteria that hold one identifier make one resource", async () => {
    const identifier = [{ system: "https://mis.example/order", value: "16" }];
    const body = { resourceType: "Task", status: "requested", intent: "order", identifier };
    const own = "identifier=https://mis.example/order|16";
    const criteria = [own, `${own}&status=requested`, "identifier=16", "status=requested&identifier=16"];
    const answers = await atOnce((n, replica) =>
      replica.call("POST", "/Task", { body, headers: { "if-none-exist": criteria[n % 4] ?? "" } }),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(15).fill(200), 201]);
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
  });

  const rowsOfAction = async (name: string) => {
    const all = server.store.db.selectFrom("journal").select("row");
    const rows = await all.orderBy("group_id").orderBy("n").execute();
    return rows.map(({ row }) => JSON.parse(String(row))).filter(({ action }) => action === name);
  };
  const journalledCreates = () => rowsOfAction("create");

  const effects = async () => {
    const versions = await server.store.db.selectFrom("resource_history").select("id").execute();
    return [versions.length, (await journalledCreates()).length];
  };

  it("an attempt that is undone leaves no journal row, and the one that stands leaves one", async () => {
    const before = await journalledCreates();
    obstacle = Object.assign(new Error("another was in the way"), { code: "40001" });
    const { status, body } = await create(patient("overtaken"));
    expect([status, obstacle]).toEqual([201, undefined]);
    const rows = (await journalledCreates()).slice(before.length);
    expect(rows.map(({ resourceId, subject }) => [resourceId, subject])).toEqual([[body.id, body.id]]);
  });

  it.each([
    ["a deadlock on the way into the journal is tried again", "40P01", 1, 201],
    ["what the journal does not take in time is undone and may be sent again", "57014", 1, 503],
    ["and so is what deadlocks each time", "40P01", 100, 503],
  ] as const)("%s", async (...[, state, times, expected]) => {
    const { db } = server.store;
    await sql.raw(`create sequence refusals`).execute(db);
    await sql
      .raw(`create function refuse_row() returns trigger language plpgsql as $$ begin
        if nextval('refusals') <= ${times} then raise exception 'no' using errcode = '${state}'; end if;
        return new; end $$`)
      .execute(db);
    await sql
      .raw(
        `create trigger refuse_row before insert on journal_group for each row execute function refuse_row()`,
      )
      .execute(db);
    const before = await effects();
    const send = () =>
      server.call("POST", "/Patient", {
        body: patient(`refused ${state} ${times}`),
        headers: { "idempotency-key": `refused ${times} ${state}`.replaceAll(" ", "-") },
      });
    const first = await send();
    await sql.raw(`drop function refuse_row cascade; drop sequence refusals`).execute(db);
    expect(first.status, first.text).toBe(expected);
    if (expected === 503) expect(codeOf(first)).toBe("store-unavailable");
    const done = expected === 201 ? 1 : 0;
    expect(await effects()).toEqual(before.map((number) => number + done));
    expect((await send()).status).toBe(201);
    expect(await effects()).toEqual(before.map((number) => number + 1));
  });

  it("whose data criteria met is told once, also when the commit fails", async () => {
    const { db } = server.store;
    const { body } = await create(patient("met"));
    for (const statement of [
      "create sequence commits",
      `create function refuse_commit() returns trigger language plpgsql as $$ begin
        if nextval('commits') = 1 then raise exception 'no' using errcode = '57014'; end if; return null; end $$`,
      `create constraint trigger refuse_commit after insert on journal_group deferrable initially deferred
        for each row execute function refuse_commit()`,
    ])
      await sql.raw(statement).execute(db);
    isBlind = true;
    const entry = [{ request: { method: "DELETE", url: `Patient?${byCard("met")}` } }];
    const remove = () =>
      server.call("POST", "", { body: { resourceType: "Bundle", type: "transaction", entry } });
    const statuses = [(await remove()).status];
    await sql.raw("drop function refuse_commit cascade; drop sequence commits").execute(db);
    statuses.push((await remove()).status);
    isBlind = false;
    expect(statuses).toEqual([503, 200]);
    const rows = (await rowsOfAction("hidden criteria")).filter(({ subject }) => subject === body.id);
    expect(new Set(rows.map(({ requestId }) => requestId)).size).toBe(2);
    expect(rows).toHaveLength(2);
  });

  it("an update by criteria that find nothing leaves what has the id of its body alone", async () => {
    const body = { resourceType: "Location", name: "там" };
    const there = (await server.call("POST", "/Location", { body })).body;
    const at = "/Location?identifier=https://mis.example/place|nowhere";
    const answer = await server.call("PUT", at, { body: { ...body, id: there.id, name: "здесь" } });
    expect([answer.status, codeOf(answer)]).toEqual([409, "id-taken"]);
    expect((await server.call("GET", `/Location/${there.id}`)).body).toEqual(there);
    const id = crypto.randomUUID();
    const made = await server.call("PUT", at, { body: { ...body, id } });
    expect([made.status, made.body.id]).toEqual([201, id]);
  });

  it("an update changes the one that is found, or creates", async () => {
    const at = `/Patient?_tag=u1`;
    const meta = { tag: [{ code: "u1" }] };
    const first = await server.call<Patient>("PUT", at, { body: patient("2", { meta }) });
    expect(first.status).toBe(201);
    const second = await server.call<Patient>("PUT", at, { body: patient("2", { meta, active: true }) });
    expect([second.status, second.body.id, second.body.meta?.versionId]).toEqual([200, first.body.id, "2"]);
    const other = await server.call("PUT", at, { body: patient("2", { id: crypto.randomUUID() }) });
    expect(other.status).toBe(400);
    await create(patient("2", { meta }));
    expect(codeOf(await server.call("PUT", at, { body: patient("2") }))).toBe("criteria-ambiguous");
  });

  it("a delete deletes the one that is found, refuses several and needs criteria", async () => {
    const tagged = (code: string) => create(patient("3", { meta: { tag: [{ code }] } }));
    const { body } = await tagged("d1");
    expect((await server.call("DELETE", "/Patient?_tag=d1")).status).toBe(204);
    expect((await server.call("GET", `/Patient/${body.id}`)).status).toBe(410);
    expect((await server.call("DELETE", "/Patient?_tag=d1")).status).toBe(204);
    await tagged("d2");
    await tagged("d2");
    expect(codeOf(await server.call("DELETE", "/Patient?_tag=d2"))).toBe("criteria-ambiguous");
    expect((await server.call("DELETE", "/Patient")).status).toBe(400);
    expect(codeOf(await server.call("DELETE", "/Patient?shoesize=43"))).toBe("unknown-parameter");
  });

  it("a personal identifier may stand in If-None-Exist, and in no URL", async () => {
    const refused = await server.call("PUT", `/Patient?${byCard("4")}`, { body: patient("4") });
    expect([refused.status, codeOf(refused)]).toEqual([400, "identifier-in-url"]);
  });

  describe("a create by who may not see what is there", () => {
    beforeAll(() => {
      isBlind = true;
    });
    afterAll(() => {
      isBlind = false;
    });

    it("is told where it is by the identifier that it sends, and nothing more", async () => {
      const first = await create(patient("blind", { name: [{ family: "Первый" }] }), byCard("blind"));
      expect(first.status).toBe(201);
      const location = first.headers.get("location");
      for (const prefer of ["", "return=minimal", "return=representation"]) {
        const again = await server.call("POST", "/Patient", {
          body: patient("blind"),
          headers: { "if-none-exist": byCard("blind"), prefer },
        });
        const { status, headers, text } = again;
        expect([status, headers.get("location"), headers.get("etag"), text]).toEqual([
          200,
          location,
          'W/"1"',
          "",
        ]);
      }
      const told = await server.call<OperationOutcome>("POST", "/Patient", {
        body: patient("blind"),
        headers: { "if-none-exist": byCard("blind"), prefer: "return=OperationOutcome" },
      });
      expect(told.body.issue[0]?.diagnostics).toMatch(/^Patient\/[0-9a-f-]{36} was there already$/);
      expect(told.text).not.toContain("Первый");
    });

    it("by an entry of a Bundle too", async () => {
      const bundle = (type: string) => ({
        resourceType: "Bundle",
        type,
        entry: [
          {
            resource: patient("entry"),
            request: { method: "POST", url: "Patient", ifNoneExist: byCard("entry") },
          },
        ],
      });
      const headers = { prefer: "return=representation" };
      for (const type of ["transaction", "batch"]) {
        const { body } = await server.call<Bundle>("POST", "", { body: bundle(type), headers });
        const [entry] = body.entry ?? [];
        const isFirst = type === "transaction";
        expect([entry?.response?.status, entry?.resource !== undefined]).toEqual([
          isFirst ? "201 Created" : "200 OK",
          isFirst,
        ]);
        expect(entry?.response?.location).toContain("/_history/1");
      }
    });

    it("learns nothing by what it does not send itself", async () => {
      await create(patient("secret", { gender: "male" }));
      const asked = [
        byCard("secret"),
        `${byCard("other")},${system}|secret`,
        "gender=male",
        `${byCard("other")}&gender=male`,
      ];
      for (const condition of asked) {
        const answer = await create(patient("other"), condition);
        expect([condition, answer.status]).toEqual([condition, condition.includes("&") ? 201 : 403]);
      }
    });

    it("16 equal ones at once make one resource, and all are told where it is", async () => {
      const answers = await Promise.all(
        Array.from({ length: 16 }, () => create(patient("blind-16"), byCard("blind-16"))),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([...Array(15).fill(200), 201]);
      expect(new Set(answers.map(({ headers }) => headers.get("location"))).size).toBe(1);
    });
  });

  it("needs the letter s besides its own", async () => {
    const token = await server.tokenFor("system/Patient.c");
    const headers = { "if-none-exist": byCard("5") };
    const refused = await server.call("POST", "/Patient", { body: patient("5"), headers, token });
    expect([refused.status, codeOf(refused)]).toEqual([403, "scope-missing"]);
  });
});
