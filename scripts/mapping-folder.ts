import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { LogicalModel } from "../src/fml/logical-model.ts";
import { xmlModelOf } from "../src/fml/xml-source.ts";
import { toObject } from "../src/xml/object.ts";
import { readXml } from "../src/xml/read.ts";
import { elementsOf, type XmlElement } from "../src/xml/tree.ts";

/** What the tools read of mapping.json. */
interface MappingJson {
  readonly source?: { readonly root?: string };
  readonly fixtureParameters?: Readonly<Record<string, unknown>>;
  readonly unmapped?: readonly { readonly element: string; readonly reason: string }[];
}

/** One message's folder under mappings/. */
export interface Message {
  readonly name: string;
  readonly folder: URL;
  readonly about: MappingJson;
  readonly model: LogicalModel | undefined;
  readonly directions: readonly ("to-fhir" | "from-fhir")[];
  readonly cases: readonly string[];
}

export const mappings = new URL("../mappings/", import.meta.url);
export const build = new URL("../build/", import.meta.url);

const folders = (at: URL) =>
  existsSync(at)
    ? readdirSync(at, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
    : [];

const readJson = <Content>(file: URL): Content | undefined =>
  existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Content) : undefined;

/** The messages whose name contains the filter, in the order of their names. */
export function messages(filter = ""): readonly Message[] {
  const names = folders(mappings).flatMap((system) =>
    folders(new URL(`${system}/`, mappings)).map((message) => `${system}/${message}`),
  );
  return names
    .filter((name) => name.includes(filter))
    .sort()
    .map(messageOf);
}

function messageOf(name: string): Message {
  const folder = new URL(`${name}/`, mappings);
  return {
    name,
    folder,
    about: readJson<MappingJson>(new URL("mapping.json", folder)) ?? {},
    model: readJson<LogicalModel>(new URL("model.json", folder)),
    directions: (["to-fhir", "from-fhir"] as const).filter((one) =>
      existsSync(new URL(`${one}.fml`, folder)),
    ),
    cases: folders(new URL("fixtures/", folder)).sort(),
  };
}

/** A fixture file's content as a map sees it; undefined if the case has no such file. */
export function readSource(message: Message, file: URL): unknown {
  const json = readJson<unknown>(new URL(`${file.href}.json`));
  const xml = new URL(`${file.href}.xml`);
  if (json !== undefined || !existsSync(xml)) {
    return json;
  }
  const { model, about } = message;
  const root = about.source?.root ?? model?.root ?? "";
  const element = find(readXml(readFileSync(xml)), root);
  if (element === undefined || model === undefined) {
    throw new Error(`${file.pathname}.xml: no element ${root}, or no model.json`);
  }
  const object = toObject(element, xmlModelOf(model, root));
  // a message whose root is not the model's stands in an envelope with the caller's parameters
  return root === model.root ? object : { ...about.fixtureParameters, [root]: object };
}

function find(element: XmlElement, name: string): XmlElement | undefined {
  if (element.name === name) {
    return element;
  }
  for (const child of elementsOf(element)) {
    const found = find(child, name);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}
