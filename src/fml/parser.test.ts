import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FmlSyntaxError } from "./errors.ts";
import { parseFhirPath } from "./fhirpath-parser.ts";
import { parseMap } from "./parser.ts";

const sample = `/// description = """
Cards of workers
"""
map "http://example.org/StructureMap/card" = card

conceptmap "#sex" {
  prefix s = "urn:wire"
  prefix t = "http://hl7.org/fhir/administrative-gender"
  s:1 - t:male
  s:"2" == t:female
}

uses "urn:wire:card" alias Card as source
uses "http://hl7.org/fhir/StructureDefinition/Practitioner" alias Practitioner as target

imports "http://example.org/StructureMap/common"

let base = 'urn:oid:' & '1.2.3';

// the entry group
group card(source src : Card, target tgt : Practitioner) extends base <<type+>> {
  src.ID as id 1..1 -> tgt.identifier as i, i.value = id "number";
  src.name : string default ('x') first as n where $this != '' check n.length() < 100 log 'seen'
    -> tgt.name as name share official then person(src, name, 'a'), more(n, name) { n -> name.text = (n & %base); } names;
  src.tag -> tgt.active = true, create('Basic') as basic, ('a' + 'b') as both last;
  src.a.b -> tgt.a.b = src.c.d;
}
`.replace("as id 1..1", "1..1 as id");

const positionOf = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(FmlSyntaxError);
    return (error as FmlSyntaxError).position;
  }
  throw new Error("expected a refusal");
};

describe("parseMap", () => {
  const map = parseMap(sample);

  it("reads every declaration of the header", () => {
    expect(map.url).toBe("http://example.org/StructureMap/card");
    expect(map.name).toBe("card");
    expect(map.metadata.get("description")).toBe("Cards of workers");
    expect(map.uses.map((u) => [u.alias, u.mode])).toEqual([
      ["Card", "source"],
      ["Practitioner", "target"],
    ]);
    expect(map.imports[0]?.text).toBe("http://example.org/StructureMap/common");
    expect(map.constants[0]?.name.text).toBe("base");
    expect(map.conceptMaps[0]?.pairs.map((p) => [p.source.code, p.target.code])).toEqual([
      ["1", "male"],
      ["2", "female"],
    ]);
  });

  it("reads every clause of a source and of a target", () => {
    const [group] = map.groups;
    expect(group?.typeMode).toBe("type+");
    expect(group?.extends?.text).toBe("base");
    const [first, second, third, fourth] = group!.rules;
    expect(first?.sources[0]?.cardinality).toEqual({ min: 1, max: 1 });
    expect(second?.sources[0]).toMatchObject({
      type: { text: "string" },
      listMode: "first",
      variable: { text: "n" },
      where: { kind: "binary" },
      check: { kind: "binary" },
      log: { kind: "literal" },
    });
    expect(second?.targets[0]).toMatchObject({ listMode: "share", shareId: "official" });
    expect(second?.dependents.map((d) => d.group.text)).toEqual(["person", "more"]);
    expect(second?.rules).toHaveLength(1);
    expect(second?.name).toBe("names");
    expect(third?.targets.map((t) => t.transform?.kind)).toEqual(["literal", "call", "expression"]);
    expect(fourth?.targets[0]?.transform).toMatchObject({ kind: "copy", path: { context: { text: "src" } } });
  });

  it("gives line and column to nodes", () => {
    expect(map.groups[0]?.name.position).toEqual({ line: 21, column: 7 });
    expect(map.groups[0]?.rules[0]?.position).toEqual({ line: 22, column: 3 });
  });

  it("names what was expected and where", () => {
    expect(positionOf(() => parseMap('map "u" = n\ngroup g(source s) {\n  s -> ;\n}'))).toEqual({
      line: 3,
      column: 8,
    });
    expect(() => parseMap('map "u" = n\ngroup g(source s) { s.a }')).toThrow(/2:25 expected ';', found "}"/);
    expect(() => parseMap('map "u" = n\ngroup g(target s) { }')).toThrow(/source parameter/);
  });

  it("refuses nesting without end by position, not by a stack overflow", () => {
    const deep = `map "u" = n group g(source s) { s -> (${"(".repeat(100_000)}`;
    expect(() => parseMap(deep)).toThrow(FmlSyntaxError);
    expect(() => parseFhirPath("-".repeat(100_000))).toThrow(FmlSyntaxError);
  });

  it("takes any damage as a positioned error or as another valid map", () => {
    const accepts = (text: string) => {
      try {
        parseMap(text);
      } catch (error) {
        expect(error).toBeInstanceOf(FmlSyntaxError);
      }
    };
    for (let at = 0; at < sample.length; at += 1) {
      accepts(sample.slice(0, at));
      accepts(sample.slice(0, at) + sample.slice(at + 1));
      accepts(sample.slice(0, at) + String.fromCharCode(sample.charCodeAt(at) ^ 1) + sample.slice(at + 1));
    }
    fc.assert(fc.property(fc.string({ unit: "binary" }), accepts));
  });
});

describe("parseFhirPath", () => {
  const shape = (text: string): unknown => {
    const strip = (node: unknown): unknown => {
      if (typeof node !== "object" || node === null) {
        return node;
      }
      const { kind, operator, left, right, operand, name, value, type, target, args, index } = node as Record<
        string,
        unknown
      >;
      const parts = [operator ?? name ?? value ?? kind, type, left, right, operand, target, index];
      const children = [...parts.slice(2), ...((args as unknown[]) ?? [])]
        .filter((c) => c !== undefined)
        .map(strip);
      return children.length === 0 ? parts[0] : [parts[0], ...children];
    };
    return strip(parseFhirPath(text));
  };

  it("binds operators as the specification orders them", () => {
    expect(shape("1 + 2 * 3")).toEqual(["+", 1, ["*", 2, 3]]);
    expect(shape("a or b and c implies d")).toEqual(["implies", ["or", "a", ["and", "b", "c"]], "d"]);
    expect(shape("a | b = c")).toEqual(["=", ["|", "a", "b"], "c"]);
    expect(shape("-a.b")).toEqual(["-", ["b", "a"]]);
    expect(shape("a is Patient = true")).toEqual(["=", ["is", "a"], true]);
    expect(shape("a.where(b = 1)[0].c")).toEqual(["c", ["index", ["where", "a", ["=", "b", 1]], 0]]);
  });

  it("reads literals with their types", () => {
    for (const [text, type, value] of [
      ["'a\\u0041\\n'", "String", "aA\n"],
      ["1.50", "Decimal", 1.5],
      ["@2020-01", "Date", "2020-01"],
      ["@2020-01-01T10:00Z", "DateTime", "2020-01-01T10:00Z"],
      ["@T10:00", "Time", "10:00"],
      ["5 days", "Quantity", 5],
      ["4 'mg'", "Quantity", 4],
      ["true", "Boolean", true],
    ] as const) {
      expect(parseFhirPath(text)).toMatchObject({ kind: "literal", type, value });
    }
    expect(parseFhirPath("4 'mg'")).toMatchObject({ unit: "'mg'" });
  });

  it("refuses what goes on after an expression", () => {
    expect(positionOf(() => parseFhirPath("a b"))).toEqual({ line: 1, column: 3 });
    expect(() => parseFhirPath("2 + 2 /* not finished")).toThrow(FmlSyntaxError);
  });
});
