import type { CodeSystem, ValueSet } from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import type { Dictionaries, DictionaryRow } from "../../store/dictionaries.ts";
import type { Guide } from "../guide.ts";
import type { Provider } from "../provider.ts";
import { canonicalParameters, isUri, type StaticParameter, staticProvider } from "../static-provider.ts";
import { subsetted } from "../subset.ts";
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
    staticProvider<CodeSystem>({
      type: "CodeSystem",
      resources: codeSystems,
      parameters: codeSystemParameters,
      documentation:
        "Code systems of the gateway and dictionaries of НСИ; a dictionary comes without its concepts, ask ValueSet/$expand with url <system>?fhir_vs",
      operations: codeSystemOperations(door),
    }),
    staticProvider<ValueSet>({
      type: "ValueSet",
      resources: valueSets,
      parameters: valueSetParameters,
      documentation: "Value sets of the gateway, and one of all codes for each dictionary of НСИ",
      operations: valueSetOperations(door),
    }),
  ];
}

const shared = ["url", "version", "status", "name", "title"] as const;

const codeSystemParameters: readonly StaticParameter<CodeSystem>[] = [
  ...canonicalParameters<CodeSystem>(...shared, "description"),
  {
    name: "system",
    type: "uri",
    documentation: "the system of the codes, which is its url",
    keeps: ({ url }, value) => isUri(url, value),
  },
];

const valueSetParameters: readonly StaticParameter<ValueSet>[] = [
  ...canonicalParameters<ValueSet>(...shared),
  {
    name: "reference",
    type: "uri",
    documentation: "a code system of which it has codes",
    keeps: ({ compose }, value) => compose?.include.some(({ system }) => isUri(system, value)) === true,
  },
];

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
