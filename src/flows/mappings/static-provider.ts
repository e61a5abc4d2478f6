import type { Resource } from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import type { Operation, Provider, SearchParameter } from "../../fhir/provider.ts";
import { versionedByContent } from "../../fhir/version.ts";

/** How one search parameter picks among resources that are all in memory. */
export type StaticParameter<R extends Resource> = Omit<SearchParameter, "modifiers" | "personal"> & {
  keeps(resource: R, value: string): boolean;
};

export interface StaticType<R extends Resource> {
  type: R["resourceType"];
  documentation: string;
  /** asked at each call: the maps may be reloaded meanwhile */
  resources: () => readonly R[];
  parameters: readonly StaticParameter<R>[];
  operations: readonly Operation[];
}

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
      const value = given.resources().find((resource) => resource.id === id);
      if (!value) throw new GatewayError("not-found");
      return { value: versionedByContent(value), sources: [] };
    },
    async search({ criteria }) {
      const value = given
        .resources()
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
