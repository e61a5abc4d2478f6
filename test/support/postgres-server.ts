import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { ChildServer, freePort } from "./child-server.ts";

const run = promisify(execFile);
const debianBinaries = "/usr/lib/postgresql/15/bin";

export interface TestPostgres {
  url: string;
  server: ChildServer;
  /** stops the server and removes its folder */
  remove(): Promise<void>;
}

/** A program of PostgreSQL, also where Debian keeps it off the path. */
export function postgresBinary(name: string): string {
  return existsSync(debianBinaries) ? join(debianBinaries, name) : name;
}

/** A PostgreSQL cluster of its own in a temporary folder, with fsync on. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), "gateway-postgres-"));
  const owner = await postgresOwner();
  if (owner) await chown(folder, owner.uid, owner.gid);
  const options = { ...owner, cwd: folder, env: { ...process.env, LC_ALL: "C.UTF-8" } };
  const dataFolder = join(folder, "data");
  await run(
    postgresBinary("initdb"),
    ["-D", dataFolder, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
    options,
  );

  const port = await freePort();
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  const settings = { listen_addresses: "127.0.0.1", unix_socket_directories: folder, max_connections: "200" };
  const server = new ChildServer({
    command: postgresBinary("postgres"),
    args: [
      "-D",
      dataFolder,
      "-p",
      String(port),
      ...Object.entries(settings).flatMap(([k, v]) => ["-c", `${k}=${v}`]),
    ],
    options,
    probe: () => ping(url),
    // "fast shutdown": open sessions are ended
    stopSignal: "SIGINT",
  });
  const remove = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  await server.start();
  return { url, server, remove };
}

/** PostgreSQL refuses to run as root: then the OS user of its package runs it. */
async function postgresOwner(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = await Promise.all(["-u", "-g"].map((flag) => run("id", [flag, "postgres"])));
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
}

async function ping(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on("error", () => undefined);
  await client.connect();
  await client.end();
}
