import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { programArguments } from "../support/compiled.ts";
import { freshDatabase } from "../support/database.ts";
import { LockHolder } from "../support/lock-holder.ts";

const script = fileURLToPath(new URL("killed-server.ts", import.meta.url));
let databaseUrl: string;
let locks: LockHolder;
let child: ChildProcess | undefined;
let startMs = Date.UTC(2026, 10, 22);

beforeAll(async () => {
  databaseUrl = await freshDatabase();
  locks = new LockHolder(databaseUrl);
});
afterEach(async () => {
  child?.kill("SIGKILL");
  await locks.release();
});

interface Door {
  url: string;
  token: string;
}

/** Each start is later than every lease of the one before. */
async function start(): Promise<Door> {
  startMs += 3_600_000;
  const args = [...programArguments(script), databaseUrl, String(startMs)];
  child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(child.stdout as NonNullable<ChildProcess["stdout"]>, "data");
  return JSON.parse(String(line)) as Door;
}

/** The statement that the process waited in ends with it, unless the database carries it out for nobody. */
async function kill({ isCarriedOut = false } = {}): Promise<void> {
  const exited = once(child as ChildProcess, "exit");
  child?.kill("SIGKILL");
  await exited;
  if (!isCarriedOut) await locks.endOthers();
  await locks.release();
}

async function call({ url, token }: Door, path: string, init: RequestInit, key: string) {
  const answer = await fetch(`${url}/fhir${path}`, {
    ...init,
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/fhir+json",
      "idempotency-key": key,
      ...(init.headers as Record<string, string>),
    },
  });
  const { status, headers } = answer;
  const replayed = headers.has("idempotent-replayed");
  return {
    status,
    location: headers.get("location"),
    etag: headers.get("etag"),
    replayed,
    text: await answer.text(),
  };
}

const count = async (rows: string) =>
  Number((await locks.query<{ n: string }>(`select count(*) as n from ${rows}`))[0]?.n);
/** Versions, messages to other systems, and rows of the journal that tell of changes. */
const effects = async () => [
  await count("resource_history"),
  await count("outbox"),
  await count(`journal where row ~ '"action":"(create|update)"'`),
];

const body = (more: object) =>
  JSON.stringify({ resourceType: "Patient", name: [{ family: "Тестова" }], ...more });

const holdTable = (table: string) => () => locks.hold(`lock table ${table} in access exclusive mode`);

const steps = [
  ["before the claim", holdTable("idempotency"), /^insert into "idempotency"/, 0],
  ["after the claim, before the effect", holdTable("resource"), /"resource"/, 0],
  ["the resource written, its journal row not yet", holdTable("journal_group"), /journal_group/, 0],
  [
    "at the commit, which the database carries out",
    () => locks.holdCommits("resource_history"),
    /^commit$/i,
    1,
  ],
] as const;

describe.each([["a create"], ["an update"]] as const)("kill -9 in %s, and the client's repeat", (change) => {
  it.each(steps)("has one effect, message and journal row: %s", async (...[, hold, statement, before]) => {
    let door = await start();
    const made = await call(door, "/Patient", { method: "POST", body: body({}) }, randomUUID());
    expect(made.status, made.text).toBe(201);
    const { id } = JSON.parse(made.text);
    const key = randomUUID();
    const send = () =>
      change === "a create"
        ? call(door, "/Patient", { method: "POST", body: body({}) }, key)
        : call(
            door,
            `/Patient/${id}`,
            { method: "PUT", headers: { "if-match": 'W/"1"' }, body: body({ id, active: true }) },
            key,
          );
    const stood = await effects();
    const added = (more: number) => stood.map((number) => number + more);

    await hold();
    const lost = send().then(
      () => "answered",
      () => "lost",
    );
    await locks.stopped(statement);
    await kill({ isCarriedOut: before === 1 });
    expect(await lost).toBe("lost");
    await expect.poll(effects, { timeout: 10_000 }).toEqual(added(before));

    door = await start();
    const answer = await send();
    expect(answer.status, answer.text).toBe(change === "a create" ? 201 : 200);
    expect(answer.replayed).toBe(before === 1);
    expect(await send()).toEqual({ ...answer, replayed: true });
    expect(await effects()).toEqual(added(1));
    expect(answer.etag).toBe(change === "a create" ? 'W/"1"' : 'W/"2"');
    await kill();
  });
});

describe("kill -9 in a batch, and the client's repeat", () => {
  it("does what was not done, nothing twice, and the journal has what was done before", async () => {
    let door = await start();
    const made = await call(door, "/Patient", { method: "POST", body: body({}) }, randomUUID());
    const { id: second } = JSON.parse(made.text);
    const key = randomUUID();
    const batch = {
      resourceType: "Bundle",
      type: "batch",
      entry: [
        { request: { method: "POST", url: "Patient" }, resource: { resourceType: "Patient" } },
        {
          request: { method: "PUT", url: `Patient/${second}`, ifMatch: 'W/"1"' },
          resource: { resourceType: "Patient", id: second, active: true },
        },
      ],
    };
    const send = () => call(door, "", { method: "POST", body: JSON.stringify(batch) }, key);
    const stood = await effects();
    const added = (more: number) => stood.map((number) => number + more);
    await locks.hold(`select from resource where id = '${second}' for update`);
    const lost = send().catch(() => "lost");
    await locks.stopped(/"resource"/);
    await kill();
    expect(await lost).toBe("lost");
    expect(await effects()).toEqual(added(1));

    door = await start();
    const answer = await send();
    expect(answer.status, answer.text).toBe(200);
    expect(await effects()).toEqual(added(2));
    const [first] = JSON.parse(answer.text).entry;
    const [, id] = /Patient\/([^/]+)\//.exec(first.response.location) ?? [];
    const rows = await locks.query<{ lines: string }>(
      `select lines from journal_group where lines like '%${id}%'`,
    );
    expect(rows.map(({ lines }) => lines).join()).toContain(
      `"action":"repeated create","resourceType":"Patient"`,
    );
    expect((await send()).text).toBe(answer.text);
    expect(await effects()).toEqual(added(2));
    await kill();
  });
});
