import { GatewayError } from "../core/errors.ts";

const forbidden = new Set(["__proto__", "constructor", "prototype"]);
// deeper than any resource (the XML of one stops there too), far from the end of the stack
const maxDepth = 256;

/**
 * Parses JSON from outside; throws GatewayError `bad-request`, also for a name that an object must not have and for
 * more levels than any resource has.
 */
export function parseJson(text: string): unknown {
  const parsed = parsedOrRefused(text);
  refuseForeign(parsed, 0);
  return parsed;
}

function parsedOrRefused(text: string): unknown {
  try {
    // without a reviver V8 reads any depth without recursion
    return JSON.parse(text);
  } catch {
    // no cause: its message quotes the body
    throw new GatewayError("bad-request", { detail: "the body is not JSON" });
  }
}

function refuseForeign(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth === maxDepth)
    throw new GatewayError("bad-request", { detail: `the body has more than ${maxDepth} levels` });
  if (Array.isArray(value)) {
    for (const item of value) refuseForeign(item, depth + 1);
    return;
  }
  for (const [name, item] of Object.entries(value)) {
    if (forbidden.has(name))
      throw new GatewayError("bad-request", {
        detail: "a name that an object must not have (__proto__ or such)",
      });
    refuseForeign(item, depth + 1);
  }
}
