import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import type { KeyProvider } from "../../src/crypto/envelope.ts";
import { DataKeys, dataKeyCounts } from "../../src/store/data-keys.ts";
import { ResourceStore } from "../../src/store/resources.ts";
import { onBothEngines } from "./engines.ts";

/** Key-encryption keys as one replica sees them. */
class KeyFolder implements KeyProvider {
  readonly #keys: Map<string, Uint8Array>;
  currentId: string;
  asked = 0;

  constructor(currentId: string, keys: Map<string, Uint8Array>) {
    this.currentId = currentId;
    this.#keys = keys;
  }

  async current() {
    return { id: this.currentId, key: this.#keys.get(this.currentId)! };
  }

  async byId(id: string) {
    this.asked += 1;
    return this.#keys.get(id);
  }
}

onBothEngines((store) => {
  const clock = new ManualClock();
  const replicaOf = (keys: KeyProvider) => {
    const dataKeys = new DataKeys({ keys, clock });
    return { dataKeys, resources: new ResourceStore({ dataKeys, clock }) };
  };
  const keysNamed = (...ids: string[]) => new Map<string, Uint8Array>(ids.map((id) => [id, randomBytes(32)]));
  const patient = (tenant: string, id: string) => ({ tenant, type: "Patient", id, subject: id });
  const inTransaction = <T>(work: (trx: ReturnType<typeof store>["db"]) => Promise<T>) =>
    store().db.transaction().execute(work);
  it("makes one key for an owner, whoever asks first, and another for each patient and tenant", async () => {
    const { dataKeys } = replicaOf(new KeyFolder("one", keysNamed("one")));
    const { db } = store();
    const anna = { tenant: "made", subject: "anna" };
    const together = await Promise.all(Array.from({ length: 5 }, () => dataKeys.of(db, anna)));
    const others = [{ ...anna, tenant: "other" }, { ...anna, subject: "boris" }, { tenant: "made" }];
    for (const owner of others) together.push(await dataKeys.of(db, owner));
    expect(new Set(together.map(({ id }) => id)).size).toBe(1 + others.length);
  });

  it("remembers an unwrapped key for minutes only", async () => {
    const keys = new KeyFolder("short", keysNamed("short"));
    const { dataKeys } = replicaOf(keys);
    const owner = { tenant: "short" };
    for (let n = 0; n < 3; n++) await dataKeys.of(store().db, owner);
    expect(keys.asked).toBe(1);
    await clock.advance(6 * 60_000);
    await dataKeys.of(store().db, owner);
    expect(keys.asked).toBe(2);
  });

  it("seals nothing under a key whose transaction was rolled back", async () => {
    const { resources } = replicaOf(new KeyFolder("undone", keysNamed("undone")));
    const key = patient("undone", "anna");
    const undone = inTransaction(async (trx) => {
      await resources.put(trx, { ...key, content: { n: 1 } });
      await resources.put(trx, { ...key, content: { n: 2 } });
      throw new Error("undo");
    });
    await expect(undone).rejects.toThrow("undo");
    await inTransaction((trx) => resources.put(trx, { ...key, content: { n: 3 } }));
    expect((await resources.get(store().db, key))?.content).toEqual({ n: 3 });
  });

  it("is 503 while the key-encryption key is away, and works when it is back", async () => {
    const known = keysNamed("away");
    const { resources } = replicaOf(new KeyFolder("away", known));
    const key = patient("away", "anna");
    await inTransaction((trx) => resources.put(trx, { ...key, content: {} }));
    const kept = new Map<string, Uint8Array>();
    const other = replicaOf(new KeyFolder("away", kept));
    await expect(other.resources.get(store().db, key)).rejects.toMatchObject({ code: "store-unavailable" });
    kept.set("away", known.get("away")!);
    expect((await other.resources.get(store().db, key))?.content).toEqual({});
  });

  it("refuses a wrapped key put in another owner's place, known or not", async () => {
    const { dataKeys } = replicaOf(new KeyFolder("swap", keysNamed("swap")));
    const { db } = store();
    for (const subject of ["anna", "boris"]) await dataKeys.of(db, { tenant: "swap", subject });
    const ofAnna = db
      .selectFrom("data_key")
      .select("wrapped")
      .where("tenant", "=", "swap")
      .where("subject", "=", "anna");
    await db
      .updateTable("data_key")
      .set({ wrapped: ofAnna })
      .where("tenant", "=", "swap")
      .where("subject", "=", "boris")
      .execute();
    const swapped = dataKeys.of(db, { tenant: "swap", subject: "boris" });
    await expect(swapped).rejects.toMatchObject({ code: "wrong-context" });
  });

  it("answers gone for a shredded patient on every replica at once, and leaves others readable", async () => {
    const keys = new KeyFolder("shred", keysNamed("shred"));
    const [one, other] = [replicaOf(keys), replicaOf(keys)];
    const { db } = store();
    const [anna, boris] = [patient("shred", "anna"), patient("shred", "boris")];
    for (const key of [anna, boris])
      await inTransaction((trx) => one.resources.put(trx, { ...key, content: {} }));
    expect((await other.resources.get(db, anna))?.content).toEqual({});
    await inTransaction((trx) => one.dataKeys.shred(trx, anna));
    const gone = { code: "gone" };
    for (const { resources } of [one, other]) {
      await expect(resources.get(db, anna)).rejects.toMatchObject(gone);
      await expect(resources.version(db, { ...anna, version: 1 })).rejects.toMatchObject(gone);
      const again = inTransaction((trx) => resources.put(trx, { ...anna, content: {} }));
      await expect(again).rejects.toMatchObject(gone);
      const ids = ["anna", "boris"];
      expect(await resources.byIds(db, { tenant: "shred", type: "Patient", ids })).toHaveLength(1);
      expect((await resources.history(db, { tenant: "shred", limit: 10 })).versions).toHaveLength(1);
    }
  });

  it("shreds ahead: nothing can be sealed for an owner who had no key yet", async () => {
    const { dataKeys } = replicaOf(new KeyFolder("ahead", keysNamed("ahead")));
    const owner = { tenant: "ahead", subject: "anna" };
    await inTransaction((trx) => dataKeys.shred(trx, owner));
    await expect(dataKeys.of(store().db, owner)).rejects.toMatchObject({ code: "gone" });
  });

  const countsUnder = async (...ids: string[]) => {
    const counts = await dataKeyCounts(store().db);
    return ids.map((id) => counts.find(({ keyId }) => keyId === id)?.count ?? 0);
  };

  it("rotates while readers and writers run on two replicas, one of which knows of no new key, and none fails", async () => {
    const known = keysNamed("before");
    const [ahead, behind] = [new KeyFolder("before", known), new KeyFolder("before", known)];
    const [one, other] = [replicaOf(ahead), replicaOf(behind)];
    const tenant = "rotated";
    const names = Array.from({ length: 220 }, (_, n) => `patient-${n}`);
    const write = ({ resources }: typeof one, id: string) =>
      inTransaction((trx) => resources.put(trx, { ...patient(tenant, id), content: { id } }));
    for (const id of names) await write(one, id);
    known.set("after", randomBytes(32));
    ahead.currentId = "after";

    let rotated = false;
    let reads = 0;
    let writes = 0;
    const work = async (replica: typeof one, offset: number) => {
      for (let n = offset; !rotated; n += 7) {
        const id = names[n % names.length] as string;
        expect((await replica.resources.get(store().db, patient(tenant, id)))?.content).toEqual({ id });
        reads += 1;
        if (n % 3 === 0) {
          await write(replica, `fresh-${offset}-${n}`);
          await write(replica, id);
          writes += 2;
        }
        // unwrapped keys are forgotten, so that the wrapped ones are used
        await clock.advance(3 * 60_000);
      }
    };
    const running = [work(one, 0), work(other, 1), work(other, 2)];
    const done = await one.dataKeys.rewrapAll(store().db);
    // the replica behind goes on making keys under the old one
    await write(other, "late");
    rotated = true;
    await Promise.all(running);
    expect(done.rewrapped).toBeGreaterThanOrEqual(names.length);
    expect(reads).toBeGreaterThan(0);
    expect(writes).toBeGreaterThan(0);

    behind.currentId = "after";
    await one.dataKeys.rewrapAll(store().db);
    expect(await countsUnder("before")).toEqual([0]);
    known.delete("before");
    await clock.advance(6 * 60_000);
    for (const id of [...names, "late"])
      expect((await other.resources.get(store().db, patient(tenant, id)))?.content).toEqual({ id });
  });

  it("rotates past a key whose own wrapping key is lost, and says so", async () => {
    const known = keysNamed("lost", "kept");
    const folder = new KeyFolder("lost", known);
    const { dataKeys } = replicaOf(folder);
    await dataKeys.of(store().db, { tenant: "stuck", subject: "a" });
    folder.currentId = "kept";
    await dataKeys.of(store().db, { tenant: "stuck", subject: "b" });
    known.set("newest", randomBytes(32));
    folder.currentId = "newest";
    known.delete("lost");
    expect((await dataKeys.rewrapAll(store().db)).stuck).toBeGreaterThanOrEqual(1);
    expect(await countsUnder("lost", "kept", "newest")).toEqual([1, 0, 1]);
  });
});
