import type { ParametersParameter, Resource, ResourceType } from "@medplum/fhirtypes";
import type { RequestContext } from "../core/context.ts";
import type { SourceStatus } from "../core/source-status.ts";

export interface SearchParameter {
  name: string;
  type: "token" | "reference" | "string" | "date" | "uri";
  modifiers?: readonly string[];
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
  /** parameter of the referenced type, as in `practitioner.identifier` */
  chain?: string;
  values: readonly string[];
}

export interface Inclusion {
  type: string;
  parameter: string;
  target?: string;
}

export interface SearchRequest {
  type: string;
  criteria: readonly Criterion[];
  include: readonly Inclusion[];
  revinclude: readonly Inclusion[];
  count: number;
  /** parameters that were left out under lenient handling */
  ignored: readonly string[];
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
  /** of the body's Parameters resource and of the query */
  parameters: readonly ParametersParameter[];
  content: OperationContent | undefined;
  /** `Prefer: trace` of a caller who may see it */
  trace: boolean;
}

/** An operation of a type, `Type/$name` (FHIR R4 operations). */
export interface Operation {
  /** without the dollar sign */
  name: string;
  /** canonical of its OperationDefinition */
  definition: string;
  documentation: string;
  /** letter of the scope on the type that it needs; absent: any token of this door */
  needs: string | undefined;
  /** letter of the scope that opens its trace; absent: it has none */
  traceNeeds?: string;
  /** also by GET, with its parameters in the query */
  get: boolean;
  run(call: OperationCall, ctx: RequestContext): Promise<Resource>;
}

/** One resource type behind the FHIR door; the CapabilityStatement is generated from these. */
export interface Provider {
  type: ResourceType;
  documentation: string;
  searchParameters: readonly SearchParameter[];
  operations?: readonly Operation[];
  /** throws GatewayError `not-found` */
  read(id: string, ctx: RequestContext): Promise<Found<Resource>>;
  search(request: SearchRequest, ctx: RequestContext): Promise<Found<readonly Resource[]>>;
}

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
