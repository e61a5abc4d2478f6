import type { Resource } from "@medplum/fhirtypes";
import type { SearchParameter } from "../provider.ts";
import { spansOf } from "./birth-date.ts";
import type { Typed } from "./expression.ts";
import { fold, prefixesOf, wordsOf } from "./fold.ts";
import { type Component, indexedParametersOf } from "./parameters.ts";
import { referencesOf } from "./reference.ts";
import type { SharedPlace } from "./shared-place.ts";
import type { Terms } from "./terms.ts";
import { formsOf, tokensOf } from "./token.ts";
import { quantitiesOf, rangesOf, textsOf } from "./values.ts";

/** The rows of one resource, but for its own. */
export interface Entries {
  readonly terms: Set<string>;
  /** by parameter */
  readonly references: Map<string, Set<string>>;
  readonly ranges: { parameter: string; low: number | string; high: number | string }[];
  readonly texts: { parameter: string; value: string }[];
}

/** How the rows of an index are written. */
export interface IndexPlace {
  terms: Terms;
  baseUrl: string;
  shared?: SharedPlace;
}

/** What a search may find the resource by. */
export function entriesOf(place: IndexPlace, tenant: string, resource: Resource): Entries {
  const { terms } = place;
  const entries: Entries = { terms: new Set(), references: new Map(), ranges: [], texts: [] };
  const type = resource.resourceType;
  const whole: Typed = { type, value: resource };
  for (const parameter of indexedParametersOf(type)) {
    // id and time stand in the row itself
    if (parameter.name === "_id" || parameter.name === "_lastUpdated") continue;
    const found = parameter.extract(whole);
    if (found.length === 0) continue;
    const key = (...further: string[]) => terms.parameter(tenant, type, parameter.name, ...further);
    const writer = new Writer({ ...place, tenant, entries, key, personal: parameter.personal === true });
    // a composite is there where all its parts are
    let isThere = true;
    if (parameter.type === "composite")
      isThere = found.map((base) => writer.composite(parameter.components, base)).some(Boolean);
    else writer.values(parameter.type, found);
    if (isThere) entries.terms.add(terms.term(key(), "present"));
  }
  return entries;
}

interface Place extends IndexPlace {
  tenant: string;
  entries: Entries;
  /** the parameter's hash, further parts of a composite or unit included */
  key(...further: string[]): string;
  personal: boolean;
}

class Writer {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  values(kind: SearchParameter["type"], found: readonly Typed[]): void {
    for (const value of found) this.#value(kind, value);
  }

  #value(kind: SearchParameter["type"], value: Typed): void {
    switch (kind) {
      case "token":
        for (const form of [...tokensOf(value).flatMap(formsOf), ...typedIdentifier(value)]) this.#term(form);
        break;
      case "reference":
        this.#reference(value);
        break;
      case "string":
        for (const text of textsOf(value)) this.#text(text);
        break;
      case "uri":
        this.#uri(String(value.value));
        break;
      case "date":
        this.#date(value);
        break;
      default:
        for (const { units, ...range } of quantitiesOf(value))
          for (const unit of [[], ...units]) this.#range(this.#place.key(...unit), range);
    }
  }

  #date(value: Typed): void {
    if (!this.#place.personal) for (const range of rangesOf(value)) this.#range(this.#place.key(), range);
    else if (typeof value.value === "string") for (const form of spansOf(value.value)) this.#term(form);
  }

  /** The last component is written under the forms of those before it; false where one of them has no value. */
  composite(components: readonly Component[], base: Typed): boolean {
    const [last, ...earlier] = [...components].reverse();
    if (!last) return false;
    const values = last.extract(base);
    let parts: string[][] = [[]];
    for (const { extract } of earlier.reverse()) {
      const forms = extract(base).flatMap(tokensOf).flatMap(formsOf);
      parts = parts.flatMap((part) => forms.map((form) => [...part, JSON.stringify(form)]));
    }
    const { key } = this.#place;
    for (const part of parts)
      new Writer({ ...this.#place, key: (...further) => key(...part, ...further) }).values(last.kind, values);
    return values.length > 0 && parts.length > 0;
  }

  #term(form: readonly string[]): void {
    const { terms, entries, key } = this.#place;
    entries.terms.add(terms.term(key(), ...form));
  }

  #reference(value: Typed): void {
    const { terms, tenant, entries, key, baseUrl, shared } = this.#place;
    const { targets, identifier } = referencesOf(value, baseUrl);
    const known = entries.references.get(key()) ?? new Set();
    entries.references.set(key(), known);
    for (const target of targets) {
      known.add(terms.target(tenant, target));
      if (shared && target.startsWith(`${shared.type}/`)) known.add(terms.target(shared.tenant, target));
    }
    if (identifier)
      for (const form of tokensOf(identifier).flatMap(formsOf)) this.#term(["identifier", ...form]);
  }

  #text(text: string): void {
    const { entries, key, personal } = this.#place;
    this.#term(["exact", text]);
    const folded = fold(text);
    if (!personal) entries.texts.push({ parameter: key(), value: folded });
    else for (const prefix of wordsOf(folded).flatMap(prefixesOf)) this.#term(["prefix", prefix]);
  }

  #uri(uri: string): void {
    const { entries, key } = this.#place;
    // a canonical without its version, meta.source without the request that wrote it
    const values = new Set([uri, uri.replace(/[|#].*$/, "")]);
    for (const value of values) entries.texts.push({ parameter: key(), value });
  }

  #range(parameter: string, { low, high }: { low: number; high: number }): void {
    // JSON has no infinity, PostgreSQL reads it as text
    this.#place.entries.ranges.push({ parameter, low: String(low), high: String(high) });
  }
}

/** `:of-type` asks for type and value of an identifier together. */
function typedIdentifier({ type, value }: Typed): string[][] {
  if (type !== "Identifier") return [];
  const { type: kind, value: number } = value as {
    type?: { coding?: { system?: string; code?: string }[] };
    value?: string;
  };
  if (number === undefined) return [];
  return (kind?.coding ?? []).map(({ system = "", code = "" }) => ["of-type", system, code, number]);
}
