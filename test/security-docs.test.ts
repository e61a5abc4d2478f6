import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, it } from "vitest";
import { idsOfTitle, parseRequirements } from "../scripts/requirement-rows.ts";
import { projectFiles, projectRoot, readProjectFile } from "./support/project-files.ts";

const text = readProjectFile("docs/security.md");
const { scripts } = JSON.parse(readProjectFile("package.json")) as { scripts: Record<string, string> };

/** `a/{b,c}.ts` names two. */
function spelled(name: string): string[] {
  const [, head = "", inner, tail = ""] = /^(.*?)\{([^}]*)\}(.*)$/.exec(name) ?? [];
  return inner === undefined ? [name] : inner.split(",").map((part) => head + part + tail);
}

const quoted = (part: string): string[] =>
  [...part.matchAll(/`([^`\n]+)`/g)].flatMap(([, name = ""]) => spelled(name));

const testFiles = new Set(
  projectFiles()
    .filter((path) => path.endsWith(".test.ts"))
    .map((path) => basename(path)),
);

/** What shows a measure: a test file, a folder of tests or a command. */
function isShown(name: string): boolean {
  const command = /^npm run ([\w:-]+)/.exec(name)?.[1];
  if (command) return command in scripts;
  if (name.includes("*"))
    return [...testFiles].some((file) => file.startsWith(basename(name).split("*")[0] ?? ""));
  return name.startsWith("test/") ? existsSync(join(projectRoot, name)) : testFiles.has(basename(name));
}

it("every file that docs/security.md names is there", () => {
  const paths = quoted(text).filter((name) =>
    /^(src|test|scripts|docs|openapi|fixtures)\/[^*:\s]*$/.test(name),
  );
  expect(paths.length).toBeGreaterThan(60);
  expect(paths.filter((path) => !existsSync(join(projectRoot, path)))).toEqual([]);
});

it("every test that docs/security.md names is there", () => {
  const named = quoted(text).filter((name) => /^[\w./-]+\.test\.ts$/.test(name));
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((name) => !isShown(name))).toEqual([]);
});

it("every test that docs/security.md names by a requirement bears its id", () => {
  const named = [
    ...text.matchAll(/`((?:test|src)\/[\w./-]+\.test\.ts)` \(([A-Z]-\d{2}(?:, [A-Z]-\d{2})*)\)/g),
  ];
  const pairs = named.flatMap(([, path = "", ids = ""]) => ids.split(", ").map((id) => [path, id] as const));
  expect(pairs.length).toBeGreaterThan(25);
  const titled = ([path, id]: readonly [string, string]) =>
    [
      ...readProjectFile(path).matchAll(/\b(?:it|test|describe)(?:\.each\([\s\S]*?\))?\(\s*["`]([^"`]+)/g),
    ].some(([, title = ""]) => idsOfTitle(title).includes(id));
  expect(pairs.filter((pair) => !titled(pair))).toEqual([]);
});

it("every row of group Z is spoken of", () => {
  const rows = parseRequirements(readProjectFile("docs/requirements.md")).flatMap((group) => group.rows);
  const ids = rows.map(({ id }) => id).filter((id) => id.startsWith("Z-"));
  expect(ids).toHaveLength(28);
  const section = text.slice(text.indexOf("## Group Z"));
  expect(ids.filter((id) => !section.includes(id))).toEqual([]);
});

it("every measure has a place and a test or a command that shows it", () => {
  const measures = text
    .split("\n")
    .map((line) => line.split(" | "))
    .filter(([first = "", , third]) => first.startsWith("| ") && third !== undefined)
    .filter(([first = ""]) => !/^\| (measure$|row$|`|-)/.test(first));
  expect(measures.length).toBeGreaterThan(30);
  const bare = measures.filter(
    ([, , shown = ""]) => !/tests? beside|the same/.test(shown) && !quoted(shown).some(isShown),
  );
  expect(bare.map(([measure]) => measure)).toEqual([]);
});
