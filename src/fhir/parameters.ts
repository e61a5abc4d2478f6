import type { Coding, ParametersParameter } from "@medplum/fhirtypes";
import { GatewayError } from "../core/errors.ts";

type In = readonly ParametersParameter[];

/** The parameter of that name; throws GatewayError `bad-request` when it comes twice. */
export function parameterOf(parameters: In, name: string): ParametersParameter | undefined {
  const [found, more] = parameters.filter((parameter) => parameter.name === name);
  if (more) throw new GatewayError("bad-request", { field: name, detail: "the parameter comes twice" });
  return found;
}

/** The text of a parameter whose value is any string-like primitive; throws GatewayError `bad-request`. */
export function textOfParameter(parameters: In, name: string): string | undefined {
  const found = parameterOf(parameters, name);
  if (!found) return undefined;
  const [, value] = Object.entries(found).find(([key]) => key.startsWith("value")) ?? [];
  // FHIR strings hold no NUL, and PostgreSQL refuses to compare it
  if (typeof value === "string" && value !== "" && !value.includes("\0")) return value;
  throw new GatewayError("bad-request", { field: name, detail: "a string is due here" });
}

/** A whole number in the bounds, from Parameters or from a query; throws GatewayError `bad-request` for anything else. */
export function countOf(
  parameters: In,
  name: string,
  { least = 0, most }: { least?: number; most?: number } = {},
): number | undefined {
  const found = parameterOf(parameters, name);
  if (!found) return undefined;
  const value = found.valueInteger ?? found.valuePositiveInt ?? found.valueUnsignedInt ?? found.valueString;
  const count = /^\d{1,15}$/.test(String(value)) ? Number(value) : -1;
  if (count >= least && count <= (most ?? count)) return count;
  const bounds = most === undefined ? `from ${least}` : `from ${least} to ${most}`;
  throw new GatewayError("bad-request", { field: name, detail: `a whole number ${bounds} is due here` });
}

/** true or false, from Parameters or from a query; throws GatewayError `bad-request` for anything else. */
export function flagOf(parameters: In, name: string): boolean | undefined {
  const found = parameterOf(parameters, name);
  if (!found) return undefined;
  const value = found.valueBoolean ?? found.valueString;
  if (value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  throw new GatewayError("bad-request", { field: name, detail: "true or false is due here" });
}

/** The codings of a `Coding` or `CodeableConcept` parameter. */
export function codingsOfParameter(parameters: In, name: string): readonly Coding[] {
  const found = parameterOf(parameters, name);
  return [found?.valueCoding ?? [], found?.valueCodeableConcept?.coding ?? []].flat();
}

/** Throws GatewayError `unknown-parameter` for a parameter that the operation does not have. */
export function refuseUnknownParameters(parameters: In, known: readonly string[]): void {
  const unknown = parameters.find(({ name }) => !known.includes(name ?? ""));
  if (unknown)
    throw new GatewayError("unknown-parameter", {
      field: unknown.name,
      detail: `the operation takes ${known.join(", ") || "no parameters"}`,
    });
}
