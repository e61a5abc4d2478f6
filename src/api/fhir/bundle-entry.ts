import type { BundleEntry, BundleEntryRequest } from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import { offers, type Provider, type Providers } from "../../fhir/provider.ts";
import { type CompartmentOwner, compartmentTypes } from "../../fhir/search/compartment.ts";
import { storedTypeOf } from "../../fhir/stored-types.ts";
import type { AskedChange, Pairs } from "./asked.ts";
import { atEntry } from "./at-entry.ts";
import { pairsOfQuery } from "./criteria.ts";
import { methodsOf, operationOf, type TypeOperation } from "./operation-call.ts";
import { patchOf } from "./patch-body.ts";
import { providerOf, refuseNoId } from "./paths.ts";
import { asResource } from "./resource-body.ts";
import { bodyFor, ifMatchOf, ifNoneExistOf } from "./write.ts";

/** What an entry reads: one resource, a version of it, a history, or a search. */
export interface AskedRead extends Omit<Place, "type"> {
  provider: Provider;
  query: Pairs;
  ifNoneMatch?: string;
  ifModifiedSince?: string;
}

/** What an entry reads of the whole server. */
export interface AskedWhole {
  reads: "search" | "history" | "capabilities";
  query: Pairs;
  provider?: undefined;
  id?: undefined;
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
  read?: AskedRead | AskedWhole;
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
    const fullUrl = typeof entry.fullUrl === "string" ? entry.fullUrl : undefined;
    const { path, query } = addressOf(providers, url);
    const whole = wholeOf(path, method);
    if (whole) return { index, method, fullUrl, read: { reads: whole, query } };
    const target = { ...targetOf(providers, path, type), query };
    return { index, method, fullUrl, ...askedOf(entry, method, target) };
  });
}

function askedOf(
  entry: BundleEntry,
  method: string,
  { operation, ...target }: Target & Pick<AskedRead, "query">,
): Pick<AskedEntry, "call" | "read" | "change"> {
  if (operation !== undefined) return { call: callOf(entry, method, { ...target, operation }) };
  if (method === "GET" || (method === "POST" && target.reads === "search"))
    return { read: { ...target, ...conditionsOf(entry.request) } };
  return { change: changeOf(entry, target, interactionOf(method, target)) };
}

const conditionsOf = ({ ifNoneMatch, ifModifiedSince }: Partial<BundleEntryRequest> = {}) => ({
  ...(typeof ifNoneMatch === "string" && { ifNoneMatch }),
  ...(typeof ifModifiedSince === "string" && { ifModifiedSince }),
});

/** Throws `method-not-allowed` for what changes nothing, and where nothing can be changed. */
function interactionOf(method: string, { reads }: AskedRead): AskedChange["interaction"] {
  if (reads || !Object.hasOwn(interactions, method))
    throw new GatewayError("method-not-allowed", { field: "request.method" });
  return interactions[method as keyof typeof interactions];
}

const typeName = /^[A-Z][A-Za-z]+$/;

const nowhere = () =>
  new GatewayError("bad-request", {
    field: "request.url",
    detail: "not an address that an entry may have",
  });

/** Where a url leads, relative to the base or below it. */
function addressOf({ baseUrl }: Providers, url: string): { path: string; query: Pairs } {
  const own = url.startsWith(baseUrl) && /^([/?]|$)/.test(url.slice(baseUrl.length));
  const [path = "", query = ""] = (own ? url.slice(baseUrl.length) : url).split(/\?(.*)/s);
  return { path: path.replace(/^\//, ""), query: pairsOfQuery(query) };
}

const wholes: ReadonlyMap<string, readonly [reads: AskedWhole["reads"], method: string]> = new Map([
  ["", ["search", "GET"]],
  ["_search", ["search", "POST"]],
  ["_history", ["history", "GET"]],
  ["metadata", ["capabilities", "GET"]],
]);

/** Undefined for the path of a type; throws `method-not-allowed`. */
function wholeOf(path: string, asked: string): AskedWhole["reads"] | undefined {
  const [reads, method] = wholes.get(path) ?? [];
  if (reads && method !== asked) throw new GatewayError("method-not-allowed", { field: "request.method" });
  return reads;
}

interface Target extends Omit<AskedRead, "query"> {
  /** name of an operation */
  operation?: string;
}

function targetOf(providers: Providers, path: string, bundle: "batch" | "transaction"): Target {
  const parts = path.split("/");
  const operation = parts.at(-1)?.startsWith("$") ? parts.pop()?.slice(1) : undefined;
  const { type, ...place } = placeOf(parts);
  refuseNoId(place.id);
  refuseNoId(place.owner?.id);
  if (operation !== undefined && place.reads) throw nowhere();
  const provider = providerOf(providers, type);
  if (bundle === "transaction") refuseExternal(type, operation);
  return { provider, ...place, ...(operation !== undefined && { operation }) };
}

/** What a path names. */
interface Place {
  type: string;
  id?: string;
  version?: string;
  /** whose compartment is searched */
  owner?: CompartmentOwner;
  /** of a path that is only read */
  reads?: "search" | "history" | "vread";
}

/** Throws `bad-request` for what is none of the paths below a type. */
function placeOf([type = "", id, below, version, ...more]: readonly string[]): Place {
  if (more.length > 0) throw nowhere();
  if (below === undefined) {
    if (id === "_search") return { type, reads: "search" };
    return id === "_history" ? { type, reads: "history" } : { type, id };
  }
  if (below === "_history")
    return version ? { type, id, version, reads: "vread" } : { type, id, reads: "history" };
  if (!compartmentTypes.includes(type) || version !== undefined || !typeName.test(below)) throw nowhere();
  return { type: below, owner: { type, id: id ?? "" }, reads: "search" };
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
