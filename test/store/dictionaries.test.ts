import { beforeEach, expect, it } from "vitest";
import { type Concept, Dictionaries, type NewDictionary } from "../../src/store/dictionaries.ts";
import { onBothEngines } from "./engines.ts";

const url = "urn:oid:1.2.643.5.1.13.13.11.1";
const concept = (code: string, display: string, more: Partial<Concept> = {}) => ({
  code,
  display,
  folded: display.toLowerCase(),
  active: true,
  ...more,
});
const version = (number: string, concepts: NewDictionary["concepts"]): NewDictionary => ({
  url,
  version: number,
  title: "Проба",
  aliases: ["urn:oid:1.2.3"],
  concepts,
});

const tree = [
  concept("A", "Болезни"),
  concept("A1", "Болезни сердца", { parent: "A" }),
  concept("A11", "Инфаркт 100%_", { parent: "A1", ends: "2025-12-31" }),
  concept("B", "Травмы", { starts: "2027-01-01" }),
  concept("C", "Прочее", { active: false }),
];

onBothEngines((store) => {
  let dictionaries: Dictionaries;
  const current = async () => (await dictionaries.find(url))?.id ?? 0;
  beforeEach(async () => {
    await store().db.deleteFrom("dictionary").execute();
    dictionaries = new Dictionaries(store().db);
  });
  const codes = async (query: object) =>
    (await dictionaries.search(await current(), { offset: 0, count: 10, ...query })).concepts.map(
      ({ code }) => code,
    );

  it("a dictionary is found by url and alias, its concepts with their days", async () => {
    await dictionaries.save(version("1.0", tree), 7);
    for (const asked of [url, "urn:oid:1.2.3"])
      expect(await dictionaries.find(asked)).toMatchObject({
        url,
        version: "1.0",
        concepts: 5,
        checked_at: 7,
      });
    expect(await dictionaries.find("urn:oid:1")).toBeUndefined();
    expect(await dictionaries.find(url, "0.9")).toBeUndefined();
    expect(await dictionaries.concept(await current(), "A11")).toEqual({
      code: "A11",
      display: "Инфаркт 100%_",
      parent: "A1",
      ends: "2025-12-31",
      active: true,
    });
    expect(await dictionaries.concept(await current(), "a11")).toBeUndefined();
  });

  it.each([
    ["words in any order", { filter: "сердца болезни" }, ["A1"]],
    ["the beginning of a code", { filter: "a1" }, ["A1", "A11"]],
    ["signs of a pattern as they are", { filter: "100%_" }, ["A11"]],
    ["a sign that is none of the text's", { filter: "_" }, ["A11"]],
    ["a part of the tree", { root: "A1" }, ["A1", "A11"]],
    ["what is in force on a day", { activeOn: "2025-12-31" }, ["A", "A1", "A11"]],
    ["the day after", { activeOn: "2026-01-01" }, ["A", "A1"]],
    ["a page", { offset: 1, count: 2 }, ["A1", "A11"]],
    ["nothing of a page", { count: 0 }, []],
  ])("search: %s", async (_name, query, expected) => {
    await dictionaries.save(version("1.0", tree), 1);
    expect(await codes(query)).toEqual(expected);
  });

  it("parents in a circle end where it closes", async () => {
    const circle = [
      concept("A", "а", { parent: "C" }),
      concept("B", "б", { parent: "A" }),
      concept("C", "в", { parent: "B" }),
    ];
    await dictionaries.save(version("1.0", circle), 1);
    expect((await dictionaries.subtree(await current(), "A")).sort()).toEqual(["A", "B", "C"]);
    expect((await dictionaries.ancestors(await current(), "A")).sort()).toEqual(["A", "B", "C"]);
  });

  it("a new version tells what it ends, and the one before stays to be asked", async () => {
    await dictionaries.save(version("1.0", tree), 1);
    const next = [
      concept("A", "Болезни"),
      concept("A1", "Болезни сердца и сосудов", { parent: "A", ends: "2026-12-31" }),
      concept("A11", "Инфаркт миокарда", { parent: "A1", ends: "2025-12-31" }),
      concept("B", "Травмы", { starts: "2027-01-01", active: false }),
      concept("D", "Новое"),
    ];
    expect(await dictionaries.save(version("1.1", next), 2)).toEqual({
      from: "1.0",
      added: 1,
      renamed: 1,
      ending: expect.arrayContaining([
        { code: "A1", display: "Болезни сердца", ends: "2026-12-31" },
        { code: "B", display: "Травмы" },
        { code: "C", display: "Прочее" },
      ]),
    });
    expect(await dictionaries.versions(url)).toEqual(["1.1", "1.0"]);
    const old = await dictionaries.find(url, "1.0");
    expect((await dictionaries.concept(old?.id ?? 0, "C"))?.display).toBe("Прочее");
    expect((await dictionaries.list()).map((row) => row.version)).toEqual(["1.1"]);
  });

  it("three versions are kept, and saving one twice changes nothing", async () => {
    for (const number of ["1", "2", "3", "4", "4"])
      await dictionaries.save(version(number, tree), Number(number));
    expect(await dictionaries.versions(url)).toEqual(["4", "3", "2"]);
    const { rows } = await store()
      .db.selectFrom("concept")
      .select((each) => each.fn.countAll<number>().as("rows"))
      .executeTakeFirstOrThrow();
    expect(Number(rows)).toBe(3 * tree.length);
  });
});
