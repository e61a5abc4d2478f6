import { sql } from "kysely";
import { expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { masterKeyProvider } from "../../src/crypto/key-providers.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { DataKeys } from "../../src/store/data-keys.ts";
import { type ResourceChange, ResourceStore } from "../../src/store/resources.ts";
import { onBothEngines } from "./engines.ts";

onBothEngines((store) => {
  const clock = new ManualClock();
  const keys = masterKeyProvider(createKeyring(Buffer.alloc(32, 7)));
  const dataKeys = new DataKeys({ keys, clock });
  const resources = new ResourceStore({ dataKeys, clock });
  const put = (change: ResourceChange) =>
    store()
      .db.transaction()
      .execute((trx) => resources.put(trx, change));
  const key = (id: string) => ({ tenant: "t", type: "Patient", id });
  const historyOf = async (id: string) =>
    (await resources.history(store().db, { ...key(id), limit: 100 })).versions;

  it("numbers versions, keeps every one and shows a deletion", async () => {
    const { db } = store();
    await put({ ...key("a"), content: { name: "первый" }, source: "message-1" });
    await put({ ...key("a"), content: { name: "второй" }, ifVersion: 1 });
    await clock.advance(5);
    await put({ ...key("a") });
    expect(await resources.get(db, key("a"))).toEqual({
      ...key("a"),
      version: 3,
      deleted: true,
      lastUpdated: clock.now(),
    });
    expect(await resources.version(db, { ...key("a"), version: 1 })).toMatchObject({
      content: { name: "первый" },
      source: "message-1",
    });
    expect(await resources.version(db, { ...key("a"), version: 4 })).toBeUndefined();
    expect((await historyOf("a")).map((r) => r.version)).toEqual([3, 2, 1]);
  });

  it("refuses a change made from an old version, and a second first version", async () => {
    await put({ ...key("b"), content: {} });
    const conflict = { code: "version-conflict" };
    await expect(put({ ...key("b"), content: {}, ifVersion: 0 })).rejects.toMatchObject(conflict);
    await expect(put({ ...key("b"), content: {}, ifVersion: 7 })).rejects.toMatchObject(conflict);
    expect(await historyOf("b")).toHaveLength(1);
  });

  it("lets exactly one of several writers of the same version win", async () => {
    const writes = Array.from({ length: 6 }, (_, n) => put({ ...key("c"), content: { n }, ifVersion: 0 }));
    const results = await Promise.allSettled(writes);
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    expect(await historyOf("c")).toHaveLength(1);
  });

  it("keeps tenants apart", async () => {
    await put({ ...key("d"), content: {} });
    expect(await resources.get(store().db, { ...key("d"), tenant: "u" })).toBeUndefined();
  });

  it("reads many in the order asked, without deleted and unknown ones", async () => {
    for (const id of ["e1", "e2", "e3"]) await put({ ...key(id), content: { id }, subject: id });
    await put({ ...key("e2"), subject: "e2" });
    const read = (ids: string[]) => resources.byIds(store().db, { tenant: "t", type: "Patient", ids });
    expect((await read(["e3", "e2", "nobody", "e1"])).map(({ content }) => content)).toEqual([
      { id: "e3" },
      { id: "e1" },
    ]);
    expect(await read([])).toEqual([]);
  });

  it("pages the history of a tenant, a type and one resource from the newest on", async () => {
    const tenant = "paged";
    const from = clock.now() + 1;
    for (const type of ["Patient", "Basic"])
      for (const id of ["1", "2"]) await put({ tenant, type, id, content: { id } });
    await clock.advance(1);
    await put({ tenant, type: "Patient", id: "1", content: { id: "1", again: true } });
    const named = async (query: { type?: string; id?: string; since?: number; before?: number }) => {
      const { versions, next } = await resources.history(store().db, { tenant, limit: 2, ...query });
      return { names: versions.map((one) => `${one.type}/${one.id}/${one.version}`), next };
    };
    const first = await named({});
    expect(first.names).toEqual(["Patient/1/2", "Basic/2/1"]);
    const next = await named({ before: first.next });
    expect(next.names).toEqual(["Basic/1/1", "Patient/2/1"]);
    const last = await named({ before: next.next });
    expect(last).toEqual({ names: ["Patient/1/1"], next: undefined });
    expect((await named({ type: "Patient" })).names).toEqual(["Patient/1/2", "Patient/2/1"]);
    expect((await named({ type: "Patient", id: "1" })).names).toEqual(["Patient/1/2", "Patient/1/1"]);
    expect((await named({ since: from })).names).toEqual(["Patient/1/2"]);
  });

  it("lists what is about a person, newest first, and nobody else's", async () => {
    const basic = (id: string, subject: string) =>
      put({ tenant: "t", type: "Basic", id, subject, content: {} });
    await basic("one", "anna");
    await clock.advance(1);
    await basic("two", "anna");
    await basic("three", "boris");
    const about = (change: { tenant?: string; limit?: number }) =>
      resources.about(store().db, { tenant: "t", type: "Basic", subject: "anna", limit: 10, ...change });
    expect((await about({})).map(({ id }) => id)).toEqual(["two", "one"]);
    expect(await about({ limit: 1 })).toHaveLength(1);
    expect(await about({ tenant: "u" })).toEqual([]);
  });

  it("shows ciphertext in both tables, and clear text only of a public type that says so", async () => {
    const secret = { text: "Врачев 90000000182" };
    await put({ ...key("sealed"), subject: "sealed", content: secret });
    await put({ tenant: "t", type: "Composition", id: "own", content: secret });
    await put({ tenant: "t", type: "Patient", id: "claims", content: secret, isPublic: true });
    await put({
      tenant: "t",
      type: "Location",
      id: "home",
      subject: "anna",
      content: secret,
      isPublic: true,
    });
    await put({ tenant: "t", type: "Organization", id: "public", content: { name: "ГКБ" }, isPublic: true });
    const dump = (await dumpOf("resource")) + (await dumpOf("resource_history"));
    expect(dump).toContain("sealed");
    expect(dump.split(Buffer.from("ГКБ").toString("hex"))).toHaveLength(3);
    for (const word of ["Врачев", "90000000182"])
      expect(dump).not.toContain(Buffer.from(word).toString("hex"));
    expect((await resources.get(store().db, key("claims")))?.content).toEqual(secret);
  });

  const place = { tenant: "t", type: "Basic", id: "here", subject: "anna" };

  it.each([
    ["id", { id: "moved-id" }],
    ["type", { type: "Observation" }],
    ["tenant", { tenant: "u" }],
    ["subject", { id: "moved-subject", subject: "boris" }],
    ["owner", { id: "moved-owner", subject: undefined }],
    ["version", {}],
  ])("refuses a ciphertext moved to another %s", async (what, change) => {
    const from = { ...place, id: `from-${what}` };
    const to = { ...from, ...change };
    await put({ ...from, content: { of: "from" } });
    await put({ ...to, content: { of: "to" } });
    const { db } = store();
    const source = db
      .selectFrom("resource_history")
      .select("content")
      .where("tenant", "=", from.tenant)
      .where("type", "=", from.type)
      .where("id", "=", from.id)
      .where("version", "=", 1);
    for (const table of ["resource", "resource_history"] as const)
      await db
        .updateTable(table)
        .set({ content: source })
        .where("tenant", "=", to.tenant)
        .where("type", "=", to.type)
        .where("id", "=", to.id)
        .where("version", "=", what === "version" ? 2 : 1)
        .execute();
    const refused = { code: "stored-data-altered" };
    await expect(resources.get(db, to)).rejects.toMatchObject(refused);
    await expect(resources.version(db, { ...to, version: what === "version" ? 2 : 1 })).rejects.toMatchObject(
      refused,
    );
  });

  it("refuses clear content in place of sealed", async () => {
    await put({ ...key("forged"), subject: "anna", content: {} });
    const content = Buffer.from('{"resourceType":"Patient"}');
    await store().db.updateTable("resource").set({ content }).where("id", "=", "forged").execute();
    await expect(resources.get(store().db, key("forged"))).rejects.toMatchObject({
      code: "stored-data-altered",
    });
  });

  const dumpOf = async (table: "resource" | "resource_history") => {
    const { rows } = await sql<{ row: string }>`select t::text as row from ${sql.table(table)} t`.execute(
      store().db,
    );
    return rows.map(({ row }) => row).join("\n");
  };
});
