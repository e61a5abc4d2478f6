import { execFile } from "node:child_process";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { outboxWatch } from "../../src/jobs/outbox-watch.ts";
import { openKeyring } from "../../src/key-encryption.ts";
import { type OpenDatabase, openDatabase } from "../../src/store/database.ts";
import { Outbox } from "../../src/store/outbox.ts";
import { type OutboxDepth, outboxDepth } from "../../src/store/outbox-depth.ts";
import { programArguments } from "../support/compiled.ts";
import { freshDatabase } from "../support/database.ts";

const masterKey = Buffer.alloc(32, 9).toString("base64");
let url: string;
let store: OpenDatabase;
let outbox: Outbox;

beforeAll(async () => {
  url = await freshDatabase();
  store = await openDatabase({ url, dataDir: "unused" });
});
afterAll(() => store.close());

/** Six messages: remd's die of two causes, one of notify's waits and one is delivered. */
beforeEach(async () => {
  await store.db.deleteFrom("outbox").execute();
  outbox = new Outbox({
    db: store.db,
    keyring: await openKeyring({ MASTER_KEY: masterKey, DATA_DIR: "" }, store.db),
    clock: systemClock,
  });
  for (const [n, system] of ["remd", "remd", "remd", "remd", "notify", "notify"].entries())
    await outbox.enqueue(store.db, {
      tenant: "1.2.3",
      system,
      kind: n % 2 ? "receipt" : "document",
      deduplicationId: `id-${n}`,
      payload: { secret: "Канареева" },
    });
  for (const message of await outbox.claim("remd", 10))
    await outbox.bury(message, message.deduplicationId === "id-0" ? "internal" : "upstream-rejected");
  const [first] = await outbox.claim("notify", 1);
  await outbox.delivered(first!);
});

function cli(...args: string[]): Promise<{ code: number; output: string }> {
  // vitest sets MODE to its own word
  const env = {
    ...process.env,
    MODE: "sandbox",
    DATABASE_URL: url,
    MASTER_KEY: masterKey,
  };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...programArguments("scripts/outbox.ts"), ...args],
      { env },
      (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === "number" ? error.code : 0, output: stdout + stderr });
      },
    );
  });
}
const states = async () => {
  const rows = await store.db.selectFrom("outbox").selectAll().orderBy("deduplication_id").execute();
  return Object.fromEntries(rows.map((row) => [row.deduplication_id, row.state]));
};
const audited = async () => {
  const rows = await store.db.selectFrom("journal").select("row").execute();
  return rows.map(({ row }) => JSON.parse(row)).filter(({ action }) => action.endsWith("outbox message"));
};
const idOf = async (deduplicationId: string) =>
  (
    await store.db
      .selectFrom("outbox")
      .select("id")
      .where("deduplication_id", "=", deduplicationId)
      .executeTakeFirstOrThrow()
  ).id;

describe("npm run outbox", () => {
  it("lists what a filter asks for and never what is in a message", async () => {
    const [dead, rejected, early, waiting, shown] = await Promise.all([
      cli("list"),
      cli("list", "--code", "upstream-rejected", "--kind", "receipt"),
      cli("list", "--before", "2020-01-01T00:00:00Z"),
      cli("list", "--state", "pending"),
      cli("show", await idOf("id-0")),
    ]);
    expect(dead.output.trim().split("\n")).toHaveLength(4);
    expect(rejected.output.trim().split("\n")).toHaveLength(2);
    expect(early.output).toBe("");
    expect(waiting.output).toMatch(/notify\/\w+ {2}pending/);
    expect(shown.output).toMatch(/remd\/document {2}dead .*internal\ntenant 1.2.3, deduplication id id-0/);
    for (const { output } of [dead, rejected, waiting, shown]) expect(output).not.toContain("Канареева");
  });

  it("a dry run touches and records nothing", async () => {
    const before = (await audited()).length;
    const { output } = await cli("replay", "--system", "remd", "--dry-run");
    expect(output).toMatch(/dry run: 4 would be touched\n$/);
    expect(Object.values(await states()).filter((state) => state === "dead")).toHaveLength(4);
    expect(await audited()).toHaveLength(before);
  });

  it("replays at a rate, each message recorded beforehand, under its old deduplication id", async () => {
    const before = (await audited()).length;
    const start = Date.now();
    const { output } = await cli("replay", "--code", "upstream-rejected", "--rate", "0.01");
    expect(output).toMatch(/3 of 3 touched\n$/);
    expect((await states())["id-0"]).toBe("dead");
    const due = await store.db
      .selectFrom("outbox")
      .select(["due_at", "attempts"])
      .where("system", "=", "remd")
      .where("state", "=", "pending")
      .orderBy("due_at")
      .execute();
    expect(due.map(({ attempts }) => attempts)).toEqual([0, 0, 0]);
    const pauses = due.map(({ due_at }) => Math.round((due_at - start) / 100_000));
    expect(pauses).toEqual([0, 1, 2]);
    const rows = (await audited()).slice(before);
    expect(rows).toHaveLength(3);
    expect(rows[0]).toMatchObject({
      actorKind: "operator",
      action: "replay outbox message",
      tenant: "1.2.3",
    });
    const [again] = await outbox.claim("remd", 10);
    expect(again).toMatchObject({ attempt: 1, payload: { secret: "Канареева" } });
    expect(["id-1", "id-2", "id-3"]).toContain(again?.deduplicationId);
  });

  it("buries what waits, and leaves what is delivered or dead alone", async () => {
    const pending = await store.db.selectFrom("outbox").select("id").where("state", "=", "pending").execute();
    const all = await store.db.selectFrom("outbox").select("id").execute();
    const { output } = await cli("bury", ...all.map(({ id }) => id));
    expect(output).toMatch(/1 of 1 touched\n$/);
    const row = await store.db
      .selectFrom("outbox")
      .selectAll()
      .where("id", "=", pending[0]!.id)
      .executeTakeFirstOrThrow();
    expect(row).toMatchObject({ state: "dead", last_error: "buried" });
    expect(row.payload).not.toBeNull();
  });

  it("explains itself when used wrongly", async () => {
    const wrong = [
      ["replay"],
      ["bury"],
      ["list", "--state", "x"],
      ["list", "--since", "x"],
      ["x"],
      ["show", "x"],
    ];
    const answers = await Promise.all(wrong.map((args) => cli(...args)));
    expect(answers.map(({ code }) => code)).toEqual(wrong.map(() => 2));
    for (const { output } of answers) expect(output).not.toMatch(/^\s*at /m);
  });
});

it("the depth by system is what waits and what is put aside, and falls to nothing", async () => {
  const now = Date.now();
  const [notify, remd] = await outboxDepth(store.db, now + 5_000);
  expect(notify).toMatchObject({ system: "notify", ready: 1, delayed: 0, dead: 0 });
  expect(notify!.oldestMs).toBeGreaterThanOrEqual(4_000);
  expect(remd).toEqual({ system: "remd", ready: 0, delayed: 0, dead: 4, oldestMs: 0 });
  const reported: OutboxDepth[] = [];
  const job = outboxWatch({ db: store.db, clock: systemClock, report: (depth) => reported.push(depth) });
  await job.run(new AbortController().signal);
  await store.db.deleteFrom("outbox").execute();
  await job.run(new AbortController().signal);
  expect(reported.map(({ system, dead }) => [system, dead])).toEqual([
    ["notify", 0],
    ["remd", 4],
    ["notify", 0],
    ["remd", 0],
  ]);
});
