import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectFiles, projectRoot, readProjectFile } from "./support/project-files.ts";

const files = projectFiles();
const texts = files.filter((path) =>
  /\.(ts|mjs|json|md|sh|ya?ml|fml|csv|html)$|^\.ci\/|Dockerfile/.test(path),
);
const source = files.filter((path) => /^src\/.*\.ts$/.test(path));
const product = source.filter((path) => !path.endsWith(".test.ts"));
const generated = new Set([
  "src/api/cabinet/types.ts",
  "src/fhir/element-table.ts",
  "src/fhir/search/parameter-table.ts",
]);

/** "path:line text" of each line that matches. */
function hits(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    readProjectFile(path)
      .split("\n")
      .flatMap((line, index) =>
        pattern.test(line) ? [`${path}:${index + 1} ${line.trim().slice(0, 120)}`] : [],
      ),
  );
}

describe("source files", () => {
  it("have at most 300 lines", () => {
    const lines = (path: string) => readProjectFile(path).split("\n").length - 1;
    expect(source.filter((path) => !generated.has(path) && lines(path) > 300)).toEqual([]);
  });

  it("hold no unfinished work", () => {
    expect(hits(texts, /\b(TO[D]O|FIX[M]E)\b/)).toEqual([]);
  });

  it("throw only coded errors in systems and flows", () => {
    const inside = product.filter((path) => /^src\/(systems|flows)\//.test(path));
    expect(hits(inside, /\bnew Error\(/)).toEqual([]);
  });

  it("import only from their own floor and the floors below", () => {
    const run = spawnSync(
      join(projectRoot, "node_modules/.bin/depcruise"),
      ["src", "--config", ".dependency-cruiser.mjs", "--output-type", "err"],
      { cwd: projectRoot, encoding: "utf8" },
    );
    expect(run.status, run.stdout + run.stderr).toBe(0);
  });
});

it("each system has README.md, client and sandbox", () => {
  const folders = new Set(files.flatMap((path) => /^src\/systems\/[^/]+(?=\/)/.exec(path)?.[0] ?? []));
  const lacking = [...folders].flatMap((folder) => {
    const has = (name: string) => existsSync(join(projectRoot, folder, name));
    const rooms = ["client", "sandbox"].filter((room) => !has(room) && !has(`${room}.ts`));
    return [...rooms, ...(has("README.md") ? [] : ["README.md"])].map((room) => `${folder}/${room}`);
  });
  expect(lacking).toEqual([]);
});

it("each mapped message has cases with what came in and what it becomes", () => {
  const messages = files.flatMap((path) => /^(mappings\/.+)\/to-fhir\.fml$/.exec(path)?.[1] ?? []);
  expect(messages.length).toBeGreaterThan(0);
  const cases = (message: string, file: string) =>
    files.filter(
      (path) => path.startsWith(`${message}/fixtures/`) && path.split("/").at(-1)?.startsWith(file),
    ).length;
  const uneven = messages.filter((message) => {
    const inputs = cases(message, "input.");
    return inputs === 0 || cases(message, "expected.json") !== inputs;
  });
  expect(uneven).toEqual([]);
});

describe("what is committed", () => {
  it("names no folder of one machine and no package registry", () => {
    const paths = texts.filter((path) => path !== "package-lock.json");
    expect(hits(paths, /(^|[\s"'`(=:])\/(work|root|home|Users)\/\w/)).toEqual([]);
    expect(hits(texts, /registry[.]npm|npm[m]irror|deb[.]debian|pypi[.]org/)).toEqual([]);
  });

  it("has a lock file without download addresses", () => {
    expect(hits(["package-lock.json"], /"resolved": "http/)).toEqual([]);
  });

  it("has documents that mention only what exists", () => {
    const documents = files.filter((path) =>
      /^(README|ARCHITECTURE)\.md$|^docs\/.*\.md$|^src\/.*\.md$/.test(path),
    );
    const rooms = /^(src|test|scripts|docs|mappings|fixtures|openapi|bench|helm|portal|\.ci)\/[\w./-]*$/;
    const dead = documents.flatMap((document) =>
      [...readProjectFile(document).matchAll(/`([^`\s]+)`/g)]
        .map(([, path]) => path ?? "")
        .filter((path) => rooms.test(path) && !existsSync(join(projectRoot, path)))
        .map((path) => `${document}: ${path}`),
    );
    expect(dead).toEqual([]);
  });

  it("keeps a changelog with the version to come first", () => {
    expect(readProjectFile("CHANGELOG.md")).toMatch(/^# Changelog\n[\s\S]*?\n## \[Unreleased\]\n/);
  });
});
