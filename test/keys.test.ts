import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../src/core/clock.ts";
import { folderKeys } from "../src/crypto/key-providers.ts";
import { DataKeys } from "../src/store/data-keys.ts";
import { type OpenDatabase, openDatabase } from "../src/store/database.ts";
import { ResourceStore } from "../src/store/resources.ts";
import { programArguments } from "./support/compiled.ts";
import { freshDatabase } from "./support/database.ts";
import { projectRoot } from "./support/project-files.ts";

describe("npm run keys", () => {
  let folder = "";
  let url = "";
  let store: OpenDatabase;
  const person = ["--tenant", "t", "--subject", "anna"];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "keys-cli-"));
    url = await freshDatabase();
    store = await openDatabase({ url, dataDir: "" });
  });
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const makeCurrent = async (id: string) => {
    await writeFile(join(folder, `${id}.key`), randomBytes(32).toString("base64"));
    await writeFile(join(folder, "current"), id);
  };
  const keys = (...args: string[]) =>
    new Promise<{ code: number; out: string; err: string }>((resolve) => {
      const { PATH, HOME } = process.env;
      const settings = { DATABASE_URL: url, DATA_DIR: folder, KEY_PROVIDER: "folder", KEY_FOLDER: folder };
      const options = { cwd: projectRoot, env: { PATH, HOME, ...settings } };
      execFile(
        process.execPath,
        [...programArguments("scripts/keys.ts"), ...args],
        options,
        (error, out, err) => resolve({ code: error ? Number(error.code) : 0, out, err }),
      );
    });

  it("tells, rotates, holds and shreds, each change on record", async () => {
    await makeCurrent("2026-1");
    const dataKeys = new DataKeys({ keys: folderKeys(folder), clock: systemClock });
    const resources = new ResourceStore({ dataKeys, clock: systemClock });
    const key = { tenant: "t", type: "Observation", id: "o", subject: "anna" };
    await store.db.transaction().execute((trx) => resources.put(trx, { ...key, content: { n: 1 } }));
    await makeCurrent("2026-2");
    expect(await keys("status")).toMatchObject({
      code: 0,
      out: "current key-encryption key: 2026-2\nunder 2026-1: 1\n",
    });
    expect((await keys("rotate")).out).toMatch(/^1 data keys wrapped anew, 0 /);
    expect((await resources.get(store.db, key))?.content).toEqual({ n: 1 });

    expect((await keys("hold", ...person, "--until", "2999-01-01", "--reason", "court")).code).toBe(0);
    const refused = await keys("shred", ...person);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("held until 2999-01-01: court") });
    expect((await keys("lift", ...person, "--reason", "court")).code).toBe(0);
    expect((await keys("shred", ...person)).code).toBe(0);
    await expect(resources.get(store.db, key)).rejects.toMatchObject({ code: "gone" });
    expect((await keys("status")).out).toContain("shredded: 1");

    const { rows } = await store.pool.query<{ row: string }>("select row from journal");
    const told = rows.map(({ row }) => JSON.parse(row)).map(({ action, outcome }) => `${action} ${outcome}`);
    expect(told).toEqual([
      "rotate data keys ok",
      "place retention hold ok",
      "begin shredding ok",
      "shred data key retention-held",
      "lift retention hold ok",
      "begin shredding ok",
      "shred data key ok",
    ]);
  }, 180_000);

  it("wants a person for what is about a person", async () => {
    expect(await keys("shred", "--tenant", "t")).toMatchObject({
      code: 2,
      err: expect.stringContaining("usage"),
    });
  });
});
