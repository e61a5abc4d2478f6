import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const projectRoot = fileURLToPath(new URL("../../", import.meta.url));

const notOurs = new Set(["node_modules", "build", "dist", "coverage", ".git", ".data"]);

/** Paths of the project's own files, relative to its root. */
export function projectFiles(folder = ""): string[] {
  return readdirSync(join(projectRoot, folder), { withFileTypes: true }).flatMap((entry) => {
    if (notOurs.has(entry.name)) return [];
    const path = folder ? `${folder}/${entry.name}` : entry.name;
    return entry.isDirectory() ? projectFiles(path) : [path];
  });
}

/** The text of one of them. */
export function readProjectFile(path: string): string {
  return readFileSync(join(projectRoot, path), "utf8");
}
