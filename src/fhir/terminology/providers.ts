import type { CodeSystem, Resource, ValueSet } from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import type { Dictionaries, DictionaryRow } from "../../store/dictionaries.ts";
import type { Guide } from "../guide.ts";
import type { Criterion, Provider, SearchParameter } from "../provider.ts";
import { subsetted } from "../subset.ts";
import { versionedByContent } from "../version.ts";
import { codeSystemOperations, type TerminologyDoor } from "./code-system-operations.ts";
import { valueSetOperations } from "./value-set-operations.ts";

export interface TerminologySources extends Omit<TerminologyDoor, "canonicalOf"> {
  dictionaries: Dictionaries;
  guide: Guide;
}

/** CodeSystem and ValueSet behind the FHIR door: the guide's own, and dictionaries of НСИ without their concepts. */
export function terminologyProviders(sources: TerminologySources): Provider[] {
  const { dictionaries, guide } = sources;
  const codeSystems = async (): Promise<readonly CodeSystem[]> => [
    ...guide.codeSystems,
    ...(await dictionaries.list()).map(codeSystemOf),
  ];
  const valueSets = async (): Promise<readonly ValueSet[]> => [
    ...guide.valueSets,
    ...(await dictionaries.list()).map(valueSetOf),
  ];
  const lists = { CodeSystem: codeSystems, ValueSet: valueSets };
  const door: TerminologyDoor = {
    ...sources,
    async canonicalOf(type, id) {
      const found = (await lists[type]()).find((each) => each.id === id);
      if (found?.url !== undefined) return found.url;
      throw new GatewayError("not-found");
    },
  };
  return [
    {
      ...providerOf("CodeSystem", codeSystems),
      documentation:
        "Code systems of the gateway and dictionaries of НСИ; a dictionary comes without its concepts, ask ValueSet/$expand with url <system>?fhir_vs",
      operations: codeSystemOperations(door),
    },
    {
      ...providerOf("ValueSet", valueSets),
      documentation: "Value sets of the gateway, and one of all codes for each dictionary of НСИ",
      operations: valueSetOperations(door),
    },
  ];
}

const resourceId = (url: string) => url.replace(/^urn:oid:/, "");

function codeSystemOf({ url, version, title, aliases, hierarchical, concepts, checked_at }: DictionaryRow) {
  const resource: CodeSystem = {
    resourceType: "CodeSystem",
    id: resourceId(url),
    meta: { lastUpdated: new Date(checked_at).toISOString(), tag: [subsetted] },
    url,
    identifier: aliases.map((value) => ({ system: "urn:ietf:rfc:3986", value })),
    version,
    title,
    status: "active",
    caseSensitive: true,
    valueSet: `${url}?fhir_vs`,
    ...(hierarchical && { hierarchyMeaning: "is-a" as const }),
    content: "complete",
    count: concepts,
  };
  return resource;
}

const valueSetOf = ({ url, version, title, checked_at }: DictionaryRow): ValueSet => ({
  resourceType: "ValueSet",
  id: resourceId(url),
  meta: { lastUpdated: new Date(checked_at).toISOString() },
  url: `${url}?fhir_vs`,
  version,
  title,
  status: "active",
  compose: { include: [{ system: url, version }] },
});

type Canonical = CodeSystem | ValueSet;

const keeps: Readonly<Record<string, (resource: Canonical, value: string) => boolean>> = {
  _id: ({ id }, value) => id === value,
  url: ({ url }, value) => url === value,
  version: ({ version }, value) => version === value,
  status: ({ status }, value) => status === value,
  title: ({ title = "" }, value) => title.toLowerCase().startsWith(value.toLowerCase()),
};

const parameters: readonly SearchParameter[] = [
  { name: "_id", type: "token", documentation: "logical id" },
  { name: "url", type: "uri", documentation: "canonical url" },
  { name: "version", type: "token", documentation: "business version" },
  { name: "status", type: "token", documentation: "draft, active, retired" },
  { name: "title", type: "string", documentation: "beginning of the title" },
];

function providerOf<T extends Canonical>(type: T["resourceType"], list: () => Promise<readonly T[]>) {
  return {
    type,
    searchParameters: parameters,
    async read(id: string) {
      const value: Resource | undefined = (await list()).find((each) => each.id === id);
      if (!value) throw new GatewayError("not-found");
      return { value: versionedByContent(value), sources: [] };
    },
    async search({ criteria }: { criteria: readonly Criterion[] }) {
      const value: readonly Resource[] = (await list()).filter((resource) =>
        criteria.every(({ parameter, values }) =>
          values.some((wanted) => keeps[parameter.name]?.(resource, wanted)),
        ),
      );
      return { value: value.map(versionedByContent), sources: [] };
    },
  };
}
