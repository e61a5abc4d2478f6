import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

export interface ServerCommand {
  command: string;
  args: readonly string[];
  options?: SpawnOptions;
  /** rejects until the server answers */
  probe(): Promise<unknown>;
  /** the signal that asks for an orderly end */
  stopSignal?: NodeJS.Signals;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A server process of a test; it never outlives the test run. */
export class ChildServer {
  readonly #spec: ServerCommand;
  #child: ChildProcess | undefined;
  #output = "";

  constructor(spec: ServerCommand) {
    this.#spec = spec;
  }

  /** Resolves when the server answers its probe; throws with its output when it ends or stays silent for 90 s. */
  async start(): Promise<void> {
    const { command, args, options, probe } = this.#spec;
    const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    this.#output = "";
    let failure: Error | undefined;
    child.on("error", (error) => {
      failure = error;
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk) => {
        this.#output = (this.#output + chunk).slice(-65_536);
      });
    }
    const giveUpAt = Date.now() + 90_000;
    while (!failure && child.exitCode === null && child.signalCode === null && Date.now() < giveUpAt) {
      if (await answers(probe)) return;
      await pause(25);
    }
    await this.kill();
    throw new Error(`${command} did not start: ${failure?.message ?? this.#output}`, { cause: failure });
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** What it printed last. */
  get output(): string {
    return this.#output;
  }

  /** An orderly stop. */
  async stop(): Promise<void> {
    await this.#end(this.#spec.stopSignal ?? "SIGTERM");
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }
}

async function answers(probe: () => Promise<unknown>): Promise<boolean> {
  try {
    await probe();
    return true;
  } catch {
    return false;
  }
}

const handedOut = new Set<number>();
// workers choose among ports of their own: what is free now is still so when the server listens
const lane = Number(process.env["VITEST_POOL_ID"] ?? 0) % 4;

/**
 * A TCP port of 127.0.0.1 that is free now and given to nobody else, nor is the next one. It lies below the range from
 * which the kernel takes the ports of outgoing connections, or one of them might have it before the server does.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(1_250, 4_096) * 8 + lane * 2;
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
