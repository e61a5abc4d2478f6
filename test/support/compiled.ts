import { cp, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { build } from "esbuild";
import { projectFiles, projectRoot } from "./project-files.ts";

const folders = ["src", "scripts", "test"];

/**
 * The project as JavaScript in a folder of its own, for the processes that tests start: from it a gateway costs half the
 * CPU of one through tsx. Each run makes its own; whatever isn't code is the project's.
 */
export async function compileProject(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "gateway-compiled-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await Promise.all([
      compile(folder),
      ...folders.map((name) => copyAssets(name, folder)),
      linkRest(folder),
    ]);
  } catch (error) {
    await remove();
    throw error;
  }
  return { folder, remove };
}

/** What follows `node` to run the program of this path, absolute or from the root; outside a test run through tsx. */
export function programArguments(path: string): string[] {
  const folder = process.env.TEST_COMPILED;
  const source = resolve(projectRoot, path);
  if (!folder) return ["--import", "tsx", source];
  const program = relative(projectRoot, source).replace(/\.ts$/, ".js");
  return ["--enable-source-maps", join(folder, program)];
}

/** Module by module, so that each finds its files where they are beside its source. */
async function compile(outdir: string): Promise<void> {
  const files = folders.flatMap((folder) => projectFiles(folder)).filter((path) => path.endsWith(".ts"));
  await build({
    absWorkingDir: projectRoot,
    entryPoints: files.filter((path) => !path.endsWith(".test.ts")),
    ...{ outdir, outbase: ".", format: "esm", platform: "node", target: "es2023", sourcemap: "inline" },
    bundle: true,
    plugins: [
      {
        name: "imports stay, to JavaScript",
        setup: ({ onResolve }) =>
          onResolve({ filter: /.*/ }, ({ kind, path }) =>
            kind === "entry-point" ? undefined : { path: path.replace(/\.ts$/, ".js"), external: true },
          ),
      },
    ],
    logLevel: "error",
  });
}

const copyAssets = (name: string, folder: string): Promise<void> =>
  cp(join(projectRoot, name), join(folder, name), {
    recursive: true,
    filter: (path) => !path.endsWith(".ts"),
  });

async function linkRest(folder: string): Promise<void> {
  for (const name of await readdir(projectRoot))
    if (!folders.includes(name)) await symlink(join(projectRoot, name), join(folder, name));
}
