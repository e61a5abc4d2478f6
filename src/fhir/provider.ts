import type { ParametersParameter, Resource, ResourceType } from "@medplum/fhirtypes";
import type { RequestContext } from "../core/context.ts";
import type { GatewayError } from "../core/errors.ts";
import type { SourceStatus } from "../core/source-status.ts";

export interface SearchParameter {
  name: string;
  type: "token" | "reference" | "string" | "date" | "uri" | "number" | "quantity" | "composite";
  /** without the colon; a reference also takes each of its targets */
  modifiers?: readonly string[];
  /** whether `_sort` may name it */
  sorts?: boolean;
  /** names a person: accepted in a POST body only, unless configuration says otherwise */
  personal?: boolean;
  /** for a reference: where it stands in the resource and which types it may name */
  path?: string;
  targets?: readonly ResourceType[];
  documentation: string;
}

/** One search criterion: values are alternatives (FHIR R4 3.1.1.1, comma means OR). */
export interface Criterion {
  parameter: SearchParameter;
  /** without the colon */
  modifier?: string;
  /** parameter of the referenced type, as in `practitioner.identifier` */
  chain?: string;
  /** the same for an indexed type: what must hold for the resource referred to, by its type */
  links?: readonly ChainLink[];
  values: readonly string[];
  /** the values with their escapes, as kinds whose values have parts need them; absent: nothing is escaped */
  raw?: readonly string[];
}

export interface ChainLink {
  type: string;
  criterion: Criterion;
}

/** `_has`: some resource of `type` refers here and meets the criterion (FHIR R4 3.1.1.4.16). */
export interface ReverseChain {
  type: string;
  reference: SearchParameter;
  test: Criterion | ReverseChain;
}

export interface SortKey {
  parameter: SearchParameter;
  descending: boolean;
}

export interface Inclusion {
  type: string;
  parameter: string;
  target?: string;
  /** also follows what inclusions brought */
  iterate?: boolean;
}

export interface SearchRequest {
  type: string;
  /** of a search over several types, each of which has the parameters */
  types?: readonly string[];
  criteria: readonly Criterion[];
  has: readonly ReverseChain[];
  include: readonly Inclusion[];
  revinclude: readonly Inclusion[];
  sort: readonly SortKey[];
  total?: "none" | "estimate" | "accurate";
  count: number;
  /** parameters that were left out under lenient handling */
  ignored: readonly string[];
  /** what was applied and may stand in a link: no personal value (docs/decisions/003) */
  applied: readonly (readonly [name: string, value: string])[];
  /** only what belongs to this patient, by one of the parameters */
  compartment?: { target: string; parameters: readonly string[] };
}

export interface Found<T> {
  value: T;
  sources: readonly SourceStatus[];
}

/** A body that is no Parameters resource: parsed JSON, or XML as it came. */
export type OperationContent =
  | { readonly format: "json"; readonly value: unknown }
  | { readonly format: "xml"; readonly bytes: Uint8Array | string };

export interface OperationCall {
  /** logical id of the instance that it is called on */
  id?: string;
  /** of the body's Parameters resource and of the query */
  parameters: readonly ParametersParameter[];
  content: OperationContent | undefined;
  /** how the answer is to look, for the links to its other pages */
  look?: readonly (readonly [name: string, value: string])[];
  /** `Prefer: trace` of a caller who may see it */
  trace: boolean;
}

export type OperationLevel = "system" | "type" | "instance";

/** An operation, `$name` on the whole server, on a type or on one resource (FHIR R4 operations). */
export interface Operation {
  /** without the dollar sign */
  name: string;
  level: OperationLevel | readonly OperationLevel[];
  /** canonical of its OperationDefinition */
  definition: string;
  documentation: string;
  /** letter of the scope on the type that it needs; absent: any token of this door */
  needs: string | undefined;
  /** letter of the scope that opens its trace; absent: it has none */
  traceNeeds?: string;
  /** also by GET, with its parameters in the query */
  get: boolean;
  /** only judges its input: nothing stored is read, and nothing of the input is refused before */
  judgesInput?: boolean;
  /**
   * its result is a Bundle of what is stored: each entry is decided on and journalled by itself, and left out when
   * it is refused; "whole": the operation is refused then
   */
  shows?: "entries" | "whole";
  run(call: OperationCall, ctx: RequestContext): Promise<Resource>;
}

/** What a create or an update made of the resource; `changed` is false for an update that says nothing new. */
export interface Written {
  resource: Resource;
  created: boolean;
  changed: boolean;
}

export interface WriteOptions {
  /** the version that the caller has seen, 0 for "there is none"; another one throws `version-conflict` */
  ifMatch?: number;
}

export interface HistoryRequest {
  /** absent: of the whole type */
  id?: string;
  /** milliseconds; versions from this moment on */
  since?: number;
  /** milliseconds, both inclusive; versions that were current at some moment between them */
  at?: { low: number; high: number };
  /** `next` of an earlier page */
  before?: number;
  count: number;
}

/** One version of the past; a deletion is a version without a resource. */
export interface HistoryEntry {
  type: ResourceType;
  id: string;
  version: string;
  /** milliseconds */
  lastUpdated: number;
  /** logical id of the patient whose data it is */
  subject?: string;
  interaction: "create" | "update" | "delete";
  /** an update that made it anew after its deletion */
  recreated?: boolean;
  unasked?: Candidate["unasked"];
  resource?: Resource;
}

export interface HistoryPage {
  entries: readonly HistoryEntry[];
  /** there are further ones: asks for those before these */
  next?: number;
}

/** Where a page begins: a place in the order of creation, or in a snapshot of a sorted search. */
export interface Position {
  direction: "after" | "before";
  at: number;
  snapshot?: string;
}

/** What the index found, with its place in the order of the search. */
export interface Candidate {
  resource: Resource;
  at: number;
  /** of another tenant, only because it may concern the caller: to refuse it is to refuse nothing that was asked for */
  unasked?: boolean;
}

export interface Candidates {
  found: readonly Candidate[];
  /** there are further ones in the direction of search */
  more: boolean;
  /** place of the last one, also of one that can't be read any more */
  lastAt?: number;
  snapshot?: string;
  sources: readonly SourceStatus[];
  /** what the search left out, to be told as a warning */
  warnings?: readonly GatewayError[];
}

export interface IndexedSearch {
  /** candidates for a page; the caller leaves out what is not permitted and asks for more */
  candidates(
    request: SearchRequest,
    page: { position?: Position; limit: number },
    ctx: RequestContext,
  ): Promise<Candidates>;
  /** current resources by id; what is gone is left out */
  byIds(ids: readonly string[], ctx: RequestContext): Promise<readonly Resource[]>;
}

/**
 * One resource type behind the FHIR door; the CapabilityStatement is generated from these. A method that is
 * absent is an interaction that the type does not offer.
 */
export interface Provider {
  /** of several: the first */
  type: ResourceType;
  /** stands for several types in a search of the whole system */
  isOfTypes?: boolean;
  documentation: string;
  searchParameters: readonly SearchParameter[];
  /** searched through the index: with modifiers, chains, `_has`, `_sort` and pages */
  indexed?: IndexedSearch;
  /**
   * of a type that is not in our store: what answers this search page by page, as the synchronised copy or the journal;
   * undefined when the registry itself does
   */
  pagesOf?(request: SearchRequest): Pick<IndexedSearch, "candidates"> | undefined;
  operations?: readonly Operation[];
  /** throws GatewayError `not-found` */
  read(id: string, ctx: RequestContext): Promise<Found<Resource>>;
  /** the same when it can be told at once; undefined: `read` tells, as it does for a type without this */
  known?(id: string, ctx: RequestContext): Found<Resource> | undefined;
  search(request: SearchRequest, ctx: RequestContext): Promise<Found<readonly Resource[]>>;
  /** throws `not-found` for a version that there never was */
  vread?(id: string, version: string, ctx: RequestContext): Promise<Found<Resource>>;
  /** changes that the type takes; they are made in our own store. Absent: none */
  changes?: readonly ("create" | "update" | "delete")[];
  /** newest first */
  history?(request: HistoryRequest, ctx: RequestContext): Promise<Found<HistoryPage>>;
}

type Offering = (provider: Provider) => boolean;

const takes =
  (change: NonNullable<Provider["changes"]>[number]): Offering =>
  ({ changes = [] }) =>
    changes.includes(change);
const keepsHistory: Offering = ({ history }) => history !== undefined;
const always: Offering = () => true;

const offerings = {
  read: always,
  vread: ({ vread }) => vread !== undefined,
  update: takes("update"),
  // a patch is a read and an update
  patch: takes("update"),
  delete: takes("delete"),
  "history-instance": keepsHistory,
  "history-type": keepsHistory,
  create: takes("create"),
  "search-type": always,
} as const satisfies Record<string, Offering>;

export type Interaction = keyof typeof offerings;

/** True when the type offers the interaction. */
export const offers = (provider: Provider, interaction: Interaction): boolean =>
  offerings[interaction](provider);

/** What the type offers, in the order of the specification. */
export const interactionsOf = (provider: Provider): Interaction[] =>
  (Object.keys(offerings) as Interaction[]).filter((interaction) => offers(provider, interaction));

/** True for an operation that is called on this level. */
export const isOfLevel = ({ level }: Operation, asked: OperationLevel): boolean =>
  [level].flat().includes(asked);

/** Providers by resource type, in the order in which they were given. */
export class Providers {
  readonly baseUrl: string;
  readonly #byType: ReadonlyMap<string, Provider>;

  /** `baseUrl` is the address of the FHIR door, without a slash at its end */
  constructor(baseUrl: string, providers: readonly Provider[]) {
    this.baseUrl = baseUrl;
    this.#byType = new Map(providers.map((provider) => [provider.type, provider]));
  }

  get all(): readonly Provider[] {
    return [...this.#byType.values()];
  }

  of(type: string): Provider | undefined {
    return this.#byType.get(type);
  }
}
