import { beforeEach, expect, it } from "vitest";
import { masterKeys } from "../../src/crypto/key-providers.ts";
import { type MasterKeys, rewrapRootKey, rootKeyOf } from "../../src/store/root-key.ts";
import { onBothEngines } from "./engines.ts";

const [old, next] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
const mastersOf = (current: Uint8Array, previous?: Uint8Array): MasterKeys => ({
  keys: masterKeys(current, previous),
  oldest: previous ?? current,
});

onBothEngines((store) => {
  const rootKey = (...known: Parameters<typeof mastersOf>) => rootKeyOf(store().db, mastersOf(...known));
  beforeEach(async () => {
    await store().db.deleteFrom("root_key").execute();
  });

  it("replicas that start at once have one root key, which is not the master key", async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => rootKey(old)));
    for (const key of made) expect(key).toEqual(made[0]);
    expect(made[0]).toHaveLength(32);
    expect(Buffer.from(made[0] as Uint8Array).equals(old)).toBe(false);
  });

  it("stays the same through a change of the master key; each key opens it as long as it should", async () => {
    const root = await rootKey(old);
    expect(await rootKey(next, old)).toEqual(root);
    await expect(rootKey(next)).rejects.toMatchObject({ code: "unknown-key" });

    expect(await rewrapRootKey(store().db, mastersOf(next, old))).toBe(true);
    expect(await rewrapRootKey(store().db, mastersOf(next, old))).toBe(false);
    expect(await rootKey(next, old)).toEqual(root);
    expect(await rootKey(next)).toEqual(root);
    await expect(rootKey(old)).rejects.toMatchObject({ code: "unknown-key" });
    await expect(rewrapRootKey(store().db, mastersOf(old))).rejects.toMatchObject({ code: "unknown-key" });
  });

  it("a wrapped key that was changed does not open", async () => {
    await rootKey(old);
    const { wrapped } = await store().db.selectFrom("root_key").select("wrapped").executeTakeFirstOrThrow();
    const changed = Buffer.from(wrapped as Uint8Array);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    await store().db.updateTable("root_key").set({ wrapped: changed }).execute();
    await expect(rootKey(old)).rejects.toMatchObject({ code: "wrong-context" });
  });

  it("a database of before keeps what its first master key sealed", async () => {
    await store().db.insertInto("root_key").values({ id: 1, wrapped: null }).execute();
    expect(await rootKey(old)).toEqual(old);
    expect(await rootKey(next, old)).toEqual(old);
    expect(await rewrapRootKey(store().db, mastersOf(next, old))).toBe(true);
    expect(Buffer.from(await rootKey(next)).equals(old)).toBe(true);
  });
});
