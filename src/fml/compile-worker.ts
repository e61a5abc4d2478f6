import { parentPort } from "node:worker_threads";
import { buildFile } from "./builder.ts";

/** What a thread of `BoundedCompiler` is asked for; all are hrefs. */
export interface CompileTask {
  readonly map: string;
  readonly output: string;
  readonly buildFolder: string;
}

/** The digest of the sources that were compiled, or every problem in words with its line and column. */
export type CompileOutcome = { readonly digest: string } | { readonly failure: string };

async function compile({ map, output, buildFolder }: CompileTask): Promise<CompileOutcome> {
  try {
    return { digest: await buildFile(new URL(map), new URL(output), new URL(buildFolder)) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on("message", async (task: CompileTask) => parentPort?.postMessage(await compile(task)));
parentPort?.postMessage("ready");
