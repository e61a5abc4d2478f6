import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../src/core/clock.ts";
import { folderKeys } from "../src/crypto/key-providers.ts";
import { openKeyring } from "../src/key-encryption.ts";
import { DataKeys } from "../src/store/data-keys.ts";
import { type OpenDatabase, openDatabase } from "../src/store/database.ts";
import { Journal } from "../src/store/journal.ts";
import { sealJournal } from "../src/store/journal-seal.ts";
import { ResourceStore } from "../src/store/resources.ts";
import { programArguments } from "./support/compiled.ts";
import { emptyDatabase, freshDatabase } from "./support/database.ts";
import { projectRoot } from "./support/project-files.ts";

const masterKey = randomBytes(32).toString("base64");
let folder = "";
let url = "";
let store: OpenDatabase;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "restore-"));
  await writeFile(join(folder, "2026-1.key"), randomBytes(32).toString("base64"));
  await writeFile(join(folder, "current"), "2026-1");
  url = await freshDatabase();
  store = await openDatabase({ url, dataDir: "" });
  const keyring = await openKeyring({ MASTER_KEY: masterKey, DATA_DIR: "" }, store.db);
  const dataKeys = new DataKeys({ keys: folderKeys(folder), clock: systemClock });
  const resources = new ResourceStore({ dataKeys, clock: systemClock });
  await store.db.transaction().execute(async (trx) => {
    for (const type of ["VerificationResult", "DocumentReference", "Binary"])
      await resources.put(trx, {
        tenant: "t",
        type,
        id: "run",
        subject: "anna",
        content: { resourceType: type },
      });
  });
  const journal = new Journal({ pool: store.pool, keyring });
  const row = { at: 1, tenant: "t", requestId: "r", actorKind: "client", actorId: "mis", action: "read" };
  for (let n = 0; n < 3; n++) await journal.append({ ...row, outcome: "ok" });
  await sealJournal({ db: store.db, keyring, clock: systemClock });
  await journal.close();
});
afterAll(async () => {
  await store?.close();
  await rm(folder, { recursive: true });
});

async function drill(): Promise<{ code: number; out: string; err: string }> {
  const into = await emptyDatabase();
  const { PATH, HOME } = process.env;
  const settings = { DATABASE_URL: url, MASTER_KEY: masterKey, KEY_PROVIDER: "folder", KEY_FOLDER: folder };
  const options = { cwd: projectRoot, env: { PATH, HOME, ...settings } };
  const args = [...programArguments("scripts/restore-drill.ts"), "--into", into];
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

it("Z-19, D-14 a backup of documents and their verification is restored and read whole; what does not open fails the drill", async () => {
  expect(await drill()).toEqual({
    code: 0,
    out: "journal: 3 rows verified\nresources: 3 versions open, 0 shredded\nthe backup can be restored\n",
    err: "",
  });
  const { content } = await store.db
    .selectFrom("resource_history")
    .select("content")
    .where("type", "=", "Binary")
    .executeTakeFirstOrThrow();
  const broken = Buffer.from(content ?? []);
  broken[broken.length - 1]! ^= 1;
  await store.db
    .updateTable("resource_history")
    .set({ content: broken })
    .where("type", "=", "Binary")
    .execute();
  const failed = await drill();
  expect([failed.code, failed.err]).toEqual([1, "Binary/run/_history/1 does not open\n"]);
});
