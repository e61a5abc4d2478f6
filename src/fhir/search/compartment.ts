import { GatewayError } from "../../core/errors.ts";
import type { Provider, SearchRequest } from "../provider.ts";
import { patientCompartment } from "./parameter-table.ts";

const parametersOf = new Map(
  patientCompartment
    .trim()
    .split("\n")
    .map((line): [string, string[]] => {
      const [type = "", parameters = ""] = line.split(" ");
      return [type, parameters.split(",")];
    }),
);

/** Of a patient's compartment (FHIR R4 2.1.5.1); throws `unsupported-type` for a type that has no place in it. */
export function inCompartment(
  provider: Provider,
  patient: string,
): NonNullable<SearchRequest["compartment"]> {
  const parameters = provider.indexed && parametersOf.get(provider.type);
  if (!parameters) throw new GatewayError("unsupported-type", { field: provider.type });
  return { target: `Patient/${patient}`, parameters };
}
