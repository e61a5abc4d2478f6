import type { BundleEntry, BundleEntryRequest } from "@medplum/fhirtypes";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import { offers, type Provider, type Providers } from "../../fhir/provider.ts";
import { storedTypeOf } from "../../fhir/stored-types.ts";
import type { AskedChange, Pairs } from "./asked.ts";
import { pairsOfQuery } from "./criteria.ts";
import { methodsOf, operationOf, type TypeOperation } from "./operation-call.ts";
import { patchOf } from "./patch-body.ts";
import { providerOf } from "./paths.ts";
import { asResource } from "./resource-body.ts";
import { bodyFor, ifMatchOf, ifNoneExistOf } from "./write.ts";

/** A GET of an entry: one resource, a version of it, or a search. */
export interface AskedRead {
  provider: Provider;
  id?: string;
  version?: string;
  query: Pairs;
  ifNoneMatch?: string;
}

/** An operation that an entry calls. */
export interface AskedCall extends TypeOperation {
  provider: Provider;
  id?: string;
  query: Pairs;
  resource: unknown;
}

/** One entry of a batch or transaction, read. */
export interface AskedEntry {
  index: number;
  method: string;
  fullUrl?: string;
  change?: AskedChange;
  read?: AskedRead;
  call?: AskedCall;
}

const interactions = { POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" } as const;

/**
 * Reads an entry; throws GatewayError with the entry's path for what can't be asked so, and `not-in-transaction` for what
 * only a batch may ask.
 */
export function entryOf(
  providers: Providers,
  entry: BundleEntry,
  { index, type }: { index: number; type: "batch" | "transaction" },
): AskedEntry {
  return atEntry(index, () => {
    const { method, url } = (entry?.request ?? {}) as Partial<BundleEntryRequest>;
    if (typeof method !== "string" || typeof url !== "string")
      throw new GatewayError("bad-request", { field: "request", detail: "a method and a url are due" });
    const { operation, ...target } = targetOf(providers, url, type);
    const fullUrl = typeof entry.fullUrl === "string" ? entry.fullUrl : undefined;
    const asked = { index, method, fullUrl };
    if (operation !== undefined) return { ...asked, call: callOf(entry, method, { ...target, operation }) };
    if (method === "GET") return { ...asked, read: { ...target, ifNoneMatch: entry.request?.ifNoneMatch } };
    if (!Object.hasOwn(interactions, method))
      throw new GatewayError("method-not-allowed", { field: "request.method" });
    return { ...asked, change: changeOf(entry, target, interactions[method as keyof typeof interactions]) };
  });
}

/** Does the work for an entry; an error of it names the entry. */
export function atEntry<T>(index: number, work: () => T): T {
  const named = (error: unknown): never => {
    if (!isGatewayError(error)) throw error;
    const { code, detail, retryAfter, cause, issues } = error;
    const field = [`Bundle.entry[${index}]`, error.field].filter(Boolean).join(".");
    throw new GatewayError(code, { field, detail, retryAfter, cause, issues });
  };
  try {
    const result = work();
    return result instanceof Promise ? (result.catch(named) as T) : result;
  } catch (error) {
    return named(error);
  }
}

interface Target extends AskedRead {
  /** name of an operation */
  operation?: string;
}

function targetOf(providers: Providers, url: string, bundle: "batch" | "transaction"): Target {
  const own = url.startsWith(`${providers.baseUrl}/`) ? url.slice(providers.baseUrl.length) : url;
  const [path = "", query = ""] = own.split(/\?(.*)/s);
  const parts = path.replace(/^\//, "").split("/");
  const operation = parts.at(-1)?.startsWith("$") ? parts.pop()?.slice(1) : undefined;
  const [type = "", id, history, version, ...more] = parts;
  const isSearch = id === "_search" && history === undefined;
  const isNowhere = history !== undefined && (operation !== undefined || history !== "_history" || !version);
  if (more.length > 0 || isNowhere)
    throw new GatewayError("bad-request", {
      field: "request.url",
      detail: "not an address that an entry may have",
    });
  const provider = providerOf(providers, type);
  if (bundle === "transaction") refuseExternal(type, operation);
  return {
    provider,
    id: isSearch ? undefined : id,
    version,
    query: pairsOfQuery(query),
    ...(operation !== undefined && { operation }),
  };
}

/** A transaction is one of our own store: what belongs to another system or is computed has no part in it. */
function refuseExternal(type: string, operation: string | undefined): void {
  const refuse = (detail: string) =>
    new GatewayError("not-in-transaction", { field: "request.url", detail: `${detail}: send it in a batch` });
  if (operation !== undefined) throw refuse("an operation is no part of a transaction");
  if (!storedTypeOf(type)) throw refuse(`${type} is not kept in our own store`);
}

/** Throws `not-found` for an operation that the type does not have there, `method-not-allowed` for a wrong method. */
function callOf(
  { resource }: BundleEntry,
  method: string,
  { provider, id, query, operation: name }: AskedRead & { operation: string },
): AskedCall {
  const operation = operationOf(provider, id === undefined ? "type" : "instance", name);
  if (!operation) throw new GatewayError("not-found", { field: "request.url" });
  if (method === "HEAD" || !methodsOf(operation).includes(method))
    throw new GatewayError("method-not-allowed", { field: "request.method" });
  return { type: provider.type, provider, operation, id, query, resource };
}

function changeOf(
  entry: BundleEntry,
  { provider, id, query }: AskedRead,
  interaction: AskedChange["interaction"],
): AskedChange {
  if (!offers(provider, interaction)) throw new GatewayError("method-not-allowed", { field: "request" });
  const { ifMatch, ifNoneExist } = entry.request ?? {};
  const asked: AskedChange = { interaction, provider, id, ifMatch: ifMatchOf(ifMatch) };
  if (interaction === "create") {
    if (id !== undefined)
      throw new GatewayError("bad-request", { field: "request.url", detail: "a POST has no id" });
    asked.criteria = ifNoneExistOf(ifNoneExist);
  } else if (id === undefined) asked.criteria = query;
  if (interaction === "delete") return asked;
  const resource = asResource(entry.resource, "resource");
  return interaction === "patch"
    ? { ...asked, patch: patchOf(resource) }
    : { ...asked, resource: bodyFor(provider, id, resource) };
}
