import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { PGliteOptions } from "@electric-sql/pglite";
import { GatewayError } from "../core/errors.ts";
import { schemaDigest } from "./migrations.ts";

/** PGlite in its worker thread, seen as a PostgreSQL server with room for one connection. */
export class EmbeddedServer {
  readonly #worker: Worker;
  #socket: EmbeddedSocket | undefined;
  #stopped: Error | undefined;

  private constructor(folder: string, engine: Engine) {
    this.#worker = startWorker(folder, engine);
    this.#worker.on("message", (answer: Uint8Array) => this.#socket?.push(answer));
    this.#worker.on("error", (error) => this.#stop(error));
    this.#worker.on("exit", () => this.#stop());
  }

  /** Opens the database in `folder`, or in memory for `memory://`; throws `store-unavailable` when it can't be opened. */
  static async open(folder: string): Promise<EmbeddedServer> {
    engine ??= compileEngine();
    const server = new EmbeddedServer(folder, await engine);
    const ready = once(server.#worker, "message");
    const ended = once(server.#worker, "exit").then(() => {
      throw server.#stopped;
    });
    try {
      await Promise.race([ready, ended]);
    } catch (cause) {
      const detail = `the embedded database in ${folder} does not open`;
      throw new GatewayError("store-unavailable", { detail, cause });
    }
    // the end of a database that did open is told to its socket
    ended.catch(() => {});
    return server;
  }

  /** A new session; the pool holds at most one. */
  connect(): EmbeddedSocket {
    const stopped = this.#stopped;
    const socket = new EmbeddedSocket((batch) => {
      if (this.#stopped) socket.destroy(this.#stopped);
      else if (batch === null) this.#worker.postMessage(null);
      else this.#worker.postMessage(batch, [batch.buffer as ArrayBuffer]);
    });
    this.#socket = socket;
    if (stopped) queueMicrotask(() => socket.destroy(stopped));
    return socket;
  }

  async close(): Promise<void> {
    if (this.#stopped) return;
    const exit = once(this.#worker, "exit");
    this.#worker.postMessage("close");
    await exit;
  }

  #stop(cause?: Error): void {
    this.#stopped ??= new Error("the embedded database has stopped", { cause });
    this.#socket?.destroy(this.#stopped);
  }
}

/**
 * An empty database of the newest schema as `scripts/prepare.ts` left it after the install: opening a copy is quicker
 * than making one. The seed of another schema bears another name.
 */
export const seedFile = new URL(`../../build/pglite-seed-${schemaDigest}.tar`, import.meta.url);

function seedFor(folder: string): string | undefined {
  const fresh = folder === "memory://" || !existsSync(join(folder, "PG_VERSION"));
  return fresh && existsSync(seedFile) ? fileURLToPath(seedFile) : undefined;
}

type Engine = NonNullable<PGliteOptions["pgliteWasmModule"]>;

// Node's types don't have it
declare const WebAssembly: { compile(code: Uint8Array): Promise<Engine> };

/** PGlite's code, which all databases of this process share. */
let engine: Promise<Engine> | undefined;

async function compileEngine(): Promise<Engine> {
  return WebAssembly.compile(
    await readFile(new URL(import.meta.resolve("@electric-sql/pglite/pglite.wasm"))),
  );
}

function startWorker(folder: string, engine: Engine): Worker {
  const here = import.meta.url;
  const options = { workerData: { folder, seed: seedFor(folder), engine }, name: "store", execArgv: [] };
  if (!here.endsWith(".ts")) return new Worker(new URL("./pglite-worker.js", here), options);
  // a thread does not inherit tsx, and on Node 20 `--import tsx` does nothing in one: load it first
  const tsx = import.meta.resolve("tsx/esm/api");
  const source = new URL("./pglite-worker.ts", here).href;
  const bootstrap = `import("${tsx}").then((tsx) => { tsx.register(); return import("${source}"); })`;
  return new Worker(bootstrap, { ...options, eval: true });
}

/** What `pg` takes for a TCP socket: writes of one turn go to the worker as one message. */
class EmbeddedSocket extends Duplex {
  readonly #send: (batch: Uint8Array | null) => void;

  constructor(send: (batch: Uint8Array | null) => void) {
    super();
    this.#send = send;
  }

  connect(): this {
    this.#send(null);
    queueMicrotask(() => this.emit("connect"));
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#send(Uint8Array.from(chunk));
    done();
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    const batch = new Uint8Array(chunks.reduce((sum, { chunk }) => sum + chunk.length, 0));
    let offset = 0;
    for (const { chunk } of chunks) {
      batch.set(chunk, offset);
      offset += chunk.length;
    }
    this.#send(batch);
    done();
  }

  override _final(done: () => void): void {
    this.push(null);
    done();
  }
}
