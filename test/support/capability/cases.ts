import type { Bundle, CapabilityStatementRestResource, Resource } from "@medplum/fhirtypes";
import { indexedParametersOf } from "../../../src/fhir/search/parameters.ts";
import type { FhirServer } from "../fhir-server.ts";
import { type Defined, definedOf, type Sample, sampleOf, targetOf } from "./sample.ts";

/** One line of the CapabilityStatement: throws when it does not do what it says. */
export interface Line {
  title: string;
  run(): Promise<void>;
}

type Stated = CapabilityStatementRestResource;

/** A search that lists a type which is not stored; undefined for a stored one. */
export type Listing = (type: string) => Record<string, string> | undefined;

/** Every search parameter of a stored type with its modifiers, and every include of it. */
export function searchLines(server: FhirServer, stated: Stated, listing: Listing): Line[] {
  const asking = new Asking(server, stated.type ?? "", listing);
  return [
    ...(stated.searchParam ?? []).map(({ name = "" }) => asking.parameter(name)),
    ...(stated.searchInclude ?? []).map((include) => asking.include(include)),
    ...(stated.searchRevInclude ?? []).map((include) => asking.reverseInclude(include)),
  ];
}

class Asking {
  readonly #server: FhirServer;
  readonly #type: string;
  readonly #listing: Listing;

  constructor(server: FhirServer, type: string, listing: Listing) {
    this.#server = server;
    this.#type = type;
    this.#listing = listing;
  }

  parameter(name: string): Line {
    return { title: `${this.#type}?${name}`, run: () => this.#parameter(name) };
  }

  include(text: string): Line {
    return { title: `${this.#type}?_include=${text}`, run: () => this.#include(text) };
  }

  reverseInclude(text: string): Line {
    return { title: `${this.#type}?_revinclude=${text}`, run: () => this.#reverseInclude(text) };
  }

  async #parameter(name: string): Promise<void> {
    if (name === "_id") return this.#byId();
    if (name === "_lastUpdated") return this.#byUpdate();
    const composite = indexedParametersOf(this.#type).find((one) => one.name === name)?.type === "composite";
    if (composite) return this.#composite(name);
    const parameter = definedOf(this.#type, name);
    const one = parameter && sampleOf(this.#type, parameter, 1);
    const other = parameter && sampleOf(this.#type, parameter, 2);
    if (!parameter || !one || !other) throw new Error("no sample could be made");
    const ids = { one: await this.#create(one.resource), other: await this.#create(other.resource) };
    await this.#expect({ [name]: one.value }, ids.one, ids.other);
    await this.#modifiers(parameter, one, ids);
  }

  async #modifiers(
    parameter: Defined,
    { value, leaf, resource }: Sample,
    ids: { one: string; other: string },
  ): Promise<void> {
    const { name, kind } = parameter;
    const modifiers = indexedParametersOf(this.#type).find((one) => one.name === name)?.modifiers ?? [];
    const tests: Record<string, () => Promise<void>> = {
      missing: async () => {
        const without = await this.#create({ resourceType: this.#type } as Resource);
        await this.#expect({ [`${name}:missing`]: "false" }, ids.one, without);
        await this.#expect({ [`${name}:missing`]: "true" }, without, ids.one);
      },
      not: () => this.#expect({ [`${name}:not`]: value }, ids.other, ids.one),
      exact: () => this.#expect({ [`${name}:exact`]: "Ёлка1 зелёная" }, ids.one, ids.other),
      contains: () => this.#expect({ [`${name}:contains`]: "КА1 ЗЕЛ" }, ids.one, ids.other),
      in: () => this.#coded(leaf, () => this.#expect({ [`${name}:in`]: "urn:set" }, ids.one, ids.other)),
      "not-in": () =>
        this.#coded(leaf, () => this.#expect({ [`${name}:not-in`]: "urn:set" }, ids.other, ids.one)),
      "of-type": () => this.#expect({ [`${name}:of-type`]: "urn:kind|K|code-1" }, ids.one, ids.other),
      identifier: () => this.#logical(resource, name, leaf),
      above: () => this.#hierarchy("above", { name, kind, leaf }, ids),
      below: () => this.#hierarchy("below", { name, kind, leaf }, ids),
    };
    for (const modifier of modifiers) await named(modifier, tests[modifier]);
    const [type, id = ""] = value.split("/");
    if (kind === "reference" && leaf === "Reference" && parameter.targets.length > 0)
      await named("[type]", () => this.#expect({ [`${name}:${type}`]: id }, ids.one, ids.other));
  }

  /** Sets and hierarchies are of codes; of a flag or a number there is none, so nothing may offer it. */
  async #coded(leaf: string, test: () => Promise<void>): Promise<void> {
    if (!/^(CodeableConcept|Coding|code)$/.test(leaf)) throw new Error(`is offered of ${leaf}`);
    await test();
  }

  async #hierarchy(
    way: "above" | "below",
    { name, kind, leaf }: { name: string; kind: string; leaf: string },
    ids: { one: string; other: string },
  ): Promise<void> {
    if (kind === "uri")
      return this.#expect(
        { [`${name}:${way}`]: way === "below" ? "https://c.example/a/1" : "https://c.example/a/1/b" },
        ids.one,
        ids.other,
      );
    if (kind === "token")
      return this.#coded(leaf, () =>
        this.#expect({ [`${name}:${way}`]: "urn:capability|code-1" }, ids.one, ids.other),
      );
    if (leaf !== "Reference") throw new Error(`is offered of ${leaf}`);
    // a tree of one level: what is asked for is in it by itself
    const parameter = definedOf(this.#type, name);
    if (!parameter?.targets.some((target) => target === this.#type || target === "*"))
      throw new Error("is offered where there is no tree");
    const child = sampleOf(this.#type, { ...parameter, targets: [this.#type] }, 1);
    if (!child?.value.startsWith(`${this.#type}/`)) throw new Error("no sample could be made");
    const top = await this.#create({ resourceType: this.#type } as Resource);
    const text = JSON.stringify(child.resource).replaceAll(child.value, `${this.#type}/${top}`);
    const low = await this.#create(JSON.parse(text) as Resource);
    if (way === "below") await this.#expect({ [`${name}:below`]: `${this.#type}/${top}` }, low, ids.one);
    else await this.#expect({ [`${name}:above`]: `${this.#type}/${low}` }, top, ids.one);
  }

  async #logical(resource: Resource, name: string, leaf: string): Promise<void> {
    if (leaf !== "Reference") throw new Error(`is offered of ${leaf}`);
    // a filter by type reads the type that a logical reference names
    const of = (value: string) =>
      JSON.parse(
        JSON.stringify(resource).replace(
          /\{"reference":"(\w+)\/[^"]*"\}/,
          `{"type":"$1","identifier":{"system":"urn:l","value":"${value}"}}`,
        ),
      ) as Resource;
    const [one, other] = [await this.#create(of("1")), await this.#create(of("2"))];
    await this.#expect({ [`${name}:identifier`]: "urn:l|1" }, one, other);
  }

  async #composite(name: string): Promise<void> {
    const made = compositeSamples[name];
    if (!made) throw new Error("no sample could be made");
    const [one, other] = [await this.#create(made(this.#type, 1)), await this.#create(made(this.#type, 2))];
    const value = compositeValues[name] ?? "";
    await this.#expect({ [name]: value }, one, other);
  }

  async #byId(): Promise<void> {
    const blank = { resourceType: this.#type } as Resource;
    const [one, other] = [await this.#create(blank), await this.#create(blank)];
    await this.#expect({ _id: one }, one, other);
  }

  async #byUpdate(): Promise<void> {
    const blank = { resourceType: this.#type } as Resource;
    const one = await this.#create(blank);
    const at = new Date(this.#server.clock.now()).toISOString();
    await this.#expect({ _id: one, _lastUpdated: `ge${at.slice(0, 4)}` }, one, "");
    await this.#expect({ _id: one, _lastUpdated: "lt1971" }, undefined, one);
  }

  async #include(text: string): Promise<void> {
    const { from, target } = await this.#linked(text);
    const found = await this.#search(this.#type, { _id: from, _include: text });
    if (!idsIn(found, "include").includes(target))
      throw new Error("the referred resource did not come along");
    const plain = await this.#search(this.#type, { _id: from });
    if (idsIn(plain, "include").length > 0) throw new Error("something came along unasked");
  }

  async #reverseInclude(text: string): Promise<void> {
    const [type = ""] = text.split(":");
    const referring = new Asking(this.#server, type, this.#listing);
    const { from, target } = await referring.#linked(text, this.#type);
    const elsewhere = (await referring.#linkedElsewhere(text, this.#type)) ?? "";
    const found = await this.#search(this.#type, {
      ...(this.#listing(this.#type) ?? { _id: target }),
      _revinclude: text,
    });
    const came = idsIn(found, "include");
    if (!came.includes(from)) throw new Error("the referring resource did not come along");
    if (came.includes(elsewhere)) throw new Error("what refers to something else came along");
  }

  /** A resource that refers by the parameter to what is not there. */
  async #linkedElsewhere(text: string, targetType: string): Promise<string | undefined> {
    const [type = "", name = ""] = text.split(":");
    const parameter = definedOf(type, name);
    const sample = parameter && sampleOf(type, { ...parameter, targets: [targetType] }, 2);
    return sample && this.#create(sample.resource);
  }

  /** A resource that refers by the parameter to another that is there. */
  async #linked(text: string, targetType?: string): Promise<{ from: string; target: string }> {
    const [type = "", name = ""] = text.split(":");
    const parameter = definedOf(type, name);
    const sample =
      parameter && sampleOf(type, targetType ? { ...parameter, targets: [targetType] } : parameter, 1);
    if (!sample) throw new Error("no sample could be made");
    const wanted = sample.leaf === "Reference" ? (sample.value.split("/")[0] ?? "") : targetOf(parameter);
    const target = await this.#someOf(wanted);
    const from = await this.#create(
      JSON.parse(JSON.stringify(sample.resource).replaceAll(sample.value, `${wanted}/${target}`)) as Resource,
    );
    return { from, target };
  }

  /** A stored resource, or one that is held elsewhere. */
  async #someOf(type: string): Promise<string> {
    const listing = this.#listing(type);
    if (!listing) return this.#create({ resourceType: type } as Resource);
    const [id] = idsIn(await this.#search(type, listing), "match");
    if (id === undefined) throw new Error(`no ${type} is held`);
    return id;
  }

  async #create(resource: Resource): Promise<string> {
    const { status, body, text } = await this.#server.call<{ id: string }>(
      "POST",
      `/${resource.resourceType}`,
      { body: resource },
    );
    if (status !== 201) throw new Error(`create ${status}: ${text.slice(0, 300)}`);
    return body.id;
  }

  /** A positive and a narrowing case: one is found, the other is not. */
  async #expect(form: Record<string, string>, found: string | undefined, left: string): Promise<void> {
    const ids = [found, left].filter((id) => id).join(",");
    const bundle = await this.#search(this.#type, { ...form, ...(form._id === undefined && { _id: ids }) });
    const matches = idsIn(bundle, "match");
    const query = new URLSearchParams(form);
    if (found !== undefined && !matches.includes(found))
      throw new Error(`${query} does not find what it should`);
    if (left && matches.includes(left)) throw new Error(`${query} does not narrow`);
  }

  async #search(type: string, form: Record<string, string>): Promise<Bundle> {
    const { status, body, text } = await this.#server.call<Bundle>("POST", `/${type}/_search`, {
      body: new URLSearchParams(form).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    if (status !== 200)
      throw new Error(`search ${new URLSearchParams(form)} ${status}: ${text.slice(0, 300)}`);
    return body;
  }
}

async function named(modifier: string, test: (() => Promise<void>) | undefined): Promise<void> {
  if (!test) throw new Error(`:${modifier} has no case`);
  try {
    await test();
  } catch (error) {
    throw new Error(`:${modifier}: ${(error as Error).message}`);
  }
}

/** Ids of a searchset's entries of a mode. */
export const idsIn = ({ entry = [] }: Bundle, mode: string): string[] =>
  entry.filter(({ search }) => search?.mode === mode).flatMap(({ resource }) => resource?.id ?? []);

const coded = (code: string) => ({ coding: [{ system: "urn:capability", code }] });
const quantity = (n: number) => ({ value: n * 10, system: "http://unitsofmeasure.org", code: "mg" });
const observed = (more: object) => (type: string) =>
  ({ resourceType: type, code: coded("a"), ...more }) as Resource;
const inComponent = (value: (n: number) => object) => (type: string, n: number) =>
  ({ resourceType: type, component: [{ code: coded("a"), ...value(n) }] }) as unknown as Resource;
const context = (value: (n: number) => object) => (type: string, n: number) =>
  ({
    resourceType: type,
    useContext: [{ code: { system: "urn:capability", code: "a" }, ...value(n) }],
  }) as unknown as Resource;

const concept = (n: number) => ({ valueCodeableConcept: coded(`v${n}`) });
const measured = (n: number) => ({ valueQuantity: quantity(n) });

const compositeSamples: Readonly<Record<string, (type: string, n: number) => Resource>> = {
  "code-value-concept": (type, n) => observed(concept(n))(type),
  "code-value-quantity": (type, n) => observed(measured(n))(type),
  "code-value-date": (type, n) => observed({ valueDateTime: `202${n}-01-01` })(type),
  "code-value-string": (type, n) => observed({ valueString: `Текст${n}` })(type),
  "combo-code-value-concept": inComponent(concept),
  "combo-code-value-quantity": inComponent(measured),
  "component-code-value-concept": inComponent(concept),
  "component-code-value-quantity": inComponent(measured),
  "context-type-quantity": context(measured),
  "context-type-value": context(concept),
  relationship: (type, n) =>
    ({
      resourceType: type,
      relatesTo: [{ code: "replaces", target: { reference: `DocumentReference/d${n}` } }],
    }) as unknown as Resource,
};

const compositeValues: Readonly<Record<string, string>> = {
  "code-value-concept": "urn:capability|a$urn:capability|v1",
  "code-value-quantity": "a$10|http://unitsofmeasure.org|mg",
  "code-value-date": "a$2021-01-01",
  "code-value-string": "a$текст1",
  "combo-code-value-concept": "a$v1",
  "combo-code-value-quantity": "a$lt15",
  "component-code-value-concept": "a$v1",
  "component-code-value-quantity": "a$10",
  "context-type-quantity": "a$10",
  "context-type-value": "a$v1",
  relationship: "replaces$DocumentReference/d1",
};
