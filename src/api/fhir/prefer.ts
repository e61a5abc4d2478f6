import type { FastifyRequest } from "fastify";

/** Unknown parameters are left out, not refused (FHIR R4 3.1.1.3.1). */
export const isLenient = (request: FastifyRequest): boolean =>
  request.headers.prefer !== undefined && preferencesOf(request).get("handling") === "lenient";

/** Preferences of the caller by name, in small letters (RFC 7240); one without a value is the empty text. */
export function preferencesOf({ headers }: FastifyRequest): ReadonlyMap<string, string> {
  const preferences = new Map<string, string>();
  for (const preference of [headers.prefer ?? []].flat().join(",").split(",")) {
    // parameters of a preference come after a semicolon: none is known here, though some write several so
    for (const part of preference.split(";")) {
      const [name = "", value = ""] = part.split("=", 2).map((text) => text.trim().replace(/^"(.*)"$/, "$1"));
      // the first one counts (RFC 7240 section 2)
      if (name && !preferences.has(name.toLowerCase())) preferences.set(name.toLowerCase(), value);
    }
  }
  return preferences;
}
