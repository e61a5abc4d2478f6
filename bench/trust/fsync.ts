import { open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { microsOf } from "./spread.ts";

/** Microseconds of one 8 KiB write and fdatasync beside the database's folder. */
export async function fsyncMicros(): Promise<number> {
  const path = join(tmpdir(), `fsync-${process.pid}`);
  const file = await open(path, "w");
  const page = Buffer.alloc(8_192, 1);
  const micros = await microsOf(async () => {
    await file.write(page, 0, page.length, 0);
    await file.datasync();
  }, 100);
  await file.close();
  await rm(path);
  return micros;
}
