import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readProjectFile } from "../support/project-files.ts";
import { describeWithData } from "../support/test-data.ts";

interface Post {
  code: string;
  name: string;
  specialty: { id: string; name: string };
}

/** Names by key of a dictionary as the НСИ service gave it; its rows are lists of columns. */
function namesOf(folder: string, oid: string): Map<string, string> {
  const parts = readdirSync(join(folder, "nsi")).filter((file) =>
    new RegExp(`^${oid}_.*_part\\d+\\.json$`).test(file),
  );
  const rows = parts.flatMap(
    (file): { column: string; value: string }[][] =>
      JSON.parse(readFileSync(join(folder, "nsi", file), "utf8")).list,
  );
  const cell = (row: (typeof rows)[number], name: string) =>
    row.find(({ column }) => column === name)?.value ?? "";
  return new Map(rows.map((row) => [cell(row, "ID"), cell(row, "NAME")]));
}

describeWithData("codes of the synthetic world", (folder) => {
  const posts: Post[] = JSON.parse(readProjectFile("fixtures/world/posts.json"));

  it("are real posts of dictionary 1002", () => {
    const names = namesOf(folder, "1.2.643.5.1.13.13.11.1002");
    expect(names.size).toBeGreaterThan(500);
    expect(posts.filter(({ code, name }) => names.get(code) !== name)).toEqual([]);
  });

  it("are real specialties of dictionary 1066", () => {
    const names = namesOf(folder, "1.2.643.5.1.13.13.11.1066");
    const wrong = posts.map(({ specialty }) => specialty).filter(({ id, name }) => names.get(id) !== name);
    expect(wrong).toEqual([]);
  });

  it("are the names that posts and specialties bear in the mapping", () => {
    const [, ...rows] = readProjectFile("mappings/frmr/person/maps/post-specialty.csv").trim().split("\n");
    const posts = namesOf(folder, "1.2.643.5.1.13.13.11.1002");
    const specialties = namesOf(folder, "1.2.643.5.1.13.13.11.1066");
    const wrong = rows
      .map((row) => row.split(","))
      .filter(([, post = "", , code = "", name]) => !posts.has(post) || specialties.get(code) !== name);
    expect(wrong).toEqual([]);
  });
});
