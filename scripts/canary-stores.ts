import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { sql } from "kysely";
import { openDatabase } from "../src/store/database.ts";
import { postgresBinary } from "../test/support/postgres-server.ts";

/** Every key of a Redis with its whole value as it was written: DUMP would give long values compressed. */
export async function redisContent(url: string): Promise<[key: string, value: Buffer][]> {
  const link = new Redis(url);
  try {
    const content: [string, Buffer][] = [];
    for (const key of await link.keys("*")) content.push([key, Buffer.concat(await storedAt(link, key))]);
    return content;
  } finally {
    link.disconnect();
  }
}

async function storedAt(link: Redis, key: string): Promise<Buffer[]> {
  const type = await link.type(key);
  if (type === "string") return [(await link.getBuffer(key)) ?? Buffer.alloc(0)];
  if (type === "hash") {
    const fields = await link.hgetallBuffer(key);
    return Object.entries(fields).flatMap(([field, value]) => [Buffer.from(field), value]);
  }
  if (type === "list") return link.lrangeBuffer(key, 0, -1);
  if (type === "set") return link.smembersBuffer(key);
  if (type === "zset") return link.zrangeBuffer(key, 0, -1);
  if (type === "stream") return (await link.xrangeBuffer(key, "-", "+")).flatMap(([, fields]) => fields);
  // gone meanwhile, or a kind that nobody uses here
  return [];
}

/** A dump of a PostgreSQL database as text, and the bytes of its binary columns, which it spells in hex. */
export async function dumpOf(url: string): Promise<Buffer[]> {
  const options = { maxBuffer: 1 << 30, encoding: "buffer" } as const;
  const { stdout } = await promisify(execFile)(postgresBinary("pg_dump"), ["--inserts", url], options);
  const columns = stdout.toString("latin1").matchAll(/\\x((?:[0-9a-f]{2})+)/g);
  return [stdout, ...Array.from(columns, ([, hex = ""]) => Buffer.from(hex, "hex"))];
}

/** Every table of an embedded database that nobody uses now, as text, compressed values opened. */
export async function tablesContent(dataDir: string): Promise<[table: string, rows: string][]> {
  const { db, close } = await openDatabase({ dataDir });
  try {
    const { rows } = await sql<{ name: string }>`
      select table_name as name from information_schema.tables where table_schema = 'public'`.execute(db);
    const content: [string, string][] = [];
    for (const { name } of rows) {
      const { rows: lines } = await sql<{ line: string }>`
        select t::text as line from ${sql.table(name)} as t`.execute(db);
      content.push([name, lines.map(({ line }) => line).join("\n")]);
    }
    return content;
  } finally {
    await close();
  }
}

/** Paths of all files below a folder. */
export async function filesOf(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
