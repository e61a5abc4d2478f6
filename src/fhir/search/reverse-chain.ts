import { GatewayError } from "../../core/errors.ts";
import type { Provider, Providers, ReverseChain } from "../provider.ts";
import { type ParameterText, readCriterion } from "./criterion.ts";

const deepest = 3;

/**
 * `_has:Observation:patient:code`, also one in another; undefined when the type has no such parameter. Throws
 * `bad-request` for more than three levels.
 */
export function readReverseChain(
  providers: Providers,
  provider: Provider,
  { name, value, depth = 1 }: ParameterText,
): ReverseChain | undefined {
  const [, type = "", by = "", ...rest] = name.split(":");
  if (depth > deepest)
    throw new GatewayError("bad-request", {
      field: name.slice(0, 100),
      detail: `_has goes ${deepest} levels deep`,
    });
  const source = providers.of(type);
  const reference = source?.searchParameters.find(
    (parameter) => parameter.name === by && parameter.type === "reference",
  );
  if (!provider.indexed || !source?.indexed || !reference?.targets?.includes(provider.type)) return undefined;
  const inner = rest.join(":");
  const test =
    rest[0] === "_has"
      ? readReverseChain(providers, source, { name: inner, value, depth: depth + 1 })
      : readCriterion(providers, source, { name: inner, value });
  return test && { type, reference, test };
}
