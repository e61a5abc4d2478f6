import { createDecipheriv, randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { environmentKeys } from "../../src/crypto/key-providers.ts";
import { openKeyring } from "../../src/key-encryption.ts";
import { DataKeys } from "../../src/store/data-keys.ts";
import { ResourceStore } from "../../src/store/resources.ts";
import { cipher as other } from "../support/other-cipher.mjs";
import { onBothEngines } from "./engines.ts";

const masterKey = randomBytes(32).toString("base64");
const sourceOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** AES-256-GCM by node:crypto alone: nonce of 12 bytes, tag of 16, ciphertext. */
function decrypted(key: Buffer, sealed: Buffer, associated: unknown[]): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12))
    .setAAD(Buffer.from(JSON.stringify(associated)))
    .setAuthTag(sealed.subarray(12, 28));
  return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]);
}

onBothEngines((store) => {
  it("Z-02 stored content is AES-256 ciphertext of a patient's key, and opens across a rotation of the key above it", async () => {
    const clock = new ManualClock();
    const [before, after] = [randomBytes(32), randomBytes(32)];
    const place = { tenant: "t", type: "Condition", id: "c1", subject: "anna" };
    const content = { resourceType: "Condition", code: { text: "диагноз" } };
    const entry = (id: string, key: Buffer) => `${id}:${key.toString("base64")}`;
    const resourcesUnder = (keys: string) => {
      const dataKeys = new DataKeys({ keys: environmentKeys(keys), clock });
      return { dataKeys, resources: new ResourceStore({ dataKeys, clock }) };
    };
    const { db } = store();
    const kept = async () => ({
      sealed: Buffer.from(
        (await db.selectFrom("resource").select("content").executeTakeFirstOrThrow()).content!,
      ),
      wrapped: Buffer.from(
        (await db.selectFrom("data_key").select("wrapped").executeTakeFirstOrThrow()).wrapped!,
      ),
    });
    const openedBy = ({ sealed, wrapped }: Awaited<ReturnType<typeof kept>>, id: string, key: Buffer) => {
      const owner = [place.tenant, place.subject];
      const dataKey = decrypted(key, wrapped.subarray(2 + id.length), ["data-key", 1, id, ...owner]);
      expect(dataKey.subarray(16)).toHaveLength(32);
      const keyId = sealed.subarray(1, 17).toString("hex");
      expect(dataKey.subarray(0, 16).toString("hex")).toBe(keyId);
      const row = JSON.stringify([place.type, place.id, 1]);
      const at = ["value", 1, keyId, place.tenant, "resource", "content", row];
      return JSON.parse(decrypted(dataKey.subarray(16), sealed.subarray(17), at).toString());
    };

    const first = resourcesUnder(entry("k1", before));
    await db.transaction().execute((trx) => first.resources.put(trx, { ...place, content }));
    const written = await kept();
    expect(openedBy(written, "k1", before)).toEqual(content);

    const second = resourcesUnder(`${entry("k2", after)},${entry("k1", before)}`);
    await second.dataKeys.rewrapAll(db);
    const rotated = await kept();
    expect(rotated.sealed).toEqual(written.sealed);
    expect(openedBy(rotated, "k2", after)).toEqual(content);
    const last = resourcesUnder(entry("k2", after));
    expect((await last.resources.get(db, place))?.content).toEqual(content);
    await expect(first.resources.get(db, place)).rejects.toMatchObject({ code: "store-unavailable" });
  });

  it("Z-04 another cipher, such as a certified GOST one, is put in by configuration; what AES sealed still opens", async () => {
    const clock = new ManualClock();
    const { db } = store();
    const open = (CIPHER_MODULE?: string) =>
      openKeyring({ DATA_DIR: "", MASTER_KEY: masterKey, CIPHER_MODULE }, db);
    const keys = environmentKeys(`k1:${randomBytes(32).toString("base64")}`);
    const dataKeys = new DataKeys({ keys, clock });
    const resources = new ResourceStore({ dataKeys, clock });
    const placeOf = (id: string) => ({ tenant: "gost", type: "Condition", id, subject: "boris" });
    const content = { resourceType: "Condition", code: { text: "диагноз" } };
    const put = (id: string) =>
      db.transaction().execute((trx) => resources.put(trx, { ...placeOf(id), content }));
    const bytesOf = async (id: string) => {
      const row = await db.selectFrom("resource").select("content").where("id", "=", id).executeTakeFirst();
      return Buffer.from(row?.content ?? []);
    };

    await expect(open(sourceOf("../support/lock-holder.ts"))).rejects.toThrow(/CIPHER_MODULE exports no/);
    const before = await open();
    const byAes = before.seal("sessions", Buffer.from("Врачев"));
    await put("by-aes");
    const keyring = await open(sourceOf("../support/other-cipher.mjs"));
    await put("by-other");

    const [old, sealed] = [await bytesOf("by-aes"), await bytesOf("by-other")];
    expect([old[0], sealed[0], keyring.seal("sessions", Buffer.from("Врачев"))[0]]).toEqual([1, 7, 7]);
    // the vendor's means open it, given the key and the place alone
    const keyId = sealed.subarray(1, 17).toString("hex");
    const { key } = await dataKeys.of(db, placeOf("by-other"));
    const row = JSON.stringify(["Condition", "by-other", 1]);
    const at = Buffer.from(JSON.stringify(["value", 7, keyId, "gost", "resource", "content", row]));
    expect(JSON.parse(Buffer.from(other.open(key, sealed.subarray(17), at)).toString())).toEqual(content);
    for (const id of ["by-aes", "by-other"])
      expect((await resources.get(db, placeOf(id)))?.content).toEqual(content);
    expect(Buffer.from(keyring.open("sessions", byAes)).toString()).toBe("Врачев");
    await open();
  });
});
