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

/** Types that have a place in a patient's compartment. */
export const isOfCompartment = ({ type, indexed }: Provider): boolean =>
  indexed !== undefined && parametersOf.has(type);

/** Of a patient's compartment (FHIR R4 2.1.5.1); throws `unsupported-type` for a type that has no place in it. */
export function inCompartment(
  provider: Provider,
  patient: string,
): NonNullable<SearchRequest["compartment"]> {
  if (!isOfCompartment(provider)) throw new GatewayError("unsupported-type", { field: provider.type });
  return { target: `Patient/${patient}`, parameters: parametersOf.get(provider.type) ?? [] };
}
