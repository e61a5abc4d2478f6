import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
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
  const args = ["--import", "tsx", script, databaseUrl, String(startMs)];
  child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(child.stdout as NonNullable<ChildProcess["stdout"]>, "data");
  return JSON.parse(String(line)) as Door;
}

async function kill(): Promise<void> {
  const exited = once(child as ChildProcess, "exit");
  child?.kill("SIGKILL");
  await exited;
  await locks.endOthers();
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

const count = async (table: string) =>
  Number((await locks.query<{ n: string }>(`select count(*) as n from ${table}`))[0]?.n);
const effects = async () => [await count("resource_history"), await count("outbox")];

const body = (more: object) =>
  JSON.stringify({ resourceType: "Patient", name: [{ family: "Тестова" }], ...more });

const steps = [
  ["before the claim", "lock table idempotency in access exclusive mode", /^insert into "idempotency"/, 0],
  ["after the claim, before the effect", "lock table resource in access exclusive mode", /"resource"/, 0],
  [
    "inside the transaction, the resource written",
    "lock table outbox in access exclusive mode",
    /"outbox"/,
    0,
  ],
  [
    "after the commit, before the answer",
    "lock table journal_group in access exclusive mode",
    /journal_group/,
    1,
  ],
] as const;

describe.each([["a create"], ["an update"]] as const)("kill -9 in %s, and the client's repeat", (change) => {
  it.each(steps)("has one effect and one message: %s", async (...[, lock, statement, before]) => {
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
    const [versions = 0, sent = 0] = await effects();

    await locks.hold(lock);
    const lost = send().then(
      () => "answered",
      () => "lost",
    );
    await locks.stopped(statement);
    await kill();
    expect(await lost).toBe("lost");
    expect(await effects()).toEqual([versions + before, sent + before]);

    door = await start();
    const answer = await send();
    expect(answer.status, answer.text).toBe(change === "a create" ? 201 : 200);
    expect(answer.replayed).toBe(before === 1);
    expect(await send()).toEqual({ ...answer, replayed: true });
    expect(await effects()).toEqual([versions + 1, sent + 1]);
    expect(answer.etag).toBe(change === "a create" ? 'W/"1"' : 'W/"2"');
    await kill();
  });
});

describe("kill -9 in a batch, and the client's repeat", () => {
  it("does what was not done, nothing twice, and the journal has what was done before", async () => {
    let door = await start();
    const key = randomUUID();
    const entry = (family: string) => ({
      request: { method: "POST", url: "Patient" },
      resource: { resourceType: "Patient", name: [{ family }] },
    });
    const batch = { resourceType: "Bundle", type: "batch", entry: [entry("Первая"), entry("Вторая")] };
    const send = () => call(door, "", { method: "POST", body: JSON.stringify(batch) }, key);
    const [versions = 0, sent = 0] = await effects();
    await locks.hold("lock table journal_group in access exclusive mode");
    const lost = send().catch(() => "lost");
    await locks.stopped(/journal_group/);
    await kill();
    expect(await lost).toBe("lost");
    expect(await effects()).toEqual([versions + 1, sent + 1]);

    door = await start();
    const answer = await send();
    expect(answer.status, answer.text).toBe(200);
    expect(await effects()).toEqual([versions + 2, sent + 2]);
    const [first] = JSON.parse(answer.text).entry;
    const [, id] = /Patient\/([^/]+)\//.exec(first.response.location) ?? [];
    const rows = await locks.query<{ lines: string }>(
      `select lines from journal_group where lines like '%${id}%'`,
    );
    expect(rows.map(({ lines }) => lines).join()).toContain(
      `"action":"repeated create","resourceType":"Patient"`,
    );
    expect((await send()).text).toBe(answer.text);
    expect(await effects()).toEqual([versions + 2, sent + 2]);
    await kill();
  });
});
