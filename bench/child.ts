import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** A process of a bench that speaks over IPC; `ready` is its first word. */
export class Child {
  readonly #process: ChildProcess;
  /** rejects when the process ends, with the last it said */
  readonly #ended: Promise<never>;
  #output = "";

  private constructor(child: ChildProcess, name: string) {
    this.#process = child;
    this.#ended = once(child, "exit").then(() => {
      throw new Error(`${name} ended: ${this.#output}`);
    });
    // stopped when nobody asks it anything
    this.#ended.catch(() => {});
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk) => {
        this.#output = (this.#output + chunk).slice(-4_000);
      });
  }

  static async start(script: string, env: Record<string, string> = {}): Promise<Child> {
    const process_ = fork(new URL(script, import.meta.url), {
      env: { ...process.env, ...env },
      execArgv: ["--import", "tsx"],
      silent: true,
    });
    const child = new Child(process_, script);
    await child.#message();
    return child;
  }

  async ask<T>(question: object): Promise<T> {
    this.#process.send(question);
    return (await this.#message()) as T;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    this.#process.kill("SIGTERM");
    await once(this.#process, "exit");
  }

  async #message(): Promise<unknown> {
    const [message] = await Promise.race([once(this.#process, "message"), this.#ended]);
    return message;
  }
}
