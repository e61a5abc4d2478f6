import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Around, importCode, libraryFor } from "../../test/support/fml.ts";
import { compileMap } from "./compiler.ts";
import type { ConceptMapTable } from "./concept-map.ts";
import { conceptMapFromCsv } from "./concept-map-csv.ts";
import { MappingError } from "./errors.ts";
import { interpret } from "./interpreter.ts";
import type { LogicalModel } from "./logical-model.ts";
import { linkModule } from "./module.ts";
import { parseMap } from "./parser.ts";

const model: LogicalModel = {
  url: "urn:wire:Card",
  root: "Card",
  types: {
    Card: {
      id: { type: "string", min: 1 },
      name: { type: "string" },
      born: { type: "date" },
      active: { type: "boolean" },
      sex: { type: "string" },
      tag: { type: "string", max: "*" },
      job: { type: "Job", max: "*" },
    },
    Job: { title: { type: "string" }, from: { type: "date" }, main: { type: "boolean" } },
  },
};
const sexes: ConceptMapTable = conceptMapFromCsv(
  "sex",
  "sourceSystem,source,targetSystem,target,display\nurn:s,1,urn:t,male,\nurn:s,2,urn:t,female,\nurn:s,*,urn:t,unknown,",
);
const options = { now: () => "2026-11-21T09:00:00.000Z", uuid: () => "00000000-0000-4000-8000-000000000000" };
const around: Around = { models: [model], conceptMaps: [sexes] };

type Outcome = { result: unknown } | { failure: string };

function outcome(run: () => unknown): Outcome {
  try {
    return { result: run() };
  } catch (error) {
    if (!(error instanceof MappingError)) {
      throw error;
    }
    const { line, column } = error.site.position;
    return { failure: `${error.code} ${line}:${column}` };
  }
}

async function agree(text: string, sources: readonly unknown[], library: Around = around) {
  const known = libraryFor(library);
  const map = parseMap(text);
  const mapping = linkModule(await importCode(compileMap(text, known).code), options);
  for (const source of sources) {
    const standard = outcome(() => interpret(map, known, source, options));
    expect(outcome(() => mapping.convert(source))).toEqual(standard);
    expect(outcome(() => mapping.trace(source).result)).toEqual(standard);
  }
}

const header = `map "urn:test" = "Test"
uses "urn:wire:Card" alias Card as source
uses "http://hl7.org/fhir/StructureDefinition/Practitioner" alias Practitioner as target
let base = 'urn:oid:' & '1.2';
`;
const mapOf = (rules: readonly string[]) =>
  `${header}group card(source src : Card, target tgt : Practitioner) {\n${rules.join("\n")}\n}
group named(source text, target name : HumanName) { text -> name.text = text "text"; text -> name.given = (text & '.') "given"; }
group period(source job : Job, target period : Period) { job.from -> period.start; }
`;

const pick = <Item>(...items: readonly Item[]) => fc.constantFrom(...items);
const where = pick(
  "",
  "where $this.exists()",
  "where src.id = '1'",
  "where src.name.exists() and src.active",
  "where src.tag.count() > 1",
  "where src.name.startsWith('a') or src.id != '2'",
  "where src.job.where(main).exists()",
  "where src.job.where(main and title = 't').exists()",
  "where src.active and src.name = 'a'",
  "where (src.active or src.sex = '1').not()",
  "where src.active xor src.name.exists()",
  "where src.active implies src.sex = '1'",
  "where src.name = src.id",
  "where src.name < src.sex",
  "where src.name in ('a' | 'abc')",
  "where src.born > @1999 and src.tag.first() = 'a'",
  "where src.born.exists() or src.job.from.exists()",
  "where src.job.title.count() > 1 or src.active",
  "where src.job.exists(title = 't')",
  "where src.tag",
  "where src.tag + 1 > 2",
);
const ofText = pick(
  "x",
  "(x)",
  "(x & '!')",
  "(x.upper())",
  "append(x, '-', x)",
  "truncate(x, 2)",
  "(iif(x = 'a', 'yes', 'no'))",
  "(%base & x)",
  "(x.substring(1))",
  "(src.job.title.first() & x)",
  "(iif(src.active and src.tag.exists(), x, src.sex))",
  "(src.name + src.sex)",
  "(src.name | src.id).first()",
).map((value) => (value.endsWith(".first()") ? `(${value})` : value));
const textSource = fc.tuple(
  pick(
    "src.name",
    "src.id",
    "src.tag",
    "src.job.title",
    "src.sex",
    "src.name default ('none')",
    "src.tag first",
    "src.tag last",
    "src.tag not_first",
    "src.tag not_last",
    "src.tag 0..2",
    "src.name : string",
  ),
  where,
);
const textTarget = fc.oneof(
  ofText.map((value) => `tgt.name as n, n.text = ${value}`),
  ofText.map((value) => `tgt.name as n, n.given = ${value}, n.given = 'z'`),
  fc
    .tuple(ofText, pick("first", "last", "share s", "share t", "single", ""))
    .map(([value, mode]) => `tgt.name as n ${mode}, n.family = ${value}`),
  fc
    .tuple(ofText, pick("first", "last", ""), pick("", ", g.id = 'i'"))
    .map(([value, mode, id]) => `tgt.name as n share s, n.given = ${value} as g ${mode}${id}`),
  fc
    .tuple(ofText, pick("first", "last"))
    .map(([value, mode]) => `tgt.name as n share s, n.given = ${value} ${mode}`),
  ofText.map(
    (value) =>
      `tgt.identifier as i, i.system = (%base), i.value = ${value}, i.period as p, p.start = @2020-01-01`,
  ),
  ofText.map((value) => `tgt.extension as e, e.url = 'urn:e', e.value = ${value}`),
  ofText.map((value) => `tgt.meta.source = ${value}`),
  pick(
    "tgt.gender = translate(x, '#sex', 'code')",
    "tgt.qualification as q, q.code = cc('urn:s', x)",
    "tgt.id = x as made, made.extension as e, e.url = 'urn:e', e.value = true",
    "tgt.extension as e, e.url = 'urn:c', e.value = c('urn:s', x)",
    "tgt.identifier = id('urn:i', x)",
    "tgt.telecom = cp(x)",
    "tgt.photo as p then { x -> p.title = x; }",
    "tgt.name as n then named(x, n)",
    "tgt.name as n, n.period as p",
    "tgt.birthDate = (src.born)",
    "tgt.active = (src.active.not())",
    "tgt.communication as c, c.text = (src.job.title.first())",
  ),
);
const textRule = fc
  .tuple(textSource, textTarget)
  .map(([[source, condition], target]) => `${place(source)} ${condition} -> ${target};`);
const place = (source: string) =>
  source
    .replace(/( first| last| not_first| not_last)?$/, (mode) => `${mode ?? ""} as x`)
    .replace(" : string as x", " : string as x");
const jobRule = pick(
  "src.job as j -> tgt.qualification as q then { j.title as t -> q.code as c, c.text = t; j -> q.period as p then period(j, p); };",
  "src.job as j where main -> tgt.qualification as q, q.code = cc('main') then { j.from as f -> q.period as p, p.start = f, p.end = (f + 1 year); };",
  "src.job as j, src.tag as t where t != 'a' -> tgt.name as n, n.text = (j.title & t);",
  "src.job as j check j.title.exists() -> tgt.name as n share s, n.suffix = (j.title);",
  "src.born -> tgt.birthDate;",
  "src.born as b -> tgt.birthDate = b;",
  "src.active as a -> tgt.active = a;",
  "src.active as a -> tgt.extension as e, e.url = 'urn:a', e.value = a;",
  "src -> tgt.extension as e, e.url = 'urn:q', e.value = qty('5.4 mg');",
  "src.job only_one as j -> tgt.name as n last, n.text = (j.title);",
);
const source = fc.record(
  {
    id: pick("1", "2", "a"),
    name: pick("a", "abc", "Б"),
    born: pick("1980-02-29", "1999", "2001-10"),
    active: fc.boolean(),
    sex: pick("1", "2", "3"),
    tag: fc.array(pick("a", "b", "c"), { maxLength: 3 }),
    job: fc.array(
      fc.record(
        { title: pick("t", "u"), from: pick("2020-01-01", "2021"), main: fc.boolean() },
        { requiredKeys: [] },
      ),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: ["id"] },
);

/** Rules that read and write with nothing between. */
const copyingRule = pick(
  "src.name as x -> tgt.name as n, n.text = x;",
  "src.tag as x -> tgt.name as n, n.given = x;",
  "src.tag first as x -> tgt.name as n share s, n.suffix = x;",
  "src.sex as x -> tgt.gender = translate(x, '#sex', 'code');",
  "src.born -> tgt.birthDate;",
  "src.active as a -> tgt.active = a;",
  "src.job.title as x -> tgt.qualification as q, q.code = cc('urn:s', x);",
  "src.job as j -> tgt.qualification as q then { j.title as t -> q.code as c, c.text = t; j -> q.period as p then period(j, p); };",
);
const kinds = [null, 7, "31.02.2020", false, {}, [], ["a"], [[]], [{}], [null]];

/** A document with a value of any kind at a random place, the root included. */
const spoilt = fc
  .tuple(source, fc.array(fc.nat(), { maxLength: 3 }), pick<unknown>(...kinds))
  .map(([document, steps, value]) => {
    const whole = { document: structuredClone(document) as unknown };
    let owner = whole as Record<string, unknown>;
    let key = "document";
    for (const step of steps) {
      const inner = owner[key];
      const names = typeof inner === "object" && inner !== null ? Object.keys(inner) : [];
      if (names.length === 0) break;
      owner = inner as Record<string, unknown>;
      key = names[step % names.length] ?? "";
    }
    owner[key] = value;
    return whole.document;
  });

describe("compiled and interpreted", () => {
  it("agree on generated maps and inputs", async () => {
    const rules = fc.array(fc.oneof(textRule, jobRule), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(rules, fc.array(source, { minLength: 1, maxLength: 4 }), (lines, sources) =>
        agree(mapOf(lines), sources),
      ),
      { numRuns: 150 },
    );
  });

  it("refuse alike what does not keep to its model, in the order in which rules read it", async () => {
    const rules = fc.array(copyingRule, { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(rules, fc.array(spoilt, { minLength: 1, maxLength: 6 }), (lines, sources) =>
        agree(mapOf(lines), sources),
      ),
      { numRuns: 150 },
    );
  });

  it("refuse alike, at the same rule, what an expression meets that does not keep to its model", async () => {
    const rules = fc.array(fc.oneof(textRule, jobRule), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(rules, fc.array(spoilt, { minLength: 1, maxLength: 6 }), (lines, sources) =>
        agree(mapOf(lines), sources),
      ),
      { numRuns: 300 },
    );
  });

  const folders = readdirSync(new URL("../../mappings/", import.meta.url));
  it.each(folders.length === 0 ? [] : ["frmr/person"])("agree on the fixtures of %s", async (message) => {
    const folder = new URL(`../../mappings/${message}/`, import.meta.url);
    const tables = readdirSync(new URL("maps/", folder)).map((file) =>
      conceptMapFromCsv(file.replace(".csv", ""), readFileSync(new URL(`maps/${file}`, folder), "utf8")),
    );
    const cases = readdirSync(new URL("fixtures/", folder));
    const bundles = cases.map(
      (name) =>
        JSON.parse(readFileSync(new URL(`fixtures/${name}/expected.json`, folder), "utf8")) as unknown,
    );
    await agree(
      `map "urn:b" = B uses "http://hl7.org/fhir/StructureDefinition/Bundle" alias Bundle as source
       group copyOf(source a : Bundle, target b : Bundle) { a.type -> b.type; a.entry as x -> b.entry as y then { x.fullUrl -> y.fullUrl; x.resource -> y.resource; }; }
       group worker(source a : Practitioner, target b : Practitioner) <<type+>> { a.name -> b.name; a.birthDate -> b.birthDate; a.qualification as p -> b.qualification as q then { p.code -> q.code; p.extension -> q.extension; }; }`,
      bundles,
      { conceptMaps: tables },
    );
  });
});
