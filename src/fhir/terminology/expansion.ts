import type { ValueSet, ValueSetExpansionContains } from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import type { Concept } from "../../store/dictionaries.ts";
import { fold } from "../search/fold.ts";
import type { CodeSystemCopy } from "./code-system-copy.ts";
import type { ValueSetCopy } from "./terminology.ts";

export interface ExpansionRequest {
  filter?: string;
  /** ISO date on which concepts must be in force; absent: those of any time */
  activeOn?: string;
  offset?: number;
  count?: number;
  /** no tree, a plain list */
  excludeNested: boolean;
}

/** What is given at once; a page is no longer than that. */
export const mostContained = 1_000;
const longestFilter = 200;

interface Found {
  readonly system: CodeSystemCopy;
  readonly concept: Concept;
}

/**
 * Expands a value set: a page where offset or count are given, else all of it, as a tree where there is one. Throws
 * `too-costly` for more than 1000 concepts at once, `bad-request` for a filter of more than 200 characters.
 */
export async function expand(
  valueSet: ValueSetCopy,
  request: ExpansionRequest,
  now: number,
): Promise<ValueSet> {
  const { offset = 0, count = mostContained } = request;
  const isPaged = request.offset !== undefined || request.count !== undefined;
  const { total, found } = await collect(valueSet, request, { offset, count });
  if (!isPaged && total > mostContained)
    throw new GatewayError("too-costly", { detail: `${total} concepts, at most ${mostContained} at once` });
  const isTree =
    !isPaged && !request.excludeNested && valueSet.inclusions.some(({ system }) => system.hierarchical);
  return {
    resourceType: "ValueSet",
    url: valueSet.url,
    ...(valueSet.title !== "" && { title: valueSet.title }),
    status: "active",
    expansion: {
      timestamp: new Date(now).toISOString(),
      total,
      ...(isPaged && { offset }),
      parameter: parametersOf(valueSet, request),
      contains: isTree ? treeOf(found) : found.map(contained),
    },
  };
}

async function collect(
  { inclusions }: ValueSetCopy,
  { filter, activeOn }: ExpansionRequest,
  page: { offset: number; count: number },
): Promise<{ total: number; found: readonly Found[] }> {
  const found: Found[] = [];
  let total = 0;
  for (const { system, root } of inclusions) {
    const part = await system.search({
      ...(filter !== undefined && { filter: foldedFilter(filter) }),
      ...(root !== undefined && { root }),
      ...(activeOn !== undefined && { activeOn }),
      offset: Math.max(0, page.offset - total),
      count: page.count - found.length,
    });
    total += part.total;
    found.push(...part.concepts.map((concept) => ({ system, concept })));
  }
  return { total, found };
}

function foldedFilter(filter: string): string {
  if (filter.length <= longestFilter) return fold(filter);
  throw new GatewayError("bad-request", { field: "filter", detail: `at most ${longestFilter} characters` });
}

const contained = ({ system: { url, version }, concept }: Found): ValueSetExpansionContains => ({
  system: url,
  ...(version !== undefined && { version }),
  code: concept.code,
  display: concept.display,
  ...(!concept.active && { inactive: true }),
});

/** Concepts under their parents; one whose parent was not found stands at the top. */
function treeOf(found: readonly Found[]): ValueSetExpansionContains[] {
  const nodes = new Map(found.map((each) => [each.concept.code, contained(each)]));
  const top: ValueSetExpansionContains[] = [];
  for (const { concept } of found) {
    const node = nodes.get(concept.code);
    const parent = nodes.get(concept.parent ?? "");
    if (node === undefined) continue;
    if (parent === undefined) top.push(node);
    else parent.contains = [...(parent.contains ?? []), node];
  }
  return top;
}

// the version that was expanded, and how old the copy of it is
function parametersOf({ inclusions }: ValueSetCopy, { filter, activeOn }: ExpansionRequest) {
  const copies = inclusions.flatMap(({ system: { url, version, asOf } }) => [
    ...(version === undefined ? [] : [{ name: "version", valueUri: `${url}|${version}` }]),
    ...(asOf === undefined ? [] : [{ name: "copied", valueDateTime: new Date(asOf).toISOString() }]),
  ]);
  return [
    ...copies,
    ...(filter === undefined ? [] : [{ name: "filter", valueString: filter }]),
    ...(activeOn === undefined ? [] : [{ name: "date", valueDateTime: activeOn }]),
  ];
}
