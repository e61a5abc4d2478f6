import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { journalHeads } from "../../src/jobs/journal-heads.ts";
import { openKeyring } from "../../src/key-encryption.ts";
import { type OpenDatabase, openDatabase } from "../../src/store/database.ts";
import { Journal } from "../../src/store/journal.ts";
import { programArguments } from "../support/compiled.ts";
import { freshDatabase } from "../support/database.ts";
import { rowOf } from "./journal-rows.ts";

const script = (name: string) => fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url));
const masterKey = Buffer.alloc(32, 6).toString("base64");
const other = "1.2.643.5.1.13.13.12.2.50.1";
const toTheirData = { holder: other, address: "192.0.2.9", token: "jti" };
let folder: string;
let url: string;
let store: OpenDatabase;
let journal: Journal;
/** a whole export, and an earlier one with its head */
let whole: string;
let wholeFile: string;
let earlier: string;

interface Outcome {
  code: number;
  output: string;
}

function run(args: string[]): Promise<Outcome> {
  // vitest sets MODE to its own word
  const env = {
    ...process.env,
    MODE: "sandbox",
    DATABASE_URL: url,
    MASTER_KEY: masterKey,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, output: stdout + stderr });
    });
  });
}
const cli = (...args: string[]) => run([...programArguments("scripts/journal.ts"), ...args]);
const check = (file: string, ...args: string[]) => run([script("verify-journal-export.mjs"), file, ...args]);

type Check = (
  bytes: Readable,
  options?: { publicKey?: string; earlier?: object[] },
) => Promise<{ withheld: number }>;
const { checkExport } = (await import(script("verify-journal-export.mjs"))) as { checkExport: Check };
const checkBytes = (bytes: Uint8Array | string, options?: Parameters<Check>[1]) =>
  checkExport(Readable.from([Buffer.from(bytes)]), options);
const expectBroken = (bytes: Uint8Array | string, options?: Parameters<Check>[1]) =>
  expect(checkBytes(bytes, options)).rejects.toThrow();
const headOf = async (file: string) => JSON.parse(await readFile(`${file}.head.json`, "utf8"));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gateway-export-"));
  url = await freshDatabase();
  store = await openDatabase({ url, dataDir: "unused" });
  journal = new Journal({
    pool: store.pool,
    keyring: await openKeyring({ MASTER_KEY: masterKey, DATA_DIR: "" }, store.db),
  });
  await Promise.all([1, 2, 3].map((n) => journal.append(rowOf(n))));
  earlier = join(folder, "earlier.ndjson");
  await cli("export", "--out", earlier);
  await Promise.all(
    [4, 5].map((n) => journal.append(rowOf(n, n === 4 ? { tenant: other, role: "врач" } : toTheirData))),
  );
  await journal.append(rowOf(6));
  wholeFile = join(folder, "whole.ndjson");
  expect(await cli("export", "--out", wholeFile)).toEqual({
    code: 0,
    output: expect.stringMatching(/^6 rows/),
  });
  whole = await readFile(wholeFile, "utf8");
});

afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

describe("npm run journal", () => {
  it("verify says how much is sealed, also against the exported head", async () => {
    const expected = {
      code: 0,
      output: expect.stringMatching(/^ok: 6 sealed rows, 0 of them listed, 0 not sealed yet/),
    };
    expect(await cli("verify")).toMatchObject(expected);
    expect(await cli("verify", "--head", `${wholeFile}.head.json`)).toMatchObject(expected);
  });

  it("explains itself when used wrongly", async () => {
    expect(await cli("unknown")).toMatchObject({ code: 2, output: expect.stringMatching(/^usage/) });
    expect(await run([script("verify-journal-export.mjs")])).toMatchObject({ code: 2 });
  });

  it("export without --out writes to the standard output and agrees with the file", async () => {
    const { output } = await cli("export");
    expect(output).toBe(whole);
  });
});

describe("an exported journal, checked without the project", () => {
  it("is whole", async () => {
    const expected = { code: 0, output: expect.stringMatching(/^ok: 6 rows, 0 of them withheld/) };
    const heads = join(folder, "heads.ndjson");
    const published = await Promise.all([earlier, wholeFile].map(headOf));
    await writeFile(heads, published.map((head) => `${JSON.stringify(head)}\n`).join(""));
    expect(await check(wholeFile, "--head", heads)).toMatchObject(expected);
    await writeFile(heads, JSON.stringify(published[0], null, 2));
    expect(await check(wholeFile, "--head", heads)).toMatchObject(expected);
    const { publicKey } = await headOf(wholeFile);
    expect(await check(wholeFile, "--public-key", publicKey)).toMatchObject(expected);
  });

  it("needs the one file, under whatever name, and nothing of the project", async () => {
    const alone = await mkdtemp(join(tmpdir(), "auditor-"));
    const [copy, link, changed] = ["verify.mjs", "link.mjs", "changed.ndjson"].map((name) =>
      join(alone, name),
    );
    await copyFile(script("verify-journal-export.mjs"), copy as string);
    await symlink(copy as string, link as string);
    await writeFile(changed as string, whole.replace('"action":"read"', '"action":"rEad"'));
    const node = (name = "", file = "") =>
      new Promise<Outcome>((resolve) => {
        const options = { cwd: alone, env: {} };
        execFile(process.execPath, [name, file], options, (error, stdout, stderr) =>
          resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
        );
      });
    for (const name of [copy, link]) {
      expect(await node(name, wholeFile)).toMatchObject({
        code: 0,
        output: expect.stringMatching(/^ok: 6 rows/),
      });
      expect(await node(name, changed)).toMatchObject({
        code: 1,
        output: expect.stringMatching(/^broken: /),
      });
    }
    await rm(alone, { recursive: true });
  });

  it("shows any removed, doubled or reordered line", async () => {
    const lines = whole.trimEnd().split("\n");
    expect(lines).toHaveLength(8);
    const changed = lines.flatMap((line, at) => [
      lines.toSpliced(at, 1),
      lines.toSpliced(at, 0, line),
      ...(at > 0 ? [lines.toSpliced(at - 1, 2, line, lines[at - 1]!)] : []),
    ]);
    await Promise.all(changed.map((variant) => expectBroken(`${variant.join("\n")}\n`)));
  });

  it("shows a change of any byte", async () => {
    const bytes = Buffer.from(whole);
    for (let place = 0; place < bytes.length; place++) {
      const changed = Buffer.from(bytes);
      // a bit that stays ASCII and one that does not
      for (const bit of [1 << (place % 7), 0x80]) {
        changed[place] = bytes[place]! ^ bit;
        await expectBroken(changed);
      }
      await expectBroken(bytes.subarray(0, place));
    }
  });

  it("shows a row whose numbers and hashes were made to fit", async () => {
    const lines = whole.trimEnd().split("\n");
    const row = JSON.parse(lines[2]!);
    await expectBroken(`${lines.toSpliced(2, 1, JSON.stringify({ ...row, note: "added" })).join("\n")}\n`);
    const withoutLast = lines.toSpliced(6, 1);
    const head = JSON.parse(lines[7]!);
    head.head.rows = 5;
    head.head.position = 2;
    await expectBroken(`${withoutLast.toSpliced(6, 1, JSON.stringify(head)).join("\n")}\n`);
  });

  it("shows a cut tail against a head exported later, and another journal against an earlier one", async () => {
    expect(await check(earlier)).toMatchObject({ code: 0 });
    const cut = { code: 1, output: expect.stringMatching(/^broken: the tail was cut/) };
    expect(await check(earlier, "--head", `${wholeFile}.head.json`)).toMatchObject(cut);
    const foreignKey = Buffer.alloc(44, 1).toString("base64");
    await expectBroken(whole, { publicKey: foreignKey });
    const foreignHead = { ...(await headOf(earlier)), chain: "x".repeat(43) };
    await expectBroken(whole, { earlier: [await headOf(wholeFile), foreignHead] });
  });

  it("a head appended to the file of heads shows a cut tail", async () => {
    const file = join(folder, "hourly.ndjson");
    const job = journalHeads({
      db: store.db,
      keyring: await openKeyring({ MASTER_KEY: masterKey, DATA_DIR: "" }, store.db),
      file,
    });
    for (let run = 0; run < 2; run++) await job.run(new AbortController().signal);
    expect((await readFile(file, "utf8")).split("\n")).toHaveLength(3);
    expect(await check(wholeFile, "--head", file)).toMatchObject({ code: 0 });
    expect(await cli("verify", "--head", file)).toMatchObject({ code: 0 });
    const cut = { code: 1, output: expect.stringMatching(/^broken: the tail was cut/) };
    expect(await check(earlier, "--head", file)).toMatchObject(cut);
  });

  it("of one tenant holds no row of another and can still be checked", async () => {
    const file = join(folder, "tenant.ndjson");
    await cli("export", "--tenant", other, "--out", file);
    const text = await readFile(file, "utf8");
    expect(text).toContain('"requestId":"request-4"');
    for (const n of [1, 2, 3, 5, 6]) expect(text).not.toContain(`request-${n}"`);
    expect(await check(file)).toMatchObject({ code: 0, output: expect.stringMatching(/5 of them withheld/) });
    const leaf = /"leaf":"(.{43})"/.exec(text)?.[1] ?? "";
    await expectBroken(text.replace(leaf, [...leaf].reverse().join("")));
    await expectBroken(text.replace(`"tenant":"${other}"`, '"tenant":null'));
  });
});
