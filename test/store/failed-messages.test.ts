import { beforeEach, expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { createKeyring, SealError } from "../../src/crypto/keyring.ts";
import { expiry } from "../../src/jobs/expiry.ts";
import { type FailedMessage, FailedMessages } from "../../src/store/failed-messages.ts";
import { onBothEngines } from "./engines.ts";

const message = (n: number): FailedMessage => ({
  tenant: "1.2.643.5.1",
  requestId: `request-${n}`,
  system: "frmr",
  operation: "getEmployee",
  code: "unmapped-code",
  map: "FrmrPersonToFhir",
  line: 32,
  sourcePath: "employee.General.Sex",
  targetPath: "practitioner.gender",
  trace: ["GatewayError: unmapped", "MappingError: place"],
  written: ['Practitioner.id <- src.id (Card:7 "id")'],
  answer: Buffer.from(`<Surname>Врачев ${n}</Surname>`),
});

onBothEngines((store) => {
  let clock: ManualClock;
  const open = (settings: Partial<{ count: number; maxBytes: number; key: number }> = {}) =>
    new FailedMessages({
      db: store().db,
      keyring: createKeyring(new Uint8Array(32).fill(settings.key ?? 3)),
      clock,
      days: 14,
      count: settings.count ?? 10,
      maxBytes: settings.maxBytes ?? 1_000,
    });
  beforeEach(async () => {
    clock = new ManualClock();
    await store().db.deleteFrom("failed_message").execute();
  });

  it("a message is listed with its places and opens with its trace, and nothing of it lies in the clear", async () => {
    const messages = open();
    await messages.keep(message(1));
    const [row] = await messages.list();
    expect(row).toMatchObject({
      request_id: "request-1",
      code: "unmapped-code",
      map: "FrmrPersonToFhir",
      line: 32,
      source_path: "employee.General.Sex",
      target_path: "practitioner.gender",
    });
    const { trace, written, answer } = (await messages.open(row?.id ?? "")) ?? {};
    expect([trace, answer?.toString()]).toEqual([message(1).trace, "<Surname>Врачев 1</Surname>"]);
    expect(written).toEqual(message(1).written);
    const stored = await store().db.selectFrom("failed_message").selectAll().executeTakeFirstOrThrow();
    expect(Buffer.from(stored.content).includes("Врачев")).toBe(false);
    await expect(open({ key: 4 }).open(stored.id)).rejects.toThrow(SealError);
    expect(await messages.open("none")).toBeUndefined();
  });

  it("their number, size and age are bounded", async () => {
    const messages = open({ count: 3, maxBytes: 5 });
    for (let n = 1; n <= 5; n += 1) {
      await messages.keep(message(n));
      await clock.advance(1_000);
    }
    const rows = await messages.list();
    expect(rows.map(({ request_id }) => request_id)).toEqual(["request-5", "request-4", "request-3"]);
    const opened = await messages.open(rows[0]?.id ?? "");
    expect([opened?.row.bytes, opened?.answer.length]).toEqual([message(5).answer.length, 5]);
    await clock.advance(14 * 86_400_000 - 2_500);
    const failing = () => Promise.reject(new Error("away"));
    const job = expiry([failing, () => messages.purge()]);
    await expect(job.run(new AbortController().signal)).rejects.toThrow("away");
    expect((await messages.list()).map(({ request_id }) => request_id)).toEqual(["request-5", "request-4"]);
    expect(await messages.purge(clock.now())).toBe(2);
  });

  it("a storm of them is cut, and keeping never rejects", async () => {
    const messages = open({ count: 100 });
    await Promise.all(Array.from({ length: 50 }, (_, n) => messages.keep(message(n))));
    expect((await messages.list()).length).toBeLessThan(10);
    const broken = { ...message(1), tenant: undefined as unknown as string };
    await expect(messages.keep(broken)).resolves.toBeUndefined();
  });
});
