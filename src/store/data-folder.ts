import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GatewayError } from "../core/errors.ts";

/**
 * Takes the data folder for this process and returns the release. A lock left by a killed process is taken
 * over; throws `store-unavailable` while its owner lives.
 */
export function takeDataFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = join(folder, "lock");
  const mine = ownerOf(process.pid);
  const draft = `${lock}.${process.pid}`;
  writeFileSync(draft, mine);
  try {
    while (!linked(draft, lock)) removeStale(folder, lock);
  } finally {
    rmSync(draft, { force: true });
  }
  return () => {
    if (read(lock) === mine) rmSync(lock, { force: true });
  };
}

/** "pid start-time": the start tells a living owner from a later process with the same pid (1 in a container). */
function ownerOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  // the name in brackets may hold spaces: field 22 of proc(5) is the 20th after it
  const start = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return `${pid} ${start ?? "unknown"}`;
}

function isAlive(owner: string): boolean {
  const pid = Number(owner.split(" ")[0]);
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  return ownerOf(pid) === owner;
}

function removeStale(folder: string, lock: string): void {
  const owner = read(lock);
  if (owner === undefined) return;
  if (isAlive(owner)) {
    throw new GatewayError("store-unavailable", {
      detail: `the data folder ${folder} is in use by process ${owner.split(" ")[0]}: stop it, choose another DATA_DIR, or set DATABASE_URL`,
    });
  }
  // two starters may both find the lock stale: only the one that moved that very lock away may go on
  const moved = `${lock}.stale.${process.pid}`;
  try {
    renameSync(lock, moved);
  } catch {
    return;
  }
  if (read(moved) !== owner) linked(moved, lock);
  rmSync(moved, { force: true });
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
