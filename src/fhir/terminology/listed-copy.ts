import type { CodeSystem, CodeSystemConcept } from "@medplum/fhirtypes";
import type { Concept, ConceptQuery } from "../../store/dictionaries.ts";
import { fold } from "../search/fold.ts";
import type { CodeSystemCopy } from "./code-system-copy.ts";

/** A code system that is part of the product, in memory. */
export function listedCopy(system: {
  url: string;
  version?: string;
  title: string;
  concepts: readonly Concept[];
}): CodeSystemCopy {
  const { url, version, title, concepts } = system;
  const byCode = new Map(concepts.map((concept) => [concept.code, concept]));
  const ancestors = (code: string): string[] => {
    const line = new Set<string>();
    for (let each = byCode.get(code); each && !line.has(each.code); each = byCode.get(each.parent ?? ""))
      line.add(each.code);
    return [...line];
  };
  const subtree = (code: string) =>
    concepts.filter((each) => ancestors(each.code).includes(code)).map((each) => each.code);
  return {
    url,
    version,
    title,
    hierarchical: concepts.some(({ parent }) => parent !== undefined),
    count: concepts.length,
    asOf: undefined,
    concept: async (code) => byCode.get(code),
    async search(query) {
      const inTree = query.root === undefined ? undefined : new Set(subtree(query.root));
      const found = concepts.filter((each) => (inTree?.has(each.code) ?? true) && isFound(each, query));
      return { total: found.length, concepts: found.slice(query.offset, query.offset + query.count) };
    },
    subtree: async (code) => subtree(code),
    ancestors: async (code) => ancestors(code),
  };
}

function isFound({ code, display, active }: Concept, { filter, activeOn }: ConceptQuery): boolean {
  if (activeOn !== undefined && !active) return false;
  if (filter === undefined || code.toLowerCase().startsWith(filter)) return true;
  const folded = fold(display);
  return filter.split(" ").every((word) => folded.includes(word));
}

/** The concepts of a CodeSystem resource, nested ones with their parent. */
export function conceptsOf({ concept = [] }: CodeSystem): Concept[] {
  const flat = (concepts: readonly CodeSystemConcept[], parent?: string): Concept[] =>
    concepts.flatMap((each) => [toConcept(each, parent), ...flat(each.concept ?? [], each.code)]);
  return flat(concept);
}

function toConcept({ code = "", display = code, property = [] }: CodeSystemConcept, above?: string): Concept {
  const of = (name: string) => property.find((each) => each.code === name);
  const parent = above ?? of("parent")?.valueCode;
  const [starts, ends] = [of("effectiveDate")?.valueDateTime, of("retirementDate")?.valueDateTime];
  return {
    code,
    display,
    active: of("inactive")?.valueBoolean !== true,
    ...(parent !== undefined && { parent }),
    ...(starts !== undefined && { starts }),
    ...(ends !== undefined && { ends }),
  };
}
