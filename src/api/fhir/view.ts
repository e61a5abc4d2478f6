import type { Resource } from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import { type Subset, subsetOf } from "../../fhir/subset.ts";

/** How the answer is to look, beside its format. */
export interface View {
  subset?: Subset;
  pretty: boolean;
}

/** Parameters that say how an answer looks, not what it holds. */
const viewNames = ["_format", "_pretty", "_summary", "_elements"] as const;
/** True for a parameter that narrows or formats an answer and selects nothing. */
export const isViewName = (name: string): boolean => (viewNames as readonly string[]).includes(name);

const summaries = new Set(["true", "text", "data", "count", "false"]);
const elementNames = /^[A-Za-z][A-Za-z.]*(,[A-Za-z][A-Za-z.]*)*$/;

/**
 * What `_summary`, `_elements` and `_pretty` ask for; undefined when none is given. Throws GatewayError `bad-request`
 * naming the one that is wrong.
 */
export function viewIn({ _summary, _elements, _pretty }: Record<string, unknown>): View | undefined {
  if (_summary === undefined && _elements === undefined && _pretty === undefined) return undefined;
  return { subset: subsetIn(_summary, _elements), pretty: isPretty(_pretty) };
}

/** How the answer was asked to look, for the links to itself and its other pages. */
export function viewPairsIn(given: Record<string, unknown>): [string, string][] {
  return viewNames.flatMap((name): [string, string][] => {
    const value = given[name];
    return typeof value === "string" ? [[name, value]] : [];
  });
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
