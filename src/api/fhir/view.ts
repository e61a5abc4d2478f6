import type { Resource } from "@medplum/fhirtypes";
import type { FastifyRequest } from "fastify";
import { GatewayError } from "../../core/errors.ts";
import { type Subset, subsetOf } from "../../fhir/subset.ts";

/** How the answer is to look, beside its format. */
export interface View {
  subset?: Subset;
  pretty: boolean;
}

const summaries = new Set(["true", "text", "data", "count", "false"]);
const elementNames = /^[A-Za-z][A-Za-z.]*(,[A-Za-z][A-Za-z.]*)*$/;

/**
 * `_summary`, `_elements` and `_pretty` of the URL or of a search's form; undefined when none is asked for. Throws
 * GatewayError `bad-request` naming the one that is wrong.
 */
export function viewOf({ query, body }: FastifyRequest): View | undefined {
  const form = body !== null && typeof body === "object" && !Buffer.isBuffer(body) ? body : undefined;
  const { _summary, _elements, _pretty } = (form ? { ...(query as object), ...form } : query) as Record<
    string,
    unknown
  >;
  if (_summary === undefined && _elements === undefined && _pretty === undefined) return undefined;
  return { subset: subsetIn(_summary, _elements), pretty: isPretty(_pretty) };
}

function subsetIn(summary: unknown, elements: unknown): Subset | undefined {
  if (summary !== undefined && elements !== undefined)
    throw new GatewayError("bad-request", { field: "_elements", detail: "not together with _summary" });
  if (elements !== undefined) {
    if (typeof elements !== "string" || !elementNames.test(elements))
      throw new GatewayError("bad-request", {
        field: "_elements",
        detail: "names of elements, comma-separated",
      });
    // `Patient.name` is the same as `name`
    return elements.split(",").map((name) => name.replace(/^[A-Z][A-Za-z]*\./, ""));
  }
  if (summary === undefined || summary === "false") return undefined;
  if (typeof summary !== "string" || !summaries.has(summary))
    throw new GatewayError("bad-request", {
      field: "_summary",
      detail: `one of ${[...summaries].join(", ")}`,
    });
  return summary as Subset;
}

function isPretty(value: unknown): boolean {
  if (value === undefined || value === "false") return false;
  if (value === "true") return true;
  throw new GatewayError("bad-request", { field: "_pretty", detail: "true or false" });
}

/** The resource as the view shows it. */
export const seenAs = (resource: Resource, view: View | undefined): Resource =>
  view?.subset ? subsetOf(resource, view.subset) : resource;
