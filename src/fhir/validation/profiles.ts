import type { CodeSystem, CodeSystemConcept, ValueSet } from "@medplum/fhirtypes";
import { canonicalBase } from "../../core/canonical.ts";
import type { Guide } from "../guide.ts";
import { compileProfile, type Profile } from "./profile.ts";
import { type AllowedCodes, allowedCodes } from "./rules.ts";

const noGuide: Guide = { structures: [], codeSystems: [], valueSets: [] };

/** The profiles of our guide, each compiled when it is first asked for. */
export class Profiles {
  readonly #guide: Guide;
  readonly #compiled = new Map<string, Profile>();

  constructor(guide: Guide = noGuide) {
    this.#guide = guide;
  }

  /** a profile by its canonical, with a version or without; undefined for one that is not ours */
  of(canonical: string): Profile | undefined {
    const url = canonical.replace(/\|.*/, "");
    const known = this.#compiled.get(url);
    if (known) return known;
    const definition = this.#guide.structures.find((each) => each.url === url);
    if (definition === undefined) return undefined;
    const profile = compileProfile(definition, (valueSet) => this.#codesOf(valueSet));
    this.#compiled.set(url, profile);
    return profile;
  }

  /** the profile and those that it builds upon */
  chainOf(canonical: string): readonly Profile[] {
    const profile = this.of(canonical);
    return profile === undefined ? [] : [profile, ...this.chainOf(profile.base)];
  }

  /** whether the url is one that only our guide could define */
  isOurs(url: string): boolean {
    return url.startsWith(`${canonicalBase}/StructureDefinition/`);
  }

  #codesOf(url: string): AllowedCodes | undefined {
    const valueSet = this.#guide.valueSets.find((each) => each.url === url);
    return valueSet && allowedCodes(valueSet.name ?? url, this.#systemsOf(valueSet));
  }

  #systemsOf({ compose }: ValueSet): Record<string, readonly string[]> {
    return Object.fromEntries(
      (compose?.include ?? []).map(({ system = "", concept }) => [
        system,
        concept?.map(({ code = "" }) => code) ?? codesOf(this.#codeSystem(system)?.concept),
      ]),
    );
  }

  #codeSystem(url: string): CodeSystem | undefined {
    return this.#guide.codeSystems.find((each) => each.url === url);
  }
}

const codesOf = (concepts: readonly CodeSystemConcept[] = []): string[] =>
  concepts.flatMap(({ code = "", concept }) => [code, ...codesOf(concept)]);
