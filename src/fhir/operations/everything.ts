import type { Bundle, BundleEntry, BundleLink, Resource } from "@medplum/fhirtypes";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { RecordPlace } from "../../store/record.ts";
import { countOf, refuseUnknownParameters, textOfParameter } from "../parameters.ts";
import type { Operation, OperationCall } from "../provider.ts";
import type { Repository } from "../repository.ts";
import type { LinkedPage, PageLinks } from "../search/page-link.ts";
import { instantOf } from "../search/range.ts";
import { storedTypes } from "../stored-types.ts";

const mostResources = 1_000;

interface EverythingParts {
  repository: Repository;
  pages: PageLinks;
  baseUrl: string;
}

/** `Patient/id/$everything` (FHIR R4): the patient and all that is stored about them, in pages. */
export const everythingOperation = (parts: EverythingParts): Operation => ({
  name: "everything",
  level: "instance",
  definition: "http://hl7.org/fhir/OperationDefinition/Patient-everything",
  documentation: `The patient and all that our store holds about them, in the order of their last change, ${mostResources} on a page; takes _type, _since and _count`,
  needs: "r",
  get: true,
  shows: "entries",
  async run(call, ctx) {
    const { id = "" } = call;
    const asked = askedIn(parts, call, ctx);
    const patient = await parts.repository.read("Patient", id, ctx);
    const first = asked.after ? [] : [patient];
    const { found, next } = await parts.repository.recordOf(
      { ...asked, subject: id, limit: asked.count - first.length },
      ctx,
    );
    return {
      resourceType: "Bundle",
      type: "searchset",
      link: linksOf(parts, { call, asked, next }, ctx),
      entry: [...first, ...found].map((resource) => entryOf(parts.baseUrl, resource)),
    } satisfies Bundle;
  },
});

interface Asked {
  types: readonly string[];
  since?: number;
  count: number;
  after?: RecordPlace;
  pairs: LinkedPage["query"];
}

/** What the parameters ask for, or the link of a page. */
function askedIn(
  { pages }: EverythingParts,
  { id, parameters }: OperationCall,
  { actor }: RequestContext,
): Asked {
  const token = textOfParameter(parameters, "_page");
  refuseUnknownParameters(parameters, token === undefined ? ["_type", "_since", "_count"] : ["_page"]);
  if (token === undefined) return readFrom(parameters);
  const { path, query, position } = pages.open(token, actor);
  if (path !== pathOf(id)) throw new GatewayError("page-link-rejected", { field: "_page" });
  const [type = "", of = ""] = position.snapshot?.split("/") ?? [];
  const asked = readFrom(query.map(([name, valueString]) => ({ name, valueString })));
  return { ...asked, after: { lastUpdated: position.at, type, id: of } };
}

function readFrom(parameters: OperationCall["parameters"]): Asked {
  const names = ["_type", "_since", "_count"];
  const pairs = names.flatMap((name): [string, string][] => {
    const text =
      name === "_count" ? countOf(parameters, name, { least: 1 }) : textOfParameter(parameters, name);
    return text === undefined ? [] : [[name, String(text)]];
  });
  const { _type, _since, _count = mostResources } = Object.fromEntries(pairs);
  const since = _since === undefined ? undefined : instantOf(_since);
  if (_since !== undefined && since === undefined)
    throw new GatewayError("bad-request", { field: "_since", detail: "not an instant" });
  return { types: typesIn(_type), since, count: Math.min(Number(_count), mostResources), pairs };
}

function typesIn(text: string | undefined): readonly string[] {
  const known = storedTypes.filter(({ isPublic }) => !isPublic).map(({ type }) => type as string);
  const asked = text?.split(",") ?? known;
  if (asked.some((type) => !known.includes(type)))
    throw new GatewayError("bad-request", { field: "_type", detail: `of ${known.join(", ")}` });
  // the patient comes first in any case
  return asked.filter((type) => type !== "Patient");
}

const pathOf = (id: string | undefined): string => `Patient/${id}/$everything`;

function linksOf(
  { pages, baseUrl }: EverythingParts,
  {
    call: { id, look = [] },
    asked,
    next,
  }: { call: OperationCall; asked: Asked; next: RecordPlace | undefined },
  { actor }: RequestContext,
): BundleLink[] {
  const path = pathOf(id);
  const linkTo = (relation: string, query: LinkedPage["query"]): BundleLink => {
    const text = new URLSearchParams(
      [...query, ...look].map(([name, value]): [string, string] => [name, value]),
    ).toString();
    return { relation, url: `${baseUrl}/${path}${text && `?${text}`}` };
  };
  const self = linkTo("self", asked.pairs);
  if (!next) return [self];
  const position = { direction: "after", at: next.lastUpdated, snapshot: `${next.type}/${next.id}` } as const;
  const token = pages.seal({ path, query: asked.pairs, lenient: false, position }, actor);
  return [self, linkTo("next", [["_page", token]])];
}

const entryOf = (baseUrl: string, resource: Resource): BundleEntry => ({
  fullUrl: `${baseUrl}/${resource.resourceType}/${resource.id}`,
  resource,
  search: { mode: "match" },
});
