import { type RawBuilder, sql } from "kysely";
import { GatewayError } from "../../core/errors.ts";
import type { Criterion, ReverseChain, SearchParameter } from "../provider.ts";
import { indexedParametersOf } from "./parameters.ts";
import { dateConditions, dateRangeOf, prefixedOf } from "./range.ts";
import { conjunction, disjunction, ofTerms, positive, type RidSet, union, uuids } from "./rid-set.ts";
import { aboutSubjects, isMember, requireJoined, type SharedPlace, subjectsWith } from "./shared-place.ts";
import { type ConditionParts, Values } from "./value-condition.ts";

/** Turns criteria of one type into sets of the index. */
export class Conditions {
  readonly #parts: ConditionParts;
  readonly #type: string;

  constructor(parts: ConditionParts, type: string) {
    this.#parts = parts;
    this.#type = type;
  }

  async of(test: Criterion | ReverseChain): Promise<RidSet> {
    if ("test" in test) return positive(await this.#referredToBy(test));
    if (test.links) return positive(await this.#throughReference(test));
    const { parameter, modifier } = test;
    if (modifier === "missing") return this.#missing(parameter, test.values);
    if (parameter.name === "_id") return positive(this.#byId(test.values));
    if (parameter.name === "_lastUpdated") return positive(this.#byUpdate(test.values));
    const indexed = indexedParametersOf(this.#type).find(({ name }) => name === parameter.name);
    if (!indexed) throw new GatewayError("unknown-parameter", { field: parameter.name });
    const key = (...further: string[]) => this.#key(parameter.name, ...further);
    return new Values(this.#parts, { parameter: indexed, modifier, key }).of(test.raw ?? test.values);
  }

  #key(name: string, ...further: string[]): string {
    const { terms, tenant } = this.#parts;
    return terms.parameter(tenant, this.#type, name, ...further);
  }

  #missing({ name }: SearchParameter, values: readonly string[]): RidSet {
    const [value] = values;
    if (values.length !== 1 || (value !== "true" && value !== "false"))
      throw bad(`${name}:missing`, "true or false");
    const term = this.#parts.terms.term(this.#key(name), "present");
    return { ...ofTerms([term]), negated: value === "true" };
  }

  #byId(ids: readonly string[]): RawBuilder<unknown> {
    const { terms, tenant } = this.#parts;
    const keys = ids.map((id) => terms.target(tenant, `${this.#type}/${id}`));
    return sql`select rid from search_resource where key = any(${uuids(keys)})`;
  }

  #byUpdate(values: readonly string[]): RawBuilder<unknown> {
    const any = values.map((value) => {
      const { prefix, text } = prefixedOf(value);
      const range = dateRangeOf(text);
      if (!range) throw bad("_lastUpdated", "not a date");
      return conjunction(dateConditions(prefix, range, this.#parts.now), () => sql.ref("last_updated"));
    });
    return sql`select rid from search_resource
      where tenant = ${this.#parts.tenant} and type = ${this.#type} and (${disjunction(any)})`;
  }

  /** The shared place that these conditions are of. */
  get #sharedHere(): SharedPlace | undefined {
    const { tenant, shared } = this.#parts;
    return shared?.tenant === tenant && shared.type === this.#type ? shared : undefined;
  }

  #at(tenant: string, type: string): Conditions {
    return new Conditions({ ...this.#parts, tenant }, type);
  }

  async #throughReference({ parameter, links = [] }: Criterion): Promise<RawBuilder<unknown>> {
    const { shared, asking } = this.#parts;
    const here = this.#sharedHere;
    if (here) {
      requireJoined(here, { type: this.#type, by: parameter.name });
      const ids = links.map(({ type, criterion }) => this.#at(asking, type).#columnOf("id", criterion));
      return aboutSubjects(here, union(await Promise.all(ids)));
    }
    const targets = links.flatMap(({ type, criterion }) =>
      [asking, ...(shared?.type === type ? [shared.tenant] : [])].map((tenant) =>
        this.#at(tenant, type).#columnOf("key", criterion),
      ),
    );
    return sql`select rid from search_reference
      where parameter = ${this.#key(parameter.name)}::uuid and target in (${union(await Promise.all(targets))})`;
  }

  /** A column of the resources that meet the criterion. */
  async #columnOf(column: "key" | "id", criterion: Criterion): Promise<RawBuilder<unknown>> {
    const set = await this.of(criterion);
    return sql`select t.${sql.raw(column)} from search_resource t where t.tenant = ${this.#parts.tenant}
      and t.type = ${this.#type} and ${isMember(sql.ref("t.rid"), set)}`;
  }

  async #referredToBy({ type, reference, test }: ReverseChain): Promise<RawBuilder<unknown>> {
    const { terms, tenant, asking, shared } = this.#parts;
    const inner = await this.#at(asking, type).of(test);
    const parameter = terms.parameter(asking, type, reference.name);
    const referred = sql`select t.rid from search_reference x join search_resource t on t.key = x.target
      where x.parameter = ${parameter}::uuid and t.tenant = ${tenant} and t.type = ${this.#type}
        and ${isMember(sql.ref("x.rid"), inner)}`;
    if (type !== shared?.type) return referred;
    requireJoined(shared, { type, by: reference.name });
    const beside = await this.#at(shared.tenant, type).of(test);
    return union([referred, subjectsWith(tenant, shared, beside)]);
  }
}

const bad = (field: string, detail: string) => new GatewayError("bad-request", { field, detail });
