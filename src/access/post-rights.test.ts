import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sections } from "./access-facts.ts";
import { classifiedTypes, classOf } from "./data-classes.ts";
import { postTableIn } from "./post-rights.ts";
import { sectionOf } from "./sections.ts";

const own = new URL("post-rights.json", import.meta.url);
const table = postTableIn();

describe("what a post opens", () => {
  it("every type of a patient, of registration, consents and work stands in a section, and nothing else does", () => {
    for (const type of classifiedTypes)
      for (const subject of ["anna", undefined]) {
        const kind = classOf(type, subject);
        const isOfPeople = kind !== "system" && kind !== "journal";
        expect([type, sectionOf(type, kind) !== undefined]).toEqual([type, isOfPeople]);
      }
  });

  it("an unknown post, and none, opens what others do", () => {
    expect(table.sectionsOf(["999"]).map(({ code }) => code)).toEqual(["work"]);
    expect(table.rightsOf([])).toEqual(table.rightsOf(["999"]));
  });

  it("two posts open what both do, in the order of the table", () => {
    const both = table.sectionsOf(["231", "179"]).map(({ code }) => code);
    expect(both).toEqual(sections.filter((one) => both.includes(one)));
    expect(both).toEqual(expect.arrayContaining(["registration", "dispensing"]));
    expect(both).not.toContain("records");
  });

  it.each([
    ["a section that there is none of", (one: Table) => one.groups.nurse?.view.push("all")],
    ["a post in two groups", (one: Table) => Object.assign(one.groups.nurse?.posts ?? {}, { 109: "" })],
    ["a post that is no code", (one: Table) => Object.assign(one.groups.nurse?.posts ?? {}, { nurse: "" })],
  ])("a table with %s is refused", (_title, spoil) => {
    const read = JSON.parse(readFileSync(own, "utf8")) as Table;
    spoil(read);
    const path = join(mkdtempSync(join(tmpdir(), "posts-")), "posts.json");
    writeFileSync(path, JSON.stringify(read));
    expect(() => postTableIn(path)).toThrow(TypeError);
  });
});

interface Table {
  groups: Record<string, { view: string[]; posts: Record<string, string> }>;
}
