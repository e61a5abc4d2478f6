import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** A process of a bench that speaks over IPC; `ready` is its first word. */
export class Child {
  readonly #process: ChildProcess;
  #output = "";

  private constructor(child: ChildProcess) {
    this.#process = child;
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
    const child = new Child(process_);
    const ended = once(process_, "exit").then(() => {
      throw new Error(`${script} ended: ${child.#output}`);
    });
    await Promise.race([once(process_, "message"), ended]);
    ended.catch(() => {});
    return child;
  }

  async ask<T>(question: object): Promise<T> {
    this.#process.send(question);
    const ended = once(this.#process, "exit").then(() => {
      throw new Error(`the process ended: ${this.#output}`);
    });
    ended.catch(() => {});
    const [answer] = await Promise.race([once(this.#process, "message"), ended]);
    return answer as T;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    this.#process.kill("SIGTERM");
    await once(this.#process, "exit");
  }
}
