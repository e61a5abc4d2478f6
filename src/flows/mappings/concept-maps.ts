import type { ConceptMap, ConceptMapGroup } from "@medplum/fhirtypes";
import { canonicalBase } from "../../core/canonical.ts";
import type { Provider } from "../../fhir/provider.ts";
import { canonicalParameters, derived, staticProvider } from "../../fhir/static-provider.ts";
import type { ConceptMapGroup as TableGroup, Unmapped } from "../../fml/concept-map.ts";
import type { CatalogueTable, MappingCatalogue } from "./catalogue.ts";
import { translateOperation } from "./translate.ts";

/** The code tables of the maps as R4 ConceptMaps, with `$translate`. */
export function conceptMapProvider(catalogue: Pick<MappingCatalogue, "tables">): Provider {
  const resources = derived(() => catalogue.tables, conceptMapOf);
  const inGroups = (side: "source" | "target") => (map: ConceptMap, value: string) =>
    map.group?.some((group) => group[side] === value) === true;
  return staticProvider<ConceptMap>({
    type: "ConceptMap",
    documentation: "Code tables of the maps, from mappings/**/maps/*.csv",
    resources,
    parameters: [
      ...canonicalParameters<ConceptMap>("url", "name", "status"),
      {
        name: "source-system",
        type: "uri",
        documentation: "code system of the codes that are translated",
        keeps: inGroups("source"),
      },
      {
        name: "target-system",
        type: "uri",
        documentation: "code system of the codes that they become",
        keeps: inGroups("target"),
      },
    ],
    operations: [translateOperation(resources)],
  });
}

function conceptMapOf({ id, table }: CatalogueTable): ConceptMap {
  return {
    resourceType: "ConceptMap",
    id,
    url: `${canonicalBase}/ConceptMap/${id}`,
    name: id.replace(/(^|-)(\w)/g, (_all, _dash, letter: string) => letter.toUpperCase()),
    status: "active",
    group: table.groups.map(groupOf),
  };
}

// the tables state a counterpart, not how close it is
const equivalence = "relatedto";

function groupOf({ source, target, entries, unmapped }: TableGroup): ConceptMapGroup {
  return {
    ...(source && { source }),
    ...(target && { target }),
    element: entries.map(({ code, target: to, display }) => ({
      code,
      target: [{ code: to, ...(display !== undefined && { display }), equivalence }],
    })),
    ...(unmapped && { unmapped: unmappedOf(unmapped) }),
  };
}

function unmappedOf(rule: Unmapped): NonNullable<ConceptMapGroup["unmapped"]> {
  if (rule.mode === "provided") return { mode: "provided" };
  return { mode: "fixed", code: rule.code, ...(rule.display !== undefined && { display: rule.display }) };
}
