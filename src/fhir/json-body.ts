import { GatewayError } from "../core/errors.ts";

const forbidden = new Set(["__proto__", "constructor", "prototype"]);

/** Parses JSON from outside; throws GatewayError `bad-request`, also for a name that an object must not have. */
export function parseJson(text: string): unknown {
  let hasForbidden = false;
  const parsed = parsedOrRefused(text, (name) => {
    hasForbidden ||= forbidden.has(name);
  });
  if (hasForbidden)
    throw new GatewayError("bad-request", {
      detail: "a name that an object must not have (__proto__ or such)",
    });
  return parsed;
}

function parsedOrRefused(text: string, onName: (name: string) => void): unknown {
  try {
    return JSON.parse(text, (name, value: unknown) => {
      onName(name);
      return value;
    });
  } catch {
    // no cause: its message quotes the body
    throw new GatewayError("bad-request", { detail: "the body is not JSON" });
  }
}
