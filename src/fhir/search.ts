import type { Bundle, BundleEntry, OperationOutcome, Resource } from "@medplum/fhirtypes";
import type { RequestContext } from "../core/context.ts";
import { isGatewayError } from "../core/errors.ts";
import type { SourceStatus } from "../core/source-status.ts";
import { outcomeOf, warningOf } from "./outcome.ts";
import type { Inclusion, Provider, Providers, SearchRequest } from "./provider.ts";

type Mode = "match" | "include" | "outcome";

/** Runs one search with its includes and gives the searchset Bundle (FHIR R4 3.1.1.5) and its sources. */
export async function searchBundle(
  providers: Providers,
  provider: Provider,
  request: SearchRequest,
  ctx: RequestContext,
): Promise<{ bundle: Bundle; sources: readonly SourceStatus[] }> {
  const found = await provider.search(request, ctx);
  const matches = found.value.slice(0, request.count);
  const entries = new Map<string, { resource: Resource; mode: Mode }>();
  for (const resource of matches) entries.set(keyOf(resource), { resource, mode: "match" });
  const outcomes: OperationOutcome[] = request.ignored.map((name) => warningOf("unknown-parameter", name));
  const sources = [...found.sources];
  const add = async (
    load: () => Promise<{ value: readonly Resource[]; sources: readonly SourceStatus[] }>,
  ) => {
    try {
      const included = await load();
      sources.push(...included.sources);
      for (const resource of included.value)
        if (!entries.has(keyOf(resource))) entries.set(keyOf(resource), { resource, mode: "include" });
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      outcomes.push(outcomeOf(error, "warning"));
    }
  };
  // reverse includes first: `_include` may then follow what they brought
  for (const inclusion of request.revinclude)
    for (const match of matches) await add(() => referrers(providers, inclusion, match, ctx));
  for (const inclusion of request.include)
    for (const { resource } of [...entries.values()])
      for (const reference of referencesOf(providers, inclusion, resource))
        await add(() => referenced(providers, reference, ctx));
  const bundle: Bundle = {
    resourceType: "Bundle",
    type: "searchset",
    total: found.value.length,
    link: [{ relation: "self", url: selfLink(providers, request) }],
    entry: [
      ...[...entries.values()].map((entry) => entryOf(providers, entry)),
      ...outcomes.map((resource) => entryOf(providers, { resource, mode: "outcome" })),
    ],
  };
  return { bundle, sources };
}

const keyOf = (resource: Resource) => `${resource.resourceType}/${resource.id}`;

const entryOf = (
  { baseUrl }: Providers,
  { resource, mode }: { resource: Resource; mode: Mode },
): BundleEntry => ({
  ...(mode !== "outcome" && { fullUrl: `${baseUrl}/${keyOf(resource)}` }),
  resource,
  search: { mode },
});

/** What was applied, personal values left out: a URL is no place for them (decisions.md). */
function selfLink({ baseUrl }: Providers, request: SearchRequest): string {
  const applied = new URLSearchParams();
  for (const { parameter, chain, values } of request.criteria)
    if (!parameter.personal && !chain) applied.append(parameter.name, values.join(","));
  const inclusion = ({ type, parameter, target }: Inclusion) =>
    [type, parameter, target].filter(Boolean).join(":");
  for (const one of request.include) applied.append("_include", inclusion(one));
  for (const one of request.revinclude) applied.append("_revinclude", inclusion(one));
  const query = applied.toString();
  return `${baseUrl}/${request.type}${query && `?${query}`}`;
}

async function referrers(providers: Providers, inclusion: Inclusion, target: Resource, ctx: RequestContext) {
  const provider = providers.of(inclusion.type);
  const parameter = provider?.searchParameters.find((p) => p.name === inclusion.parameter);
  if (!provider || !parameter?.targets?.includes(target.resourceType)) return { value: [], sources: [] };
  return provider.search(
    {
      type: inclusion.type,
      criteria: [{ parameter, values: [keyOf(target)] }],
      has: [],
      sort: [],
      include: [],
      revinclude: [],
      count: 200,
      ignored: [],
    },
    ctx,
  );
}

function referencesOf(providers: Providers, inclusion: Inclusion, resource: Resource): string[] {
  if (resource.resourceType !== inclusion.type) return [];
  const parameter = providers
    .of(inclusion.type)
    ?.searchParameters.find((candidate) => candidate.name === inclusion.parameter);
  const value = parameter?.path && (resource as unknown as Record<string, unknown>)[parameter.path];
  return [value]
    .flat()
    .map((reference) => (reference as { reference?: string } | undefined)?.reference)
    .filter((reference) => reference !== undefined)
    .filter((reference) => !inclusion.target || reference.startsWith(`${inclusion.target}/`));
}

async function referenced(providers: Providers, reference: string, ctx: RequestContext) {
  const [type = "", id = ""] = reference.split("/");
  const provider = providers.of(type);
  if (!provider) return { value: [], sources: [] };
  const found = await provider.read(id, ctx);
  return { value: [found.value], sources: found.sources };
}
