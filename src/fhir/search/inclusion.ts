import { GatewayError } from "../../core/errors.ts";
import type { Inclusion, Providers } from "../provider.ts";

/** `PractitionerRole:organization:Organization`; throws `unknown-parameter` for no reference parameter of a type. */
export function inclusionOf(providers: Providers, name: string, value: string, iterate: boolean): Inclusion {
  const [type = "", parameter = "", target] = value.split(":");
  const known = providers
    .of(type)
    ?.searchParameters.find((candidate) => candidate.name === parameter && candidate.type === "reference");
  if (!known)
    throw new GatewayError("unknown-parameter", { field: name, detail: "no such reference parameter" });
  return { type, parameter, target, ...(iterate && { iterate }) };
}
