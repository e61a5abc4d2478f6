import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { mappingOf } from "../../test/support/fml.ts";
import { aroundCard, card, toPractitioner } from "../../test/support/fml-card.ts";
import { MappingError } from "./errors.ts";

const run = async (rules: string, source: unknown, rest = "") =>
  (await mappingOf(toPractitioner(rules, rest), aroundCard)).convert(source);

describe("a compiled map", () => {
  it("makes arrays and scalars as the types say", async () => {
    const rules = `src.id as id -> tgt.identifier as i, i.system = 'urn:x', i.value = id "id";
      src.job as job -> tgt.qualification as q, q.code as c, c.text = (job.title & '!') "job";`;
    expect(await run(rules, { id: "7", job: [{ title: "a" }, { title: "b" }] })).toEqual({
      resourceType: "Practitioner",
      identifier: [{ system: "urn:x", value: "7" }],
      qualification: [{ code: { text: "a!" } }, { code: { text: "b!" } }],
    });
  });

  it("asks `where` of each item, with the item as $this and variables as names", async () => {
    const rules = `src.job as job where title = 'b' and src.id = '7' -> tgt.name as n, n.text = (title) "job";`;
    const source = { id: "7", job: [{ title: "a" }, { title: "b" }] };
    expect(await run(rules, source)).toMatchObject({ name: [{ text: "b" }] });
  });

  it("leaves out elements that nothing filled", async () => {
    const rules = `src -> tgt.name as n then { src.name as name -> n.family = name "family"; } "name";`;
    expect(await run(rules, { id: "1" })).toEqual({ resourceType: "Practitioner" });
  });

  it("refuses a date that is not in the calendar, naming the places and not the value", async () => {
    const rules = `src.born as born -> tgt.birthDate = born "born";`;
    expect(await run(rules, { born: "1980-02-29" })).toMatchObject({ birthDate: "1980-02-29" });
    const failure = await run(rules, { born: "1981-02-31" }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MappingError);
    expect(failure).toMatchObject({
      code: "bad-value",
      site: {
        map: "Test",
        rule: "born",
        sourcePath: "src.born",
        targetPath: "tgt.birthDate",
        position: { line: 6 },
      },
    });
    expect(String(failure)).not.toContain("1981");
  });

  it("refuses a document that does not keep to its model", async () => {
    const rules = `src.job as job -> tgt.name as n, n.text = (job.title) "job";`;
    await expect(run(rules, { job: { title: "a" } })).rejects.toMatchObject({ code: "wrong-type" });
    await expect(run(`src.id as id -> tgt.id = id "id";`, { id: 5 })).rejects.toMatchObject({
      code: "wrong-type",
    });
  });

  it("translates by a contained ConceptMap and refuses a code without a row", async () => {
    const text = toPractitioner(`src.sex as s -> tgt.gender = translate(s, '#sex', 'code') "sex";`).replace(
      '"Test"\n',
      `"Test"\nconceptmap "#sex" { prefix s = "urn:s" prefix t = "urn:t" s:"1" == t:male }\n`,
    );
    const mapping = await mappingOf(text, aroundCard);
    expect(mapping.convert({ sex: "1" })).toMatchObject({ gender: "male" });
    expect(() => mapping.convert({ sex: "2" })).toThrowError(
      expect.objectContaining({
        code: "unmapped-code",
        site: expect.objectContaining({ targetPath: "tgt.gender" }),
      }),
    );
  });

  it("keeps ids and extensions of primitives", async () => {
    const text = `map "u" = n
      uses "http://hl7.org/fhir/StructureDefinition/Patient" alias Patient as source
      group p(source a : Patient, target b : Patient) { a.birthDate -> b.birthDate; a.name as x -> b.name as y then { x.given -> y.given; }; }`;
    const patient = {
      resourceType: "Patient",
      birthDate: "1980-01-01",
      _birthDate: { id: "d" },
      name: [{ given: ["A", null], _given: [null, { extension: [{ url: "urn:e", valueCode: "x" }] }] }],
    };
    expect((await mappingOf(text)).convert(patient)).toEqual(patient);
  });

  it("traces each element to its source node, rule and line", async () => {
    const mapping = await mappingOf(
      toPractitioner(
        `src.job as job -> tgt.qualification as q then {\njob.title as t -> q.code as c, c.text = t "title";\n} "job";`,
      ),
      aroundCard,
    );
    const { result, trace } = mapping.trace({ job: [{ title: "a" }, { title: "b" }] });
    expect(result).toEqual(mapping.convert({ job: [{ title: "a" }, { title: "b" }] }));
    expect(trace).toContainEqual({
      target: "Practitioner.qualification[1].code.text",
      source: "src.job[1].title",
      map: "Test",
      line: 7,
      rule: "title",
    });
  });

  it("traces a choice by the property that the document told, and a primitive that only has an id", async () => {
    const mapping = await mappingOf(`map "u" = n
      uses "http://hl7.org/fhir/StructureDefinition/Patient" alias Patient as source
      group p(source a : Patient, target b : Patient) { a.deceased as d -> b.deceased = d "died"; a.birthDate as born -> b.birthDate = born "born"; }`);
    const { trace } = mapping.trace({
      resourceType: "Patient",
      deceasedBoolean: true,
      _birthDate: { id: "d" },
    });
    expect(trace.map(({ target, source, rule }) => [target, source, rule])).toEqual([
      ["Patient.deceasedBoolean", "a.deceased", "died"],
      ["Patient.birthDate", "a.birthDate", "born"],
    ]);
  });

  it.each([
    ["objects", "tgt.name as n MODE, n.text = x", "name[INDEX].text"],
    ["primitives", "tgt.name as n share s, n.given = x MODE", "name[0].given[INDEX]"],
    [
      "values of unknown type",
      "tgt.name as n share s, n.given = ((x | x).first()) MODE",
      "name[0].given[INDEX]",
    ],
    [
      "primitives with an id",
      "tgt.name as n share s, n.given = x as g MODE, g.id = x",
      "name[0].given[INDEX]",
    ],
  ])("traces %s to where list modes put them in the end", async (_, target, path) => {
    const rule = (name: string, mode: string) =>
      `src.${name} as x -> ${target.replace("MODE", mode)} "${name}";`;
    const rules = [rule("name", ""), rule("born", "last"), rule("sex", "first"), rule("tag", "first")];
    const mapping = await mappingOf(toPractitioner(rules.join("\n")), aroundCard);
    const { result, trace } = mapping.trace({ name: "c", born: "1999", sex: "a", tag: ["b"] });
    const { name } = result as { name: { text?: string; given?: string[] }[] };
    expect(name.flatMap(({ text, given }) => given ?? text)).toEqual(["a", "b", "c", "1999"]);
    const sources = ["src.sex", "src.tag[0]", "src.name", "src.born"];
    for (const [index, source] of sources.entries()) {
      const place = `Practitioner.${path.replace("INDEX", String(index))}`;
      expect(trace.filter(({ target: at }) => at === place).map((entry) => entry.source)).toEqual([source]);
    }
  });

  it.each([
    ["src.name as x -> tgt.birthDate = (src.day);", { name: "a", day: "31.02.2020" }, "bad-value"],
    ["src.name as x where src.day < @2020 -> tgt.id = x;", { name: "a", day: "31.02.2020" }, "bad-value"],
    ["src where tag.count() > 0 -> tgt.id = 'x';", { tag: "a" }, "wrong-type"],
    ["src -> tgt.id = (src.name.replace('a', 'b'));", { name: 7 }, "wrong-type"],
    ["src where tag -> tgt.id = 'x';", { tag: ["a", "b"] }, "expression"],
  ])("%s refuses at its rule what does not keep to the model", async (rule, source, code) => {
    const day = { ...card.types.Card, day: { type: "date" } };
    const models = [{ ...card, types: { ...card.types, Card: day } }];
    const mapping = await mappingOf(toPractitioner(rule), { models });
    for (const convert of [mapping.convert, mapping.trace]) {
      expect(() => convert(source)).toThrowError(
        expect.objectContaining({
          code,
          site: expect.objectContaining({ position: { line: 6, column: 1 } }),
        }),
      );
    }
  });

  it("tells on failure what it had written, without the document's values", async () => {
    const rules = `src.name as x -> tgt.name as n, n.text = x "name";
      src.tag as x -> tgt.name as n first, n.text = x "tag";
      src.sex as x -> tgt.gender = translate(x, '#sex', 'code') "sex";
      src.id as x -> tgt.id = x "id";`;
    const sexes = { url: "#sex", groups: [{ entries: [{ code: "1", target: "male" }] }] };
    const mapping = await mappingOf(toPractitioner(rules), { ...aroundCard, conceptMaps: [sexes] });
    const source = { name: "SECRET", tag: ["SECRET"], sex: "SECRET", id: "SECRET" };
    for (const convert of [mapping.convert, mapping.trace]) {
      const failure = await Promise.resolve(source)
        .then(convert)
        .catch((error: unknown) => error);
      const { written } = failure as MappingError;
      expect(written.map(({ target, line, rule }) => [target, line, rule])).toEqual([
        ["Practitioner.name[1]", 6, "name"],
        ["Practitioner.name[1].text", 6, "name"],
        ["Practitioner.name[0]", 7, "tag"],
        ["Practitioner.name[0].text", 7, "tag"],
      ]);
      expect(inspect(failure, { depth: 9, showHidden: true }) + JSON.stringify(written)).not.toContain(
        "SECRET",
      );
    }
  });

  it("keeps the order of a list when an item that was to be last or first stays empty", async () => {
    const rules = `src.name as x -> tgt.name as n, n.text = x;
      src.name as x -> tgt.name as n last, n.text = (src.hours);
      src.name as x -> tgt.name as n first, n.text = (src.hours);
      src.sex as x -> tgt.name as n, n.text = x;
      src.id as x -> tgt.name as n first, n.text = x;`;
    expect(await run(rules, { name: "b", sex: "c", id: "a" })).toMatchObject({
      name: [{ text: "a" }, { text: "b" }, { text: "c" }],
    });
  });

  it("traces what was written, not what was there before or has left", async () => {
    const rules = `src.name as x -> tgt.id = x;
      src -> tgt.id = (src.job.title.first());
      src -> tgt.name as n, n.given = 'a', n.given = (src.job.title.first());
      src -> tgt.name as n then { src.job as j -> n.text = (j.title); };
      src.sex as x -> tgt.name as n, n.text = x;`;
    const mapping = await mappingOf(toPractitioner(rules), aroundCard);
    const { trace } = mapping.trace({ name: "a", sex: "1" });
    expect(trace.map(({ target, source }) => `${target} ${source}`)).toEqual([
      "Practitioner.id src.name",
      "Practitioner.name[0] src",
      "Practitioner.name[0].given[0] src",
      "Practitioner.name[1] src.sex",
      "Practitioner.name[1].text src.sex",
    ]);
  });

  it("traces through values that the map made itself", async () => {
    const text = toPractitioner(
      "src -> (src.name) as v then { v as x -> tgt.id = x; }; maker as x -> tgt.language = x; src then named(maker, tgt);",
      "group named(source by, target one : Practitioner) { by -> one.name as n, n.text = by; }",
    ).replace("group card", "let maker = 'm';\nlet other = maker & 'x';\ngroup card");
    const mapping = await mappingOf(text, aroundCard);
    const { result, trace } = mapping.trace({ name: "a" });
    expect(result).toEqual({ resourceType: "Practitioner", id: "a", language: "m", name: [{ text: "m" }] });
    expect(mapping.convert({ name: "a" })).toEqual(result);
    expect(trace.map(({ target }) => target)).toContain("Practitioner.name[0].text");
  });

  it("bounds the depth of groups that call themselves", async () => {
    const rest = `group loop(source src, target tgt) { src -> tgt then loop(src, tgt) "again"; }`;
    await expect(run(`src -> tgt then loop(src, tgt) "start";`, { id: "1" }, rest)).rejects.toMatchObject({
      code: "too-deep",
    });
  });
});
