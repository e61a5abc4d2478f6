import { expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { type Claim, IdempotencyKeys } from "../../src/store/idempotency.ts";
import { onBothEngines } from "./engines.ts";

const answer = { status: 201, contentType: "application/json", body: Buffer.from('{"имя":"Анна"}') };
const day = 86_400_000;

onBothEngines((store) => {
  const clock = new ManualClock();
  const keys = () =>
    new IdempotencyKeys({
      db: store().db,
      keyring: createKeyring(Buffer.alloc(32, 7)),
      clock,
      leaseMs: 60_000,
    });
  const mine = async (key: string, request = "r"): Promise<Claim> => {
    const claimed = await keys().claim("me", key, request);
    if (claimed.state !== "mine") throw new Error(`claim is ${claimed.state}`);
    return claimed.claim;
  };

  it("one of 16 equal requests gets the claim", async () => {
    const claims = await Promise.all(Array.from({ length: 16 }, () => keys().claim("me", "many", "r")));
    expect(claims.filter(({ state }) => state === "mine")).toHaveLength(1);
    expect(claims.filter(({ state }) => state === "running")).toHaveLength(15);
  });

  it("a kept answer is given again, byte for byte, for 30 days", async () => {
    await keys().keep(await mine("kept"), answer);
    await clock.advance(30 * day - 1);
    expect(await keys().claim("me", "kept", "r")).toEqual({ state: "answered", answer });
    await clock.advance(1);
    expect((await keys().claim("me", "kept", "r")).state).toBe("mine");
  });

  it("another request under the same key is a conflict, another caller's is not", async () => {
    await keys().keep(await mine("shared"), answer);
    expect((await keys().claim("me", "shared", "other")).state).toBe("conflict");
    expect((await keys().claim("other", "shared", "other")).state).toBe("mine");
  });

  it("a released claim is free again, a dead holder's one after its lease", async () => {
    await keys().release(await mine("released"));
    await mine("released");
    const late = await mine("dead");
    await clock.advance(60_000);
    const heir = await mine("dead");
    await keys().keep(late, answer);
    expect((await keys().claim("me", "dead", "r")).state).toBe("running");
    await keys().keep(heir, answer);
    expect((await keys().claim("me", "dead", "r")).state).toBe("answered");
  });

  it("rows show neither the key nor the answer", async () => {
    await keys().keep(await mine("secret-key"), answer);
    const rows = await store().db.selectFrom("idempotency").selectAll().execute();
    const dump = rows
      .map((row) =>
        JSON.stringify({ ...row, answer: row.answer && Buffer.from(row.answer).toString("latin1") }),
      )
      .join();
    expect(rows.length).toBeGreaterThan(0);
    for (const word of ["secret-key", "Анна", "json"]) expect(dump).not.toContain(word);
  });
});
