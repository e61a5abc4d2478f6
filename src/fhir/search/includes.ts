import type { Resource } from "@medplum/fhirtypes";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import type { SourceStatus } from "../../core/source-status.ts";
import type { Inclusion, Provider, Providers, SearchParameter, SearchRequest } from "../provider.ts";
import type { Permitted } from "./page.ts";
import { plainSearch } from "./plain-search.ts";
import { referencesBy } from "./reference.ts";

const mostIncluded = 1_000;
const mostRounds = 4;

export interface Included {
  resources: readonly Resource[];
  sources: readonly SourceStatus[];
  /** what did not answer, and a warning when not everything came along */
  warnings: readonly GatewayError[];
}

interface IncludeAsk {
  providers: Providers;
  request: SearchRequest;
  matches: readonly Resource[];
  permitted: Permitted;
  ctx: RequestContext;
}

/** What `_revinclude` and `_include` bring along; `:iterate` follows for a bounded number of rounds. */
export async function includesOf(ask: IncludeAsk): Promise<Included> {
  const includes = new Includes(ask);
  await includes.run();
  return includes;
}

class Includes implements Included {
  readonly resources: Resource[] = [];
  readonly sources: SourceStatus[] = [];
  readonly warnings: GatewayError[] = [];
  readonly #ask: IncludeAsk;
  readonly #seen: Set<string>;

  constructor(ask: IncludeAsk) {
    this.#ask = ask;
    this.#seen = new Set(ask.matches.map(keyOf));
  }

  async run(): Promise<void> {
    const { request, matches } = this.#ask;
    // reverse includes first: `_include` may then follow what they brought
    const referring = await this.#round([], request.revinclude, matches);
    let fresh = await this.#round(request.include, [], [...matches, ...referring]);
    fresh = [...referring, ...fresh];
    const iterate = request.include.filter((one) => one.iterate);
    const reverse = request.revinclude.filter((one) => one.iterate);
    for (let round = 1; fresh.length > 0 && iterate.length + reverse.length > 0; round++) {
      if (round > mostRounds) return this.#truncated();
      fresh = await this.#round(iterate, reverse, fresh);
    }
  }

  async #round(
    include: readonly Inclusion[],
    revinclude: readonly Inclusion[],
    from: readonly Resource[],
  ): Promise<Resource[]> {
    const before = this.resources.length;
    for (const inclusion of revinclude) await this.#referring(inclusion, from);
    for (const inclusion of include)
      await this.#referred(inclusion, [...from, ...this.resources.slice(before)]);
    return this.resources.slice(before);
  }

  /** Resources that refer to these, all of an indexed type in one search. */
  async #referring({ type, parameter: name, target }: Inclusion, from: readonly Resource[]): Promise<void> {
    const provider = this.#ask.providers.of(type);
    const parameter = provider?.searchParameters.find((one) => one.name === name);
    const targets = from.filter(
      ({ resourceType }) =>
        parameter?.targets?.includes(resourceType) && (!target || target === resourceType),
    );
    if (!provider || !parameter || targets.length === 0) return;
    const keys = targets.map(keyOf);
    if (provider.indexed) return this.#add(() => this.#searched(provider, parameter, keys));
    for (const key of keys)
      await this.#add(() =>
        provider.search(plainSearch(provider.type, [{ parameter, values: [key] }]), this.#ask.ctx),
      );
  }

  async #searched(provider: Provider, parameter: SearchParameter, keys: readonly string[]) {
    const request = plainSearch(provider.type, [{ parameter, values: keys }]);
    const { ctx } = this.#ask;
    const found = await provider.indexed?.candidates(request, { limit: mostIncluded }, ctx);
    if (found?.more) this.#truncated();
    return { value: found?.found.map(({ resource }) => resource) ?? [], sources: found?.sources ?? [] };
  }

  /** What these refer to: of an indexed type by one query, of a registry by one read each. */
  async #referred(inclusion: Inclusion, from: readonly Resource[]): Promise<void> {
    const { providers, ctx } = this.#ask;
    for (const [type, ids] of this.#missing(inclusion, from)) {
      const provider = providers.of(type);
      const { indexed } = provider ?? {};
      if (indexed) await this.#add(async () => ({ value: await indexed.byIds([...ids], ctx), sources: [] }));
      else if (provider) for (const id of ids) await this.#add(() => readOne(provider, id, ctx));
    }
  }

  /** Ids by type that an inclusion leads to and that are not there yet. */
  #missing(inclusion: Inclusion, from: readonly Resource[]): Map<string, Set<string>> {
    const { providers } = this.#ask;
    const known = providers.of(inclusion.type)?.searchParameters ?? [];
    const parameter = known.find(({ name }) => name === inclusion.parameter);
    const missing = new Map<string, Set<string>>();
    const sources = parameter ? from.filter(({ resourceType }) => resourceType === inclusion.type) : [];
    for (const reference of sources.flatMap((one) => referencesBy(parameter, one, providers.baseUrl))) {
      const [type = "", id = ""] = reference.split("/");
      const wanted = inclusion.target === undefined || inclusion.target === type;
      if (wanted && !this.#seen.has(reference)) missing.set(type, (missing.get(type) ?? new Set()).add(id));
    }
    return missing;
  }

  async #add(
    load: () => Promise<{ value: readonly Resource[]; sources: readonly SourceStatus[] }>,
  ): Promise<void> {
    try {
      const { value, sources } = await load();
      this.sources.push(...sources);
      const fresh = value.filter((resource) => !this.#seen.has(keyOf(resource)));
      const allowed = await this.#ask.permitted(fresh);
      for (const resource of fresh.filter((_, index) => allowed[index])) {
        if (this.resources.length === mostIncluded) return this.#truncated();
        this.#seen.add(keyOf(resource));
        this.resources.push(resource);
      }
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      this.warnings.push(error);
    }
  }

  #truncated(): void {
    if (!this.warnings.includes(truncated)) this.warnings.push(truncated);
  }
}

const truncated = new GatewayError("search-too-broad", {
  field: "_include",
  detail: `not everything came along: at most ${mostIncluded} resources in ${mostRounds} rounds`,
});

export const keyOf = (resource: Resource): string => `${resource.resourceType}/${resource.id}`;

async function readOne(provider: Provider, id: string, ctx: RequestContext) {
  const { value, sources } = await provider.read(id, ctx);
  return { value: [value], sources };
}
