import { isDeepStrictEqual } from "node:util";
import { compileFile } from "../src/fml/builder.ts";
import { uncovered } from "../src/fml/coverage.ts";
import { FmlCompileError } from "../src/fml/errors.ts";
import { interpret } from "../src/fml/interpreter.ts";
import { loadMapping } from "../src/fml/loader.ts";
import { libraryOf, readSources } from "../src/fml/mapping-folder.ts";
import type { Mapping } from "../src/fml/module.ts";
import { parseMap } from "../src/fml/parser.ts";
import { readR4Types } from "../src/fml/r4-types.ts";
import { build, type Message, readSource } from "./mapping-folder.ts";

const mapFile = ({ folder }: Message, direction: string) => new URL(`${direction}.fml`, folder);
const caseFile = ({ folder }: Message, name: string, file: string) =>
  new URL(`fixtures/${name}/${file}`, folder);

// objects read from XML have no prototype, which is no difference here
const plain = (value: unknown): unknown =>
  value === undefined ? undefined : JSON.parse(JSON.stringify(value));
const same = (a: unknown, b: unknown) => isDeepStrictEqual(plain(a), plain(b));

/** Checks one message as the gate does; returns what is wrong, in words. */
export async function checkMessage(message: Message): Promise<readonly string[]> {
  const problems = message.cases.length === 0 ? ["no fixtures"] : [];
  for (const direction of message.directions) {
    try {
      problems.push(...(await checkDirection(message, direction)));
    } catch (error) {
      const text = error instanceof FmlCompileError ? error.message : String(error);
      problems.push(`${direction}: ${text}`);
    }
  }
  return problems;
}

async function checkDirection(message: Message, direction: string): Promise<readonly string[]> {
  const file = mapFile(message, direction);
  const { untyped } = await compileFile(file, build);
  const problems = untyped.map(
    (url) => `${direction}: nothing describes ${url}, so its elements are not checked`,
  );
  const mapping = await loadMapping(file);
  const standard = await interpreterOf(file);
  if (direction === "to-fhir") {
    problems.push(
      ...(await missing(message)).map((path) => `${direction}: ${path} is neither mapped nor listed`),
    );
  }
  for (const name of message.cases) {
    const wrong = checkCase(message, name, { mapping, standard, direction });
    problems.push(...wrong.map((text) => `${direction} ${name}: ${text}`));
  }
  return problems;
}

interface Under {
  readonly mapping: Mapping;
  readonly standard: (source: unknown) => unknown;
  readonly direction: string;
}

function checkCase(
  message: Message,
  name: string,
  { mapping, standard, direction }: Under,
): readonly string[] {
  const isForth = direction === "to-fhir";
  const source = readSource(message, caseFile(message, name, isForth ? "input" : "expected"));
  const expected = readSource(message, caseFile(message, name, isForth ? "expected" : "back"));
  if (source === undefined) {
    return ["no fixture to convert"];
  }
  if (isForth && expected === undefined) {
    return ["no expected.json to compare with"];
  }
  const result = mapping.convert(source);
  const root = message.about.source?.root ?? "";
  const part = (value: unknown) =>
    isForth || message.model?.root === root ? value : (value as Record<string, unknown> | undefined)?.[root];
  return [
    ...(same(result, standard(source)) ? [] : ["compiled and interpreted differ"]),
    ...(same(result, mapping.trace(source).result) ? [] : ["traced and untraced differ"]),
    ...(expected === undefined || same(part(result), part(expected))
      ? []
      : ["the result is not the expected one"]),
  ];
}

async function interpreterOf(file: URL): Promise<(source: unknown) => unknown> {
  const sources = readSources(file);
  const library = { types: await readR4Types(build), ...libraryOf(sources) };
  const map = parseMap(sources.text);
  return (source) => interpret(map, library, source);
}

/** The elements of a message's model that to-fhir never reads and mapping.json does not list. */
export async function missing(message: Message): Promise<readonly string[]> {
  if (message.model === undefined || !message.directions.includes("to-fhir")) {
    return [];
  }
  const { touched } = await compileFile(mapFile(message, "to-fhir"), build);
  const listed = new Set((message.about.unmapped ?? []).map(({ element }) => element));
  return uncovered(message.model, touched, listed);
}
