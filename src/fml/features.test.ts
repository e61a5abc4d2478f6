import { describe, expect, it } from "vitest";
import { type Around, libraryFor, mappingOf } from "../../test/support/fml.ts";
import { MappingError } from "./errors.ts";
import { interpret } from "./interpreter.ts";
import type { LogicalModel } from "./logical-model.ts";
import { parseMap } from "./parser.ts";

const model: LogicalModel = {
  url: "urn:wire:Card",
  root: "Card",
  types: { Card: { id: { type: "string" }, text: { type: "string" }, tag: { type: "string", max: "*" } } },
};
const options = { now: () => "2026-11-21T09:00:00.000Z", uuid: () => "00000000-0000-4000-8000-000000000000" };
const mapOf = (rules: string, head = "", rest = "") => `map "urn:test" = "Test"
${head}uses "urn:wire:Card" alias Card as source
uses "http://hl7.org/fhir/StructureDefinition/Practitioner" alias Practitioner as target
group card(source src : Card, target tgt : Practitioner) { ${rules} }
${rest}`;

type Source = Readonly<Record<string, unknown>>;

/** What a map makes of a source, in each of its three forms. */
async function everyForm(text: string, source: Source, around: Around = {}): Promise<readonly unknown[]> {
  const whole = { models: [model], options, ...around };
  const mapping = await mappingOf(text, whole);
  const forms = [
    () => mapping.convert(source),
    () => mapping.trace(source).result,
    () => interpret(parseMap(text), libraryFor(whole), source, options),
  ];
  return forms.map((form) => {
    try {
      return form();
    } catch (error) {
      if (!(error instanceof MappingError)) throw error;
      return `${error.code} ${error.site.position.line}:${error.site.position.column}`;
    }
  });
}

async function expectForms(text: string, source: Source, expected: unknown, around?: Around): Promise<void> {
  for (const result of await everyForm(text, source, around)) expect(result).toEqual(expected);
}

const made = (elements: object) => ({ resourceType: "Practitioner", ...elements });

describe("each transform", () => {
  it.each<[string, string, object | string]>([
    ["tgt.id = copy(x)", "a", { id: "a" }],
    ["tgt.id = truncate(x, 2)", "abc", { id: "ab" }],
    ["tgt.id = append(x, '-', x)", "a", { id: "a-a" }],
    ["tgt.id = escape(x, 'html')", "<b>", { id: "&lt;b&gt;" }],
    ["tgt.id = escape(x, 'html', 'json')", '&lt;"', { id: '<\\"' }],
    ["tgt.active = cast(x, 'boolean')", "true", { active: true }],
    ["tgt.active = cast(x, 'boolean')", "maybe", "bad-value 5:60"],
    ["tgt.extension as e, e.url = 'u', e.value = cast(x, 'decimal')", "1,5", "bad-value 5:60"],
    ["tgt.birthDate = dateOp(x, 'dd.MM.yyyy', 'yyyy-MM-dd')", "29.02.1980", { birthDate: "1980-02-29" }],
    ["tgt.birthDate = dateOp(x, 'dd.MM.yyyy', 'yyyy-MM-dd')", "31.02.1980", "bad-value 5:60"],
    ["tgt.id = dateOp(x, 'dd.MM.yyyy', 'yyyyMM')", "31.02.1980", "bad-value 5:60"],
    ["tgt.id = uuid()", "a", { id: "00000000-0000-4000-8000-000000000000" }],
    ["tgt.id = evaluate(x, $this & '!')", "a", { id: "a!" }],
    ["tgt.qualification as q, q.code = cc(x)", "a", { qualification: [{ code: { text: "a" } }] }],
    [
      "tgt.qualification as q, q.code = cc('urn:s', x, 'A')",
      "a",
      { qualification: [{ code: { coding: [{ system: "urn:s", code: "a", display: "A" }] } }] },
    ],
    [
      "tgt.extension as e, e.url = 'u', e.value = c('urn:s', x)",
      "a",
      { extension: [{ url: "u", valueCoding: { system: "urn:s", code: "a" } }] },
    ],
    [
      "tgt.extension as e, e.url = 'u', e.value = qty(x)",
      ">5.4 mg",
      { extension: [{ url: "u", valueQuantity: { value: 5.4, comparator: ">", unit: "mg" } }] },
    ],
    ["tgt.identifier = id('urn:i', x)", "a", { identifier: [{ system: "urn:i", value: "a" }] }],
    ["tgt.telecom = cp(x)", "a@b.ru", { telecom: [{ system: "email", value: "a@b.ru" }] }],
    ["tgt.telecom = cp('sms', x)", "7", { telecom: [{ system: "sms", value: "7" }] }],
    [
      "create('Organization') as o, o.id = x, tgt.qualification as q, q.issuer as r, r.reference = reference(o)",
      "7",
      { qualification: [{ issuer: { reference: "Organization/7" } }] },
    ],
    [
      "create('Organization') as o, o.id = x, tgt.qualification as q, q.issuer as r, r.reference = pointer(o)",
      "7",
      { qualification: [{ issuer: { reference: "Organization/7" } }] },
    ],
    ["tgt.gender = translate(x, '#sex', 'code')", "1", { gender: "male" }],
    ["tgt.gender = translate(x, '#sex', 'code')", "9", "unmapped-code 5:60"],
    ["tgt.gender = translate(x, '#kept', 'code')", "other", { gender: "other" }],
  ])("%s of %s", async (target, text, expected) => {
    const prefixes = 'prefix s = "urn:s" prefix t = "urn:t"';
    const tables = `conceptmap "#sex" { ${prefixes} s:"1" == t:male } \
conceptmap "#kept" { ${prefixes} unmapped for s = provided s:"1" == t:male }\n`;
    const map = mapOf(`src.text as x -> ${target};`, tables);
    const wanted = typeof expected === "string" ? expected : made(expected);
    await expectForms(map, { text }, wanted);
  });
});

describe("what else maps may do", () => {
  it("takes groups of imported maps, also by a pattern of URLs", async () => {
    const shared = `map "urn:shared/names" = "Names"
      group named(source text, target one) { text -> one.id = text; }`;
    const text = mapOf("src.text as x then named(x, tgt);").replace(
      "group card",
      'imports "urn:shared/*"\ngroup card',
    );
    await expectForms(text, { text: "a" }, made({ id: "a" }), { imports: [shared] });
    await expectForms(text, { text: "b" }, made({ id: "b" }), { imports: [shared] });
  });

  it("hands what `log` says to its caller, with the place", async () => {
    const said: unknown[] = [];
    const log = (message: string, site: readonly unknown[] | undefined) => said.push([message, site?.[1]]);
    const text = mapOf("src.text as x log ('got ' & x) -> tgt.id = x;");
    const mapping = await mappingOf(text, { models: [model], options: { ...options, log } });
    mapping.convert({ text: "a" });
    expect(said).toEqual([["got a", 4]]);
  });

  it.each([
    ["src.tag as a, src.tag as b -> tgt.name as n, n.text = a;", "objects"],
    ["src -> tgt.name as n then { src.tag as a, src.tag as b -> n.given = a; };", "values"],
  ])("bounds the output: %s", async (rule) => {
    const mapping = await mappingOf(mapOf(rule), { models: [model] });
    const tag = Array.from({ length: 1001 }, () => "t");
    expect(() => mapping.convert({ tag })).toThrowError(
      expect.objectContaining({
        code: "too-large",
        site: expect.objectContaining({ position: expect.objectContaining({ line: 4 }) }),
      }),
    );
  });

  it("names the group that calls itself without end", async () => {
    const rest = "group loop(source src, target tgt) { src -> tgt then loop(src, tgt); }";
    await expectForms(mapOf("src then loop(src, tgt);", "", rest), { id: "1" }, "too-deep 5:7");
  });

  it("refuses a pattern without bounds that only the document tells", async () => {
    const text = mapOf("src.id as i where 'aaaa!'.matches(src.text) -> tgt.id = i;");
    await expectForms(text, { id: "1", text: "(a+)+$" }, "expression 4:60");
  });
});
