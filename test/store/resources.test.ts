import { expect, it } from "vitest";
import {
  getResource,
  getVersion,
  historyOf,
  putResource,
  type ResourceChange,
} from "../../src/store/resources.ts";
import { onBothEngines } from "./engines.ts";

onBothEngines((store) => {
  const put = (change: ResourceChange) =>
    store()
      .db.transaction()
      .execute((trx) => putResource(trx, change));
  const key = (id: string) => ({ tenant: "t", type: "Patient", id });

  it("numbers versions, keeps every one and shows a deletion", async () => {
    await put({ ...key("a"), content: { name: "первый" }, at: 1, source: "message-1" });
    await put({ ...key("a"), content: { name: "второй" }, at: 2, ifVersion: 1 });
    await put({ ...key("a"), at: 3 });
    expect(await getResource(store().db, key("a"))).toMatchObject({
      version: 3,
      deleted: true,
      lastUpdated: 3,
    });
    expect((await getResource(store().db, key("a")))?.content).toBeUndefined();
    expect(await getVersion(store().db, { ...key("a"), version: 1 })).toMatchObject({
      content: { name: "первый" },
      source: "message-1",
    });
    expect((await historyOf(store().db, key("a"))).map((r) => r.version)).toEqual([3, 2, 1]);
  });

  it("refuses a change made from an old version, and a second first version", async () => {
    await put({ ...key("b"), content: {}, at: 1 });
    const conflict = { code: "version-conflict" };
    await expect(put({ ...key("b"), content: {}, at: 2, ifVersion: 0 })).rejects.toMatchObject(conflict);
    await expect(put({ ...key("b"), content: {}, at: 2, ifVersion: 7 })).rejects.toMatchObject(conflict);
    expect(await historyOf(store().db, key("b"))).toHaveLength(1);
  });

  it("lets exactly one of several writers of the same version win", async () => {
    const writes = Array.from({ length: 6 }, (_, n) =>
      put({ ...key("c"), content: { n }, at: n, ifVersion: 0 }),
    );
    const results = await Promise.allSettled(writes);
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    expect(await historyOf(store().db, key("c"))).toHaveLength(1);
  });

  it("keeps tenants apart", async () => {
    await put({ ...key("d"), content: {}, at: 1 });
    expect(await getResource(store().db, { ...key("d"), tenant: "u" })).toBeUndefined();
  });
});
