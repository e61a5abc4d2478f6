import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { takeDataFolder } from "./data-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "gateway-lock-"));
const lock = join(folder, "lock");
afterAll(() => rmSync(folder, { recursive: true }));

describe("data folder", () => {
  it("has one owner at a time, and the refusal says who has it and what to do", () => {
    const release = takeDataFolder(folder);
    expect(() => takeDataFolder(folder)).toThrow(
      new RegExp(`process ${process.pid}.*DATA_DIR.*DATABASE_URL`),
    );
    release();
    expect(existsSync(lock)).toBe(false);
    takeDataFolder(folder)();
  });

  it("is refused while another process lives and taken over after its kill -9", async () => {
    const owner = spawn(process.execPath, ["-e", "process.stdout.write('up'); setInterval(() => {}, 1000)"]);
    await once(owner.stdout, "data");
    const stat = readFileSync(`/proc/${owner.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    writeFileSync(lock, `${owner.pid} ${stat[19]}`);
    expect(() => takeDataFolder(folder)).toThrow(`process ${owner.pid}`);
    owner.kill("SIGKILL");
    await once(owner, "exit");
    takeDataFolder(folder)();
  });

  it("is taken over when a later process has the owner's pid, as in a restarted container", () => {
    writeFileSync(lock, `${process.pid} 1`);
    takeDataFolder(folder)();
  });
});
