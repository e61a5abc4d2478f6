import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openDatabase } from "../../src/store/database.ts";

it("the embedded database keeps its rows over a restart and refuses a second process", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "gateway-data-"));
  try {
    const first = await openDatabase({ dataDir });
    await first.db.insertInto("job_lease").values({ job: "kept", holder: "a", expires_at: 1 }).execute();
    await expect(openDatabase({ dataDir })).rejects.toThrow(/in use by process/);
    await first.close();
    await expect(first.ping()).rejects.toMatchObject({ code: "store-unavailable" });

    const second = await openDatabase({ dataDir });
    expect(await second.db.selectFrom("job_lease").select("job").execute()).toEqual([{ job: "kept" }]);
    await second.close();
  } finally {
    await rm(dataDir, { recursive: true });
  }
});

it("a data folder that holds something else is a coded error, and the folder is free again", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "gateway-data-"));
  try {
    await mkdir(join(dataDir, "pg"));
    await writeFile(join(dataDir, "pg", "PG_VERSION"), "9.1\n");
    const refused = { code: "store-unavailable", message: expect.stringContaining("does not open") };
    await expect(openDatabase({ dataDir })).rejects.toMatchObject(refused);
    await expect(openDatabase({ dataDir })).rejects.toMatchObject(refused);
  } finally {
    await rm(dataDir, { recursive: true });
  }
});
