import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot, readProjectFile } from "./project-files.ts";

export interface Block {
  /** what stands behind the language: a file's path, `run`, or `prints` for what the block before it prints */
  readonly info: string;
  readonly text: string;
}

/** The blocks of a page that are to be run. */
export const blocksOf = (page: string): Block[] =>
  [...readProjectFile(page).matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm)].map(([, info = "", text = ""]) => ({
    info,
    text,
  }));

const copied = ["src", "scripts", "mappings", "fhir", "fixtures", "openapi", "package.json", "tsconfig.json"];

const ofInstall = /^(fhir-r4-types|pglite-seed|mappings)/;

/** A copy of the project as a reader has it after `npm ci`; the caller removes it. */
export function copyOfProject(): string {
  const folder = mkdtempSync(join(tmpdir(), "document-"));
  for (const name of copied) cpSync(join(projectRoot, name), join(folder, name), { recursive: true });
  symlinkSync(join(projectRoot, "node_modules"), join(folder, "node_modules"));
  mkdirSync(join(folder, "build"));
  const prepared = readdirSync(join(projectRoot, "build")).filter((name) => ofInstall.test(name));
  for (const name of prepared)
    cpSync(join(projectRoot, "build", name), join(folder, "build", name), { recursive: true });
  return folder;
}

/**
 * Runs a page's blocks in order and in one shell, as a reader would; servers that it leaves behind are ended. Gives
 * what each block printed, "" for a file; throws with the output of the block that failed.
 */
export async function runDocument(
  blocks: readonly Block[],
  { folder, environment = process.env }: { folder: string; environment?: NodeJS.ProcessEnv },
): Promise<string[]> {
  const kept = mkdtempSync(join(tmpdir(), "blocks-"));
  const output = (n: number) => join(kept, `${n}.out`);
  const steps = blocks.map(({ info, text }, n) => {
    if (info === "prints") return "";
    if (info === "run") return `{\n${text}} > ${output(n)} 2>&1`;
    writeFileSync(join(kept, `${n}.file`), text);
    return `mkdir -p "$(dirname '${info}')"; cp ${kept}/${n}.file '${info}'`;
  });
  const shell = spawn("bash", ["-euo", "pipefail", "-c", steps.join("\n")], {
    cwd: folder,
    env: environment,
    // of its own group, to be ended with all that it started
    detached: true,
    stdio: "ignore",
  });
  const [status] = await once(shell, "exit");
  endGroup(shell.pid);
  const printed = blocks.map((_, n) =>
    existsSync(output(n)) ? readFileSync(output(n), "utf8").replaceAll("\r", "") : "",
  );
  rmSync(kept, { recursive: true, force: true });
  if (status !== 0) {
    const failed = printed.findLastIndex(Boolean);
    throw new Error(`status ${status} near:\n${blocks[failed]?.text}\nwhich printed:\n${printed[failed]}`);
  }
  return printed;
}

function endGroup(id: number | undefined): void {
  try {
    if (id !== undefined) process.kill(-id, "SIGTERM");
  } catch {
    // nothing of it runs any more
  }
}

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

/** What a page says that a block prints, as a pattern: `…` stands for the rest of a line, alone for any lines. */
export function patternOf(shown: string): RegExp {
  const lines = shown.trimEnd().split("\n");
  const parts = lines.map((line) =>
    line.trim() === "…" ? "(?:.*\\n)*?" : `${line.split("…").map(literal).join(".*")}\\n`,
  );
  return new RegExp(`^${parts.join("")}$`);
}
