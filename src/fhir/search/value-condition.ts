import { type RawBuilder, sql } from "kysely";
import { GatewayError } from "../../core/errors.ts";
import type { SearchParameter } from "../provider.ts";
import { spansAsked } from "./birth-date.ts";
import { partsAt, unescaped } from "./criterion.ts";
import { fold, wordsOf } from "./fold.ts";
import type { IndexedParameter } from "./parameters.ts";
import { dateConditions, dateRangeOf, numberConditions, numberOf, prefixedOf } from "./range.ts";
import { localOf } from "./reference.ts";
import { direct, inHierarchy, ofTerms, positive, type RidSet, ranges, union, uuids } from "./rid-set.ts";
import type { SharedPlace } from "./shared-place.ts";
import type { SearchTerminology } from "./terminology.ts";
import type { Terms } from "./terms.ts";
import { contactOf, formsAsked } from "./token.ts";

export interface ConditionParts {
  terms: Terms;
  terminology: SearchTerminology;
  tenant: string;
  /** the tenant whose search it is */
  asking: string;
  shared?: SharedPlace;
  baseUrl: string;
  /** milliseconds, for `ap` */
  now: number;
}

const mostCodes = 5_000;
const mostWords = 8;
const mostParents = 30;
// greater than every character that a text may hold
const lastCharacter = "\u{10FFFF}";

interface ValuePlace {
  parameter: IndexedParameter;
  modifier: string | undefined;
  key(...further: string[]): string;
}

/** The values of one parameter; alternatives are joined. */
export class Values {
  readonly #parts: ConditionParts;
  readonly #place: ValuePlace;

  constructor(parts: ConditionParts, place: ValuePlace) {
    this.#parts = parts;
    this.#place = place;
  }

  async of(raw: readonly string[]): Promise<RidSet> {
    const { parameter, modifier } = this.#place;
    if (parameter.type === "composite")
      return positive(union(await Promise.all(raw.map((one) => this.#composite(one)))));
    return this.#ofKind(parameter.type, raw, modifier);
  }

  async #ofKind(
    kind: SearchParameter["type"],
    raw: readonly string[],
    modifier: string | undefined,
  ): Promise<RidSet> {
    switch (kind) {
      case "token":
        return this.#tokens(raw, modifier);
      case "reference":
        return this.#references(raw, modifier);
      case "string":
        return direct(union(raw.map((one) => this.#text(unescaped(one), modifier))));
      case "uri":
        return direct(union(raw.map((one) => this.#uri(unescaped(one), modifier))));
      case "date":
        return this.#place.parameter.personal
          ? this.#personalDate(raw)
          : direct(union(raw.map((one) => this.#date(one))));
      default:
        return direct(union(raw.map((one) => this.#quantity(one))));
    }
  }

  get #field(): string {
    const { parameter, modifier } = this.#place;
    return modifier === undefined ? parameter.name : `${parameter.name}:${modifier}`;
  }

  #terms(forms: readonly (readonly string[])[]): string[] {
    const key = this.#place.key();
    return [...new Set(forms.map((form) => this.#parts.terms.term(key, ...form)))];
  }

  async #tokens(raw: readonly string[], modifier: string | undefined): Promise<RidSet> {
    switch (modifier) {
      case "in":
      case "not-in": {
        const codes = (await Promise.all(raw.map((url) => this.#codesOf(unescaped(url))))).flat();
        return {
          ...ofTerms(this.#terms(codes.flatMap((code) => this.#forms(code)))),
          negated: modifier === "not-in",
        };
      }
      case "above":
      case "below": {
        const codes = (await Promise.all(raw.map((one) => this.#hierarchy(one, modifier)))).flat();
        return ofTerms(this.#terms(codes.flatMap((code) => this.#forms(code))));
      }
      case "of-type":
        return ofTerms(this.#terms(raw.map((one) => this.#typedIdentifier(one))));
      default:
        return {
          ...ofTerms(this.#terms(raw.flatMap((one) => this.#tokenForms(one)))),
          negated: modifier === "not",
        };
    }
  }

  #forms(token: { system?: string; code?: string }): string[][] {
    return formsAsked(token, this.#place.parameter.implied);
  }

  #tokenForms(raw: string): string[][] {
    const token = tokenAsked(raw);
    if (!token) throw bad(this.#field, "code, system|code, |code or system|");
    const contact = /^(telecom|phone|email)$/.test(this.#place.parameter.name);
    return this.#forms(contact && token.code !== undefined ? { code: contactOf(token.code) } : token);
  }

  async #codesOf(url: string): Promise<readonly { system?: string; code: string }[]> {
    const codes = await this.#parts.terminology.codesOf(url);
    if (!codes) throw bad(this.#field, "the ValueSet is not known here");
    if (codes.length > mostCodes)
      throw tooBroad(this.#field, `the ValueSet has more than ${mostCodes} codes`);
    return codes;
  }

  async #hierarchy(raw: string, modifier: "above" | "below"): Promise<{ system: string; code: string }[]> {
    const { system, code } = tokenAsked(raw) ?? {};
    if (!system || code === undefined) throw bad(this.#field, "system|code");
    const { terminology } = this.#parts;
    const codes = await (modifier === "below"
      ? terminology.subtree(system, code)
      : terminology.ancestors(system, code));
    if (!codes) throw bad(this.#field, "the code system is not known here");
    if (codes.length > mostCodes) throw tooBroad(this.#field, `more than ${mostCodes} codes`);
    return codes.map((one) => ({ system, code: one }));
  }

  #typedIdentifier(raw: string): string[] {
    const [system = "", code, value] = partsAt("|", raw).map(unescaped);
    if (code === undefined || value === undefined) throw bad(this.#field, "system|code|value");
    return ["of-type", system, code, value];
  }

  #references(raw: readonly string[], modifier: string | undefined): RidSet {
    const { terms, tenant } = this.#parts;
    if (modifier === "identifier")
      return ofTerms(
        this.#terms(raw.flatMap((one) => this.#tokenForms(one)).map((form) => ["identifier", ...form])),
      );
    const hierarchy = modifier === "above" || modifier === "below" ? modifier : undefined;
    const named = raw.flatMap((one) => this.#targetsNamed(unescaped(one), hierarchy ? undefined : modifier));
    const targets = [...new Set(named)].map((target) => terms.target(tenant, target));
    const parameter = this.#place.key();
    if (hierarchy) return positive(inHierarchy(parameter, targets, hierarchy));
    const [target] = targets;
    return {
      query: sql`select rid from search_reference where parameter = ${parameter}::uuid and target = any(${uuids(targets)})`,
      negated: false,
      direct: true,
      ...(target !== undefined && targets.length === 1 && { reference: { parameter, target } }),
    };
  }

  /** `Type/id`, an id alone with each type that the parameter may name, or an address. */
  #targetsNamed(text: string, type: string | undefined): string[] {
    const local = localOf(text, this.#parts.baseUrl).replace(/\/_history\/[^/]+$/, "");
    if (/[/:|]/.test(local)) return type === undefined || local.startsWith(`${type}/`) ? [local] : [];
    return (this.#place.parameter.targets ?? [])
      .filter((one) => type === undefined || one === type)
      .map((one) => `${one}/${local}`);
  }

  #text(text: string, modifier: string | undefined): RawBuilder<unknown> {
    const { personal } = this.#place.parameter;
    if (modifier === "exact") return ofTerms(this.#terms([["exact", text]])).query;
    const folded = fold(text);
    if (personal) return this.#words(wordsOf(folded));
    const parameter = this.#place.key();
    if (modifier === "contains")
      return sql`select rid from search_text where parameter = ${parameter}::uuid and position(${folded} in value) > 0`;
    return sql`select rid from search_text where parameter = ${parameter}::uuid
      and value >= ${folded} and value < ${folded + lastCharacter}`;
  }

  /** Every word begins some word of the name; a word longer than what is indexed is compared whole. */
  #words(words: readonly string[]): RawBuilder<unknown> {
    const terms = this.#terms(words.slice(0, mostWords).map((word) => ["prefix", word]));
    if (terms.length < 2) return ofTerms(terms).query;
    return sql`select rid from search_term where term = any(${uuids(terms)}) group by rid having count(*) = ${terms.length}`;
  }

  #uri(uri: string, modifier: string | undefined): RawBuilder<unknown> {
    const rows = sql`select rid from search_text where parameter = ${this.#place.key()}::uuid`;
    if (modifier === "below") {
      const stem = uri.endsWith("/") ? uri : `${uri}/`;
      return sql`${rows} and (value = ${uri} or value >= ${stem} and value < ${stem + lastCharacter})`;
    }
    if (modifier !== "above") return sql`${rows} and value = ${uri}`;
    const parents = uri
      .split("/")
      .map((_, index, segments) => segments.slice(0, segments.length - index).join("/"));
    return sql`${rows} and value in (${sql.join(parents.slice(0, mostParents))})`;
  }

  #date(raw: string): RawBuilder<unknown> {
    const { prefix, text } = prefixedOf(raw);
    const range = dateRangeOf(text);
    if (!range) throw bad(this.#field, "not a date: [prefix]YYYY-MM-DD or an instant");
    return ranges(this.#place.key(), dateConditions(prefix, range, this.#parts.now));
  }

  #personalDate(raw: readonly string[]): RidSet {
    const asked = raw.map((one) => {
      const { prefix, text } = prefixedOf(one);
      const spans = spansAsked(prefix, text);
      if (!spans) throw bad(this.#field, "not a date: [prefix]YYYY-MM-DD");
      return spans;
    });
    if (asked.some(({ negated }) => negated) && asked.length > 1) throw bad(this.#field, "ne stands alone");
    const set = ofTerms(this.#terms(asked.flatMap(({ forms }) => forms)));
    if (!asked[0]?.negated) return set;
    const present = sql`select rid from search_term where term = ${this.#terms([["present"]])[0]}::uuid`;
    return positive(sql`${present} except ${set.query}`);
  }

  #quantity(raw: string): RawBuilder<unknown> {
    const [number = "", system, code, ...rest] = partsAt("|", raw).map(unescaped);
    const { prefix, text } = prefixedOf(number);
    const value = numberOf(text);
    // one bar alone leaves a unit without a code, or a system that nothing is asked of
    if (!value || rest.length > 0 || (system !== undefined && !code))
      throw bad(this.#field, "[prefix]number or [prefix]number|system|code, or number||code for any system");
    const unit = code === undefined ? [] : system ? ["unit", system, code] : ["unit", code];
    return ranges(this.#place.key(...unit), numberConditions(prefix, value));
  }

  async #composite(raw: string): Promise<RawBuilder<unknown>> {
    const { parameter, key } = this.#place;
    const values = partsAt("$", raw);
    if (values.length !== parameter.components.length)
      throw bad(this.#field, `${parameter.components.length} parts joined by $`);
    const last = values.at(-1) ?? "";
    const kind = parameter.components.at(-1)?.kind ?? "token";
    let parts: string[][] = [[]];
    for (const value of values.slice(0, -1)) {
      const forms = this.#tokenForms(value);
      parts = parts.flatMap((part) => forms.map((form) => [...part, JSON.stringify(form)]));
    }
    const sets = parts.map((part) => {
      const place = {
        ...this.#place,
        modifier: undefined,
        key: (...further: string[]) => key(...part, ...further),
      };
      return new Values(this.#parts, place).#ofKind(kind, [last], undefined);
    });
    return union((await Promise.all(sets)).map(({ query }) => query));
  }
}

/** `code`, `system|code`, `|code`, `system|`; undefined for more parts or nothing. */
function tokenAsked(raw: string): { system?: string; code?: string } | undefined {
  const [first = "", second, ...more] = partsAt("|", raw).map(unescaped);
  if (more.length > 0 || (first === "" && !second)) return undefined;
  if (second === undefined) return { code: first };
  return second === "" ? { system: first } : { system: first, code: second };
}

const bad = (field: string, detail: string) => new GatewayError("bad-request", { field, detail });
const tooBroad = (field: string, detail: string) => new GatewayError("search-too-broad", { field, detail });
