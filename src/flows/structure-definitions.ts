import type { StructureDefinition } from "@medplum/fhirtypes";
import type { Guide } from "../fhir/guide.ts";
import type { Provider } from "../fhir/provider.ts";
import { canonicalParameters, isCode, staticProvider } from "../fhir/static-provider.ts";

/** Canonicals of the guide's profiles of a resource type. */
export const profilesOf = ({ structures }: Guide, type: string): readonly string[] =>
  structures.filter((one) => one.kind === "resource" && one.type === type).map(({ url }) => url);

/** The profiles and extensions of the implementation guide. */
export function structureDefinitionProvider({ structures }: Guide): Provider {
  return staticProvider<StructureDefinition>({
    type: "StructureDefinition",
    documentation: "Profiles and extensions of the gateway's implementation guide, as differentials",
    resources: () => structures,
    parameters: [
      ...canonicalParameters<StructureDefinition>("url", "name", "title", "status", "description"),
      {
        name: "kind",
        type: "token",
        documentation: "resource or complex-type",
        keeps: ({ kind }, value) => isCode("http://hl7.org/fhir/structure-definition-kind")(kind, value),
      },
      {
        name: "type",
        type: "uri",
        documentation: "resource type or data type that it constrains",
        keeps: ({ type }, value) => type === value,
      },
    ],
    operations: [],
  });
}
