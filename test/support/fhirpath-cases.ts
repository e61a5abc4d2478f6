import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { evaluate } from "../../src/fml/fhirpath.ts";
import { type Node, nodeOf, systemType } from "../../src/fml/fhirpath-node.ts";
import { parseFhirPath } from "../../src/fml/fhirpath-parser.ts";
import { readXml } from "../../src/xml/read.ts";
import { attributeOf, elementOf, elementsOf, textOf } from "../../src/xml/tree.ts";
import { types } from "./fml.ts";

/** One test of the public FHIRPath suite; `input` is undefined where the data folder has no JSON of it. */
export interface FhirPathCase {
  readonly name: string;
  readonly expression: string;
  readonly invalid: boolean;
  readonly predicate: boolean;
  readonly input: unknown;
  readonly hasInput: boolean;
  readonly outputs: readonly { readonly type: string; readonly text: string }[];
}

/** Reads the suite of R4 and its inputs from a folder of FHIR's public test cases. */
export function readFhirPathCases(folder: string): readonly FhirPathCase[] {
  const suite = readXml(readFileSync(join(folder, "r4/fhirpath/tests-fhir-r4.xml")));
  return elementsOf(suite, "group").flatMap((group) =>
    elementsOf(group, "test").map((test) => {
      const expression = elementOf(test, "expression");
      const file = (attributeOf(test, "inputfile") ?? "").replace(/\.xml$/, ".json");
      const path = join(folder, "r4/examples", file);
      const hasInput = file === "" || existsSync(path);
      return {
        name: `${attributeOf(group, "name")}/${attributeOf(test, "name")}`,
        expression: expression === undefined ? "" : textOf(expression),
        invalid: expression !== undefined && attributeOf(expression, "invalid") !== undefined,
        predicate: attributeOf(test, "predicate") === "true",
        hasInput,
        input: file !== "" && hasInput ? (JSON.parse(readFileSync(path, "utf8")) as unknown) : {},
        outputs: elementsOf(test, "output").map((output) => ({
          type: attributeOf(output, "type") ?? "",
          text: textOf(output),
        })),
      };
    }),
  );
}

const systemNames: Readonly<Record<string, string>> = { dateTime: "DateTime", date: "Date", time: "Time" };

function agrees(node: Node, { type, text }: FhirPathCase["outputs"][number]): boolean {
  const system = systemType(types, node);
  const wanted = systemNames[type] ?? type.charAt(0).toUpperCase() + type.slice(1);
  const isText = system === "String" && ["code", "id", "string", "uri"].includes(type);
  if (type !== "" && system !== wanted && !isText) {
    return false;
  }
  if (type === "Quantity") {
    const { value, unit } = node.value as { value: number; unit: string };
    return text === `${value} '${unit}'`;
  }
  const written = type === "date" || type === "dateTime" || type === "time" ? text.replace(/^@T?/, "") : text;
  return type === "decimal" ? Number(written) === node.value : String(node.value) === written;
}

/** Runs one test; undefined if it passes, else what happened. */
export function runFhirPathCase(test: FhirPathCase): string | undefined {
  let nodes: readonly Node[];
  try {
    const root = nodeOf(undefined, test.input);
    nodes = evaluate(parseFhirPath(test.expression), [root], { types, now: "2026-11-21T09:00:00.000+03:00" });
  } catch (error) {
    return test.invalid ? undefined : String(error);
  }
  if (test.invalid) {
    return "an error was expected";
  }
  if (test.predicate) {
    return nodes.length > 0 === (test.outputs[0]?.text === "true") ? undefined : "the other truth";
  }
  const isSame =
    nodes.length === test.outputs.length &&
    test.outputs.every((output, i) => {
      const node = nodes[i];
      return node !== undefined && agrees(node, output);
    });
  return isSame
    ? undefined
    : `got ${JSON.stringify(nodes.map(({ type, value }) => [type, value])).slice(0, 120)}`;
}
