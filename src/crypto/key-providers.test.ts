import { mkdtemp, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { environmentKeys, folderKeys, masterKeyProvider } from "./key-providers.ts";
import { createKeyring } from "./keyring.ts";

const key = (fill: number) => Buffer.alloc(32, fill).toString("base64");

describe("keys of the environment", () => {
  it("wraps with the first and still opens with the others", async () => {
    const keys = environmentKeys(`2026-2:${key(2)}, 2026-1:${key(1)}`);
    expect(await keys.current()).toEqual({ id: "2026-2", key: Buffer.alloc(32, 2) });
    expect(await keys.byId("2026-1")).toEqual(Buffer.alloc(32, 1));
    expect(await keys.byId("2025-1")).toBeUndefined();
  });

  it.each([
    ["", /a key id/],
    ["no-key", /no-key is not 32 bytes/],
    [`a:${key(1)},a:${key(2)}`, /given twice/],
    ["a:c2hvcnQ=", /a is not 32 bytes/],
    [`../a:${key(1)}`, /a key id/],
    [`a:${key(1)}\n`.replace("A", "!"), /a is not 32 bytes/],
  ])("refuses %j", (text, message) => {
    expect(() => environmentKeys(text)).toThrow(message);
  });
});

describe("keys of a folder", () => {
  let folder = "";
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "keys-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("sees a new current key and a destroyed one without a restart", async () => {
    const keys = folderKeys(folder);
    await write("one.key", `${key(1)}\n`);
    await write("current", "one\n");
    expect((await keys.current()).id).toBe("one");
    await write("two.key", key(2));
    await write("current", "two");
    expect(await keys.current()).toEqual({ id: "two", key: Buffer.alloc(32, 2) });
    expect(await keys.byId("one")).toEqual(Buffer.alloc(32, 1));
    await unlink(join(folder, "one.key"));
    expect(await keys.byId("one")).toBeUndefined();
  });

  it("says what is wrong with the folder, never showing a key", async () => {
    const keys = folderKeys(folder);
    await write("current", "lost");
    await expect(keys.current()).rejects.toMatchObject({ code: "unknown-key" });
    await write("short.key", "c2hvcnQ=");
    await expect(keys.byId("short")).rejects.toThrow(/^the key short is not 32 bytes in base64$/);
    await expect(folderKeys(join(folder, "none")).current()).rejects.toMatchObject({ code: "unknown-key" });
  });

  it("leads nowhere but into the folder", async () => {
    await write("outside.key", key(3));
    for (const id of ["../outside", "sub/../outside", ".hidden", "", "a\0b", "x".repeat(65)])
      expect(await folderKeys(join(folder, "sub")).byId(id)).toBeUndefined();
  });
});

describe("the key of a trial installation", () => {
  it("comes from the master key and has one id", async () => {
    const keys = masterKeyProvider(createKeyring(Buffer.alloc(32, 7)));
    const { id, key: current } = await keys.current();
    expect(await keys.byId(id)).toEqual(current);
    expect(current).toHaveLength(32);
    expect(await keys.byId("other")).toBeUndefined();
  });
});
