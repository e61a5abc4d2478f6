import type { Bundle, BundleEntry } from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import { outcomeOf } from "../outcome.ts";
import { refuseUnknownParameters, textOfParameter } from "../parameters.ts";
import type { Operation, OperationCall } from "../provider.ts";
import type { Repository } from "../repository.ts";
import { storedTypes } from "../stored-types.ts";

const mostResources = 1_000;

/** `Patient/id/$everything` (FHIR R4): the patient and all that is stored about them, up to 1,000 resources. */
export const everythingOperation = (repository: Repository, baseUrl: string): Operation => ({
  name: "everything",
  level: "instance",
  definition: "http://hl7.org/fhir/OperationDefinition/Patient-everything",
  documentation: `The patient and all that our store holds about them, newest first, up to ${mostResources}; takes _type`,
  needs: "r",
  get: true,
  shows: "entries",
  async run({ id = "", parameters }, ctx) {
    refuseUnknownParameters(parameters, ["_type"]);
    const types = typesIn(parameters);
    const found = [await repository.read("Patient", id, ctx)];
    for (const type of types.filter((one) => one !== "Patient")) {
      const left = mostResources + 1 - found.length;
      if (left > 0) found.push(...(await repository.about(type, id, left, ctx)));
    }
    const entry: BundleEntry[] = found.slice(0, mostResources).map((resource) => ({
      fullUrl: `${baseUrl}/${resource.resourceType}/${resource.id}`,
      resource,
      search: { mode: "match" },
    }));
    if (found.length > mostResources) {
      const detail = `there is more than ${mostResources}: ask by type`;
      const warning = outcomeOf(new GatewayError("search-too-broad", { detail }), "warning");
      entry.push({ resource: warning, search: { mode: "outcome" } });
    }
    return { resourceType: "Bundle", type: "searchset", entry } satisfies Bundle;
  },
});

function typesIn(parameters: OperationCall["parameters"]): readonly string[] {
  const known = storedTypes.filter(({ isPublic }) => !isPublic).map(({ type }) => type as string);
  const asked = textOfParameter(parameters, "_type")?.split(",");
  if (!asked) return known;
  const unknown = asked.find((type) => !known.includes(type));
  if (unknown !== undefined)
    throw new GatewayError("bad-request", { field: "_type", detail: `of ${known.join(", ")}` });
  return known.filter((type) => asked.includes(type));
}
