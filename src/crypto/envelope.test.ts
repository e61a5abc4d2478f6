import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createDataKey,
  type KeyProvider,
  openValue,
  rewrapDataKey,
  sealedDataKeyId,
  sealValue,
  unwrapDataKey,
  wrappingKeyIdOf,
} from "./envelope.ts";
import { CryptoError } from "./errors.ts";

function keyProvider(): KeyProvider & { rotate(id: string): void; destroy(id: string): void } {
  const keys = new Map<string, Uint8Array>([["2026-1", new Uint8Array(32).fill(1)]]);
  let currentId = "2026-1";
  return {
    current: async () => ({ id: currentId, key: keys.get(currentId)! }),
    byId: async (id) => keys.get(id),
    rotate: (id) => {
      keys.set(id, new Uint8Array(32).fill(keys.size + 1));
      currentId = id;
    },
    destroy: (id) => keys.delete(id),
  };
}

const owner = { tenant: "1.2.643.5.1.13.13.12.2.77.1", subject: "patient-1" };
const place = { tenant: owner.tenant, table: "resource", column: "content", row: "patient-1" };
const code = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return error instanceof CryptoError ? error.code : error;
  }
  return "opened";
};

describe("envelope encryption", () => {
  it("opens what it sealed, only at its place", async () => {
    const { dataKey } = await createDataKey(keyProvider(), owner);
    const part = fc.string({ maxLength: 6 });
    const places = fc.record({ tenant: part, table: part, column: part, row: part });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), places, places, (plain, here, there) => {
        const sealed = sealValue(dataKey, plain, here);
        expect(Buffer.from(openValue(dataKey, sealed, here)).equals(plain)).toBe(true);
        const same = JSON.stringify(here) === JSON.stringify(there);
        expect(code(() => openValue(dataKey, sealed, there))).toBe(same ? "opened" : "wrong-context");
      }),
    );
  });

  it.each(["tenant", "table", "column", "row"] as const)(
    "refuses a ciphertext moved to another %s",
    async (field) => {
      const { dataKey } = await createDataKey(keyProvider(), owner);
      const sealed = sealValue(dataKey, Buffer.from("диагноз"), place);
      expect(code(() => openValue(dataKey, sealed, { ...place, [field]: "other" }))).toBe("wrong-context");
    },
  );

  it("refuses any changed byte and any cut", async () => {
    const { dataKey } = await createDataKey(keyProvider(), owner);
    const sealed = sealValue(dataKey, Buffer.from("диагноз"), place);
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Uint8Array.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(code(() => openValue(dataKey, changed, place))).not.toBe("opened");
      expect(code(() => openValue(dataKey, sealed.subarray(0, at), place))).not.toBe("opened");
    }
  });

  it("stored data is ciphertext and a rotated wrapping key opens it still", async () => {
    const keys = keyProvider();
    const { dataKey, wrapped } = await createDataKey(keys, owner);
    const sealed = sealValue(dataKey, Buffer.from("диагноз"), place);
    expect(Buffer.from(sealed).includes(Buffer.from("диагноз"))).toBe(false);
    keys.rotate("2026-2");
    const rewrapped = await rewrapDataKey(keys, wrapped, owner);
    expect([wrappingKeyIdOf(wrapped), wrappingKeyIdOf(rewrapped)]).toEqual(["2026-1", "2026-2"]);
    keys.destroy("2026-1");
    const again = await unwrapDataKey(keys, rewrapped, owner);
    expect(again.id).toBe(sealedDataKeyId(sealed));
    expect(Buffer.from(openValue(again, sealed, place)).toString()).toBe("диагноз");
    await expect(unwrapDataKey(keys, wrapped, owner)).rejects.toMatchObject({ code: "unknown-key" });
  });

  it("gives a wrapped key to its owner only", async () => {
    const keys = keyProvider();
    const { wrapped } = await createDataKey(keys, owner);
    for (const other of [
      { ...owner, tenant: "other" },
      { ...owner, subject: "patient-2" },
    ]) {
      await expect(unwrapDataKey(keys, wrapped, other)).rejects.toMatchObject({ code: "wrong-context" });
    }
    for (let at = 0; at < wrapped.length; at += 1) {
      const changed = Uint8Array.from(wrapped);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(unwrapDataKey(keys, changed, owner)).rejects.toBeInstanceOf(CryptoError);
    }
  });

  it("keeps one subject's key from another's values", async () => {
    const keys = keyProvider();
    const first = await createDataKey(keys, owner);
    const second = await createDataKey(keys, { ...owner, subject: "patient-2" });
    const sealed = sealValue(first.dataKey, Buffer.from("x"), place);
    expect(code(() => openValue(second.dataKey, sealed, place))).toBe("unknown-key");
    expect(code(() => openValue({ ...second.dataKey, id: first.dataKey.id }, sealed, place))).toBe(
      "wrong-context",
    );
  });

  it("refuses keys of a wrong size", async () => {
    const short: KeyProvider = {
      current: async () => ({ id: "a", key: new Uint8Array(16) }),
      byId: async () => undefined,
    };
    await expect(createDataKey(short, owner)).rejects.toMatchObject({ code: "bad-key" });
  });
});
