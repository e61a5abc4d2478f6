import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot, readProjectFile } from "./support/project-files.ts";

interface Instruction {
  name: string;
  value: string;
}

const instructions: Instruction[] = readProjectFile("Dockerfile")
  .replaceAll("\\\n", " ")
  .split("\n")
  .filter((line) => line.trim() && !line.startsWith("#"))
  .map((line) => ({ name: line.split(/\s/)[0]!, value: line.replace(/^\S+\s+/, "") }));
const finalStage = instructions.slice(instructions.findLastIndex(({ name }) => name === "FROM"));
const named = (stage: Instruction[], name: string) =>
  stage.filter((one) => one.name === name).map((one) => one.value);

describe("the image", () => {
  it("is built in two stages on tagged Node 24", () => {
    const bases = named(instructions, "FROM");
    expect(bases).toHaveLength(2);
    for (const base of bases) expect(base).toMatch(/^node:24[\w.-]*( AS \w+)?$/);
  });

  it("runs as another user than root, after everything is installed", () => {
    const names = finalStage.map(({ name }) => name);
    expect(named(finalStage, "USER")).toEqual([expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/)]);
    expect(names.indexOf("USER")).toBeGreaterThan(names.lastIndexOf("COPY"));
    expect(names.indexOf("USER")).toBeGreaterThan(names.lastIndexOf("RUN"));
  });

  it("writes only to the volume of DATA_DIR, so that its root can be read-only", () => {
    const dataFolder = /DATA_DIR=(\S+)/.exec(named(finalStage, "ENV").join(" "))?.[1];
    expect(named(finalStage, "VOLUME")).toEqual([dataFolder]);
    expect(named(finalStage, "RUN").join()).toContain(`-o node -g node ${dataFolder}`);
  });

  it("carries no development dependency and no whole checkout", () => {
    expect(named(instructions, "RUN").join()).toContain("npm prune --omit=dev");
    const copied = named(instructions, "COPY").filter((value) => !value.startsWith("--from"));
    const sources = copied.flatMap((value) => value.split(/\s+/).slice(0, -1));
    expect(sources.filter((path) => !existsSync(join(projectRoot, path)))).toEqual([]);
    expect(sources).not.toContain(".");
  });

  it("reports its health and gets signals itself", () => {
    expect(named(finalStage, "HEALTHCHECK").join()).toContain("/health/live");
    expect(JSON.parse(named(finalStage, "CMD").at(-1)!)).toEqual(["node", "dist/main.js"]);
  });
});
