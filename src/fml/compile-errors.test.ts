import { describe, expect, it } from "vitest";
import { libraryFor } from "../../test/support/fml.ts";
import { aroundCard, toPractitioner } from "../../test/support/fml-card.ts";
import { compileMap } from "./compiler.ts";
import { FmlCompileError } from "./errors.ts";

const problemsOf = (text: string) => {
  try {
    compileMap(text, libraryFor(aroundCard));
  } catch (error) {
    expect(error).toBeInstanceOf(FmlCompileError);
    return (error as FmlCompileError).problems.map(
      ({ code, position, message }) => `${position.line}:${position.column} ${code} ${message}`,
    );
  }
  return [];
};

describe("compile errors", () => {
  it.each([
    ["src.nam as n -> tgt.id = n;", "6:5 unknown-element Card has no element nam; did you mean name?"],
    [
      "src.name as n -> tgt.nam = n;",
      "6:22 unknown-element Practitioner has no element nam; did you mean name?",
    ],
    ["src.name as n -> tgt.id = m;", "6:27 unknown-variable no variable is named m"],
    ["src.name as n then other(n);", "6:20 unknown-group no group is named other"],
    ["src then card(src);", "6:10 arity card takes 2 parameters, not 1"],
    [
      "src.name as n -> tgt.gender = translate(n, '#none', 'code');",
      "6:44 unknown-concept-map no ConceptMap is named #none",
    ],
    [
      "src.name as n -> tgt.active = n;",
      "6:31 type a string does not fit active, which takes boolean; use cast(value, 'type')",
    ],
    ["src.job as j -> tgt.name = j;", "6:28 type a Job does not fit name, which takes HumanName"],
    [
      "src.name as n -> tgt.name.family = n;",
      "6:22 cardinality name repeats: give it a rule of its own with 'as'",
    ],
    [
      "src.name as n where n.lenght() > 1 -> tgt.id = n;",
      "6:23 unknown-function no function is named lenght; did you mean length?",
    ],
    [
      "src.name as n where n.matches('(a+)+') -> tgt.id = n;",
      "6:31 unsupported a repeat within a repeat is not run",
    ],
    [
      "src where conformsTo('urn:profile') -> tgt.id = 'x';",
      "6:22 unsupported conformsTo knows only the base types of FHIR",
    ],
    ["src.name as n -> src.id = n;", "6:18 type src is a source; a rule writes only to targets"],
    ["src.name as n -> tgt.`__proto__` = n;", "6:22 forbidden-name no element is named __proto__"],
    ["src.`constructor` as n -> tgt.id = n;", "6:5 forbidden-name no element is named constructor"],
    ["src -> tgt.name = create('Nobody') as n;", "6:8 unknown-type no type is named Nobody"],
  ])("%s", (rule, expected) => {
    expect(problemsOf(toPractitioner(rule))).toContain(expected);
  });

  it.each([
    ["let a = a & 'x';", "unknown-variable no constant before a is named a"],
    ["let a = b;\nlet b = %a;", "unknown-variable no constant before a is named b"],
    ["let a = 'x';\nlet a = 'y';", "duplicate a constant named a exists already"],
  ])("%s", (constants, expected) => {
    const text = toPractitioner("src -> tgt.id = a;").replace("group card", `${constants}\ngroup card`);
    expect(problemsOf(text).join("\n")).toContain(expected);
  });

  it("names groups that extend themselves by way of others", () => {
    const text = toPractitioner(
      "src.name as n -> tgt.id = n;",
      `group a(source src, target tgt) extends b { src.id as i -> tgt.id = i; }
       group b(source src, target tgt) extends a { src.id as i -> tgt.id = i; }`,
    );
    expect(problemsOf(text).map((line) => line.replace(/^\S+ /, ""))).toEqual([
      "duplicate a extends itself",
      "duplicate b extends itself",
    ]);
  });

  it("says all problems at once, in order", () => {
    const found = problemsOf(toPractitioner("src.a -> tgt.id;\nsrc.b -> tgt.id;"));
    expect(found.map((line) => line.slice(0, 4))).toEqual(["6:5 ", "7:5 "]);
  });

  it("never lets a name or a string of a map into the generated code as code", () => {
    const evil = "'];globalThis.hacked=1;//\\u2028";
    const text = toPractitioner(
      `src.name as \`x;globalThis.hacked=1\` -> tgt.id = "${evil}" "*/ globalThis.hacked=1 //\\u2028globalThis.hacked=1";`,
    );
    const { code } = compileMap(text, libraryFor(aroundCard));
    const withoutStrings = code.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/^\/\/.*$/gm, "");
    expect(withoutStrings).not.toContain("hacked");
    expect(code).not.toMatch(/[\u2028\u2029]/);
  });
});
