import type { Resource, ResourceType } from "@medplum/fhirtypes";
import type { RequestContext } from "../core/context.ts";
import { GatewayError, isGatewayError } from "../core/errors.ts";
import type {
  Criterion,
  Found,
  IndexedSearch,
  Provider,
  SearchParameter,
  SearchRequest,
} from "../fhir/provider.ts";
import { indexedParametersOf } from "../fhir/search/parameters.ts";
import type { Answered } from "./identities.ts";

/** How a registry answers one search parameter: it finds records by a value, or only narrows what was found. */
export type RegistryParameter<R extends Resource> = SearchParameter &
  (
    | {
        find(value: string, criterion: Criterion, ctx: RequestContext): Promise<Answered<readonly R[]>>;
        /** absent: every value; what it refuses is looked for in the copy */
        knows?(value: string): boolean;
      }
    | { keeps(resource: R, value: string, criterion: Criterion): boolean }
  );

export interface RegistryType<R extends Resource> {
  type: ResourceType;
  documentation: string;
  parameters: readonly RegistryParameter<R>[];
  /** the synchronised copy, and the parameters that only it answers; absent: there is none */
  copy?: { parameters: readonly string[]; search: Pick<IndexedSearch, "candidates"> };
  read(id: string, ctx: RequestContext): Promise<Answered<R>>;
  /** what `read` would answer, when it is at hand */
  known?(id: string, ctx: RequestContext): Answered<R> | undefined;
}

const noSuchRecord = new Set(["not-found", "person-not-found", "organization-not-found"]);

/**
 * A provider that reads a registry through: values of one parameter are alternatives, different parameters
 * must all hold. A registry can't list everything, so at least one parameter must be able to find; what the registry
 * can't answer is searched in its copy, where there is one.
 */
export function registryProvider<R extends Resource>(registry: RegistryType<R>): Provider {
  const { copy } = registry;
  const byName = new Map(registry.parameters.map((parameter) => [parameter.name, parameter]));
  const copyFor = (request: SearchRequest) =>
    copy && !isOfRegistry(byName, request) ? copy.search : undefined;
  return {
    type: registry.type,
    documentation: registry.documentation,
    searchParameters: copy ? withCopied(registry.type, byName, copy.parameters) : registry.parameters,
    read: registry.read,
    known: registry.known,
    pagesOf: copyFor,
    async search(request, ctx): Promise<Found<readonly Resource[]>> {
      const copied = copyFor(request);
      if (!copied) return readThrough(registry, byName, request, ctx);
      const { found, sources } = await copied.candidates(request, { limit: request.count }, ctx);
      return { value: found.map(({ resource }) => resource), sources };
    },
  };
}

type ByName<R extends Resource> = ReadonlyMap<string, RegistryParameter<R>>;

/** The registry's own parameters as R4 has them in full, and those that only the copy answers. */
function withCopied<R extends Resource>(
  type: string,
  byName: ByName<R>,
  names: readonly string[],
): SearchParameter[] {
  return indexedParametersOf(type).flatMap((indexed) => {
    const own = byName.get(indexed.name);
    if (!own) return names.includes(indexed.name) ? inCopy(indexed) : [];
    return {
      ...inCopy(indexed),
      ...own,
      documentation: `${own.documentation}; ${inCopy(indexed).documentation}`,
    };
  });
}

const inCopy = <P extends SearchParameter>(parameter: P): P => ({
  ...parameter,
  documentation: `in the synchronised copy: ${parameter.documentation}`,
});

/** True when the registry itself can answer: without modifiers and order, by a value that it finds records by. */
function isOfRegistry<R extends Resource>(byName: ByName<R>, { criteria, sort }: SearchRequest): boolean {
  const answered = criteria.map(({ parameter, modifier, chain, values }) => {
    const own = byName.get(parameter.name);
    const plain = own && modifier === undefined && (chain === undefined || chain === "identifier");
    if (!plain) return undefined;
    if ("keeps" in own) return "narrows";
    return values.every((value) => own.knows?.(value) ?? true) ? "finds" : undefined;
  });
  return sort.length === 0 && answered.includes("finds") && !answered.includes(undefined);
}

async function readThrough<R extends Resource>(
  registry: RegistryType<R>,
  byName: ByName<R>,
  { criteria }: SearchRequest,
  ctx: RequestContext,
): Promise<Found<readonly Resource[]>> {
  for (const criterion of criteria) refuseForeignChain(criterion);
  const finders = criteria.filter(({ parameter }) => "find" in (byName.get(parameter.name) ?? {}));
  if (!finders.length) throw needsFinder(registry);
  const found = await Promise.all(
    finders.map((criterion) => findAny(byName.get(criterion.parameter.name), criterion, ctx)),
  );
  const [first = { value: [], sources: [] }, ...others] = found;
  const value = first.value
    .filter(({ id }) => others.every((other) => other.value.some((resource) => resource.id === id)))
    .filter((resource) => criteria.every((criterion) => kept(byName, resource, criterion)));
  return { value, sources: found.flatMap(({ sources }) => sources) };
}

/** Records that any value of a criterion finds. */
async function findAny<R extends Resource>(
  parameter: RegistryParameter<R> | undefined,
  criterion: Criterion,
  ctx: RequestContext,
): Promise<Answered<R[]>> {
  if (!parameter || !("find" in parameter)) return { value: [], sources: [] };
  const answers = await Promise.all(
    criterion.values.map((value) => parameter.find(value, criterion, ctx).catch(emptyWhenAbsent)),
  );
  return {
    value: [...new Map(answers.flatMap(({ value }) => value.map((one) => [one.id, one]))).values()],
    sources: answers.flatMap((answer) => [...answer.sources]),
  };
}

/** A search for a record that does not exist is an empty result, not an error (FHIR R4 3.1.1). */
function emptyWhenAbsent(error: unknown): Answered<never[]> {
  if (isGatewayError(error) && noSuchRecord.has(error.code)) return { value: [], sources: [] };
  throw error;
}

function kept<R extends Resource>(byName: ByName<R>, resource: R, criterion: Criterion): boolean {
  const own = byName.get(criterion.parameter.name);
  if (!own || !("keeps" in own)) return true;
  return criterion.values.some((value) => own.keeps(resource, value, criterion));
}

/** Other parameters of the referenced type are nothing that a registry finds or narrows by. */
function refuseForeignChain({ parameter, chain }: Criterion): void {
  if (chain === undefined || chain === "identifier") return;
  const field = `${parameter.name}.${chain}`;
  throw new GatewayError("unknown-parameter", { field, detail: "a chain goes by identifier" });
}

function needsFinder<R extends Resource>({ type, parameters }: RegistryType<R>): GatewayError {
  const names = parameters.filter((parameter) => "find" in parameter).map(({ name }) => name);
  return new GatewayError("bad-request", { detail: `${type} is searched by ${names.join(" or ")}` });
}
