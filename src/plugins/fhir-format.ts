import type { FastifyRequest } from "fastify";
import { GatewayError } from "../core/errors.ts";

/** The formats of FHIR that are read and written here (FHIR R4 3.1.0.1.11). */
export type Format = "json" | "xml";

/** Of an answer. */
export const contentTypes: Readonly<Record<Format, string>> = {
  json: "application/fhir+json; charset=utf-8",
  xml: "application/fhir+xml; charset=utf-8",
};

/** Media types in small letters, without parameters, by which a format is asked for and sent. */
export const mediaTypes: ReadonlyMap<string, Format> = new Map([
  ["application/fhir+json", "json"],
  ["application/json", "json"],
  ["text/json", "json"],
  ["application/fhir+xml", "xml"],
  ["application/xml", "xml"],
  ["text/xml", "xml"],
]);

type Asking = Pick<FastifyRequest, "query" | "body" | "headers">;

/** Parameters of the URL, and of a search's form over them. */
export function givenIn({ query, body }: Pick<Asking, "query" | "body">): Record<string, unknown> {
  const form = body !== null && typeof body === "object" && !Buffer.isBuffer(body) ? body : undefined;
  return (form ? { ...(query as object), ...form } : (query ?? {})) as Record<string, unknown>;
}

/**
 * `_format` wins over Accept (FHIR R4 3.1.0.1.11), a named type over a wildcard; throws GatewayError
 * `not-acceptable`. To be asked before the access is journalled.
 */
export function formatOf(request: Asking): Format {
  const asked = givenIn(request)._format;
  if (asked !== undefined) {
    // a plus in a query is a space
    const format = typeof asked === "string" ? formatNamed(asked.replace(" ", "+")) : undefined;
    if (format) return format;
    throw new GatewayError("not-acceptable", { field: "_format" });
  }
  const { accept } = request.headers;
  const format = accept === undefined ? "json" : (formatNamed(accept) ?? formatAccepted(accept));
  if (format) return format;
  throw new GatewayError("not-acceptable", { field: "Accept" });
}

const formatNamed = (name: string): Format | undefined =>
  name === "json" || name === "xml" ? name : mediaTypes.get(name);

const wildcards = new Set(["*/*", "application/*"]);

/** The named type of the greatest q-value, the first of equal ones; JSON when only a wildcard is left (RFC 9110 12.5.1). */
function formatAccepted(accept: string): Format | undefined {
  const ranges = accept.split(",").map((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const q = parameters.find((parameter) => parameter.startsWith("q="));
    const version = parameters.find((parameter) => parameter.startsWith("fhirversion="));
    const isOurs = version === undefined || /^fhirversion="?4\.0(\.1)?"?$/.test(version);
    return { type, q: !isOurs ? 0 : q === undefined ? 1 : Number(q.slice(2)) };
  });
  const wanted = ranges.filter(({ q }) => q > 0).sort((one, other) => other.q - one.q);
  const named = wanted.map(({ type }) => formatNamed(type)).find((format) => format !== undefined);
  return named ?? (wanted.some(({ type }) => wildcards.has(type)) ? "json" : undefined);
}
