import { beforeEach, expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { type CodeUse, codeLimits, OneTimeCodes } from "../../src/store/one-time-codes.ts";
import { onBothEngines } from "./engines.ts";

const keyring = createKeyring(new Uint8Array(32).fill(3));
const use: CodeUse = { owner: "anna", purpose: "consent-grant", target: "consent-1" };
const minuteMs = 60_000;

onBothEngines((store) => {
  let clock: ManualClock;
  let codes: OneTimeCodes;

  beforeEach(async () => {
    await store().db.deleteFrom("one_time_code").execute();
    clock = new ManualClock();
    codes = new OneTimeCodes({ keyring, clock });
  });

  const issue = (to = use) =>
    store()
      .db.transaction()
      .execute((trx) => codes.issue(trx, to));
  const check = (code: string, of = use) =>
    store()
      .db.transaction()
      .execute((trx) => codes.check(trx, of, code));
  const another = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, "0");

  it("L-27 a code is right at 4:59, at 5:01 it has expired", async () => {
    const { code } = await issue();
    await clock.advance(5 * minuteMs - 1_000);
    expect(await check(code)).toBe("right");
    const { code: late } = await issue();
    await clock.advance(5 * minuteMs + 1_000);
    expect(await check(late)).toBe("expired");
  });

  it("L-28 a newly issued code ends the one before", async () => {
    const { code: first } = await issue();
    await clock.advance(minuteMs);
    const { code: second } = await issue();
    if (first !== second) expect(await check(first)).toBe("wrong");
    expect(await check(second)).toBe("right");
  });

  it.each(["123 456", "12345", "1234567", " 123456", "12345a", "", "１２３４５６"])(
    "L-29 %j is not a code: six digits, no spaces; it is no attempt",
    async (entered) => {
      const { code } = await issue();
      for (let turn = 0; turn < 4; turn++) expect(await check(entered)).toBe("malformed");
      expect(await check(code)).toBe("right");
    },
  );

  it("L-30 after three wrong codes the right one is refused, for a quarter of an hour", async () => {
    const { code } = await issue();
    expect(await check(another(code))).toBe("wrong");
    expect(await check(another(code))).toBe("wrong");
    expect(await check(another(code))).toBe("locked");
    expect(await check(code)).toBe("locked");
    await expect(issue()).rejects.toMatchObject({
      code: "code-locked",
      retryAfter: codeLimits.lockMs / 1_000,
    });
    await clock.advance(codeLimits.lockMs + 1);
    expect(await check(code)).toBe("expired");
    const { code: fresh } = await issue();
    expect(await check(another(fresh))).toBe("wrong");
    expect(await check(fresh)).toBe("right");
  });

  it("a new code is no new chance to guess", async () => {
    for (let turn = 0; turn < 2; turn++) {
      const { code } = await issue();
      expect(await check(another(code))).toBe("wrong");
      await clock.advance(minuteMs);
    }
    const { code } = await issue();
    expect(await check(another(code))).toBe("locked");
  });

  it("fits only what it was sent for, and once", async () => {
    const { code } = await issue();
    expect(await check(code, { ...use, target: "consent-2" })).toBe("wrong");
    expect(await check(code, { ...use, owner: "boris" })).toBe("expired");
    expect(await check(code)).toBe("right");
    expect(await check(code)).toBe("expired");
  });

  it("is sent once a minute", async () => {
    await issue();
    await clock.advance(20_000);
    await expect(issue()).rejects.toMatchObject({ code: "code-too-soon", retryAfter: 40 });
    await clock.advance(40_000);
    await expect(issue()).resolves.toMatchObject({ code: expect.stringMatching(/^\d{6}$/) });
  });

  it("guesses at the same time are counted one by one", async () => {
    const { code } = await issue();
    const guesses = await Promise.all(Array.from({ length: 6 }, () => check(another(code))));
    expect(guesses.filter((verdict) => verdict === "wrong")).toHaveLength(2);
    expect(await check(code)).toBe("locked");
  });

  it("lies in the database as a hash only", async () => {
    const { code } = await issue();
    const rows = await store().db.selectFrom("one_time_code").selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(code);
  });
});
