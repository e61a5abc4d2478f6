import type { Resource } from "@medplum/fhirtypes";
import { GatewayError } from "../core/errors.ts";
import type { Operation, Provider, SearchParameter } from "./provider.ts";
import { fold, wordsOf } from "./search/fold.ts";
import { versionedByContent } from "./version.ts";

/** How one search parameter picks among resources that are all in memory. */
export type StaticParameter<R extends Resource> = Omit<SearchParameter, "modifiers" | "personal"> & {
  keeps(resource: R, value: string): boolean;
};

export interface StaticType<R extends Resource> {
  type: R["resourceType"];
  documentation: string;
  /** asked at each call: the maps may be reloaded meanwhile */
  resources: () => readonly R[] | Promise<readonly R[]>;
  parameters: readonly StaticParameter<R>[];
  operations: readonly Operation[];
}

interface Canonical {
  url?: string;
  version?: string;
  name?: string;
  title?: string;
  status?: string;
  description?: string;
}

type Test = (own: string | undefined, value: string) => boolean;

export const isUri: Test = (own, value) => own === value;

/** A code, with its system before a bar or without. */
export const isCode =
  (system?: string): Test =>
  (own, value) => {
    const bar = value.indexOf("|");
    return value.slice(bar + 1) === own && (bar < 0 || value.slice(0, bar) === (system ?? ""));
  };

/** Every word is the beginning of one of the text's, as in the index. */
const begins: Test = (own = "", value) => {
  const words = wordsOf(fold(own));
  return wordsOf(fold(value)).every((wanted) => words.some((word) => word.startsWith(wanted)));
};

const publicationStatus = "http://hl7.org/fhir/publication-status";

const canonical = {
  url: ["uri", isUri, "canonical url"],
  version: ["token", isCode(), "business version"],
  status: ["token", isCode(publicationStatus), "draft, active, retired"],
  name: ["string", begins, "beginnings of words of the name"],
  title: ["string", begins, "beginnings of words of the title"],
  description: ["string", begins, "beginnings of words of the description"],
} as const satisfies Record<keyof Canonical, readonly [SearchParameter["type"], Test, string]>;

/** Parameters that R4 gives to every canonical resource. */
export const canonicalParameters = <R extends Resource>(
  ...names: readonly (keyof Canonical)[]
): StaticParameter<R>[] =>
  names.map((name) => {
    const [type, test, documentation] = canonical[name];
    return {
      name,
      type,
      documentation,
      keeps: (resource, value) => test((resource as Canonical)[name], value),
    };
  });

/** What is made of each item of a list, made once until the list is another one. */
export function derived<Item, Made>(list: () => readonly Item[], make: (item: Item) => Made) {
  let from: readonly Item[] | undefined;
  let made: readonly Made[] = [];
  return (): readonly Made[] => {
    const items = list();
    if (items !== from) made = items.map(make);
    from = items;
    return made;
  };
}

/** A provider of resources that are part of the product itself; without a criterion a search lists them all. */
export function staticProvider<R extends Resource>(given: StaticType<R>): Provider {
  const byId: StaticParameter<R> = {
    name: "_id",
    type: "token",
    documentation: "logical id",
    keeps: ({ id }, value) => id === value,
  };
  const parameters = [byId, ...given.parameters];
  const keeps = new Map(parameters.map((parameter) => [parameter.name, parameter.keeps]));
  return {
    type: given.type,
    documentation: given.documentation,
    searchParameters: parameters,
    operations: given.operations,
    async read(id) {
      const value = (await given.resources()).find((resource) => resource.id === id);
      if (!value) throw new GatewayError("not-found");
      return { value: versionedByContent(value), sources: [] };
    },
    async search({ criteria }) {
      const value = (await given.resources())
        .filter((resource) =>
          criteria.every(({ parameter, values }) =>
            values.some((wanted) => keeps.get(parameter.name)?.(resource, wanted)),
          ),
        )
        .map(versionedByContent);
      return { value, sources: [] };
    },
  };
}
