import type { Bundle, BundleEntry, Resource } from "@medplum/fhirtypes";
import { accessedOf } from "../../access/accessed-of.ts";
import { GatewayError } from "../../core/errors.ts";
import { offers } from "../../fhir/provider.ts";
import type { Caller } from "./asked.ts";
import type { AskedRead, AskedWhole } from "./bundle-entry.ts";
import { type BundleCaller, statusLine, versionOf } from "./bundle-response.ts";
import { preparedHistory } from "./history.ts";
import type { PlannedChange } from "./plan.ts";
import { permittedRead, readBy, refuseUnknown, requireReadScope } from "./read.ts";
import { isAmong } from "./reply.ts";
import { searchOfEntry } from "./search.ts";
import { seenAs, type View, viewIn } from "./view.ts";

/**
 * A GET of an entry: its parameters are read and its scopes checked once this returns, it is carried out when the
 * result is called. Throws `scope-missing`, `unknown-parameter`, `bad-request`.
 */
export function preparedRead(
  caller: BundleCaller,
  asked: AskedRead | AskedWhole,
): () => Promise<BundleEntry> {
  const view = viewIn(Object.fromEntries(asked.query));
  const shown = (read: () => Promise<Resource>) => async () => ({
    resource: seenAs(await read(), view),
    response: { status: statusLine(200) },
  });
  if (!asked.provider) return shown(preparedWhole(caller, asked));
  const list = preparedList(caller, asked);
  return list ? shown(list) : preparedOne(caller, asked, view);
}

function preparedWhole(caller: BundleCaller, { reads, query }: AskedWhole): () => Promise<Resource> {
  const { request, capability } = caller;
  if (reads === "history")
    return preparedHistory({ door: caller, request, given: Object.fromEntries(query) });
  return reads === "search" ? searchOfEntry(caller, { request, query }) : async () => capability;
}

/** One resource, or one version of it. */
function preparedOne(
  caller: BundleCaller,
  asked: AskedRead,
  view: View | undefined,
): () => Promise<BundleEntry> {
  const { request, providers } = caller;
  const { provider, version, query } = asked;
  const address = { id: asked.id ?? "", version };
  requireReadScope(request, provider, version);
  refuseUnknown(
    request,
    query.map(([name]) => name),
  );
  return async () => {
    const resource = await readBy(caller, provider, address);
    const { etag, ...rest } = versionOf(resource);
    if (isKnown(asked, resource))
      return { response: { status: statusLine(304), ...(etag !== undefined && { etag }) } };
    return {
      fullUrl: `${providers.baseUrl}/${provider.type}/${address.id}`,
      resource: seenAs(resource, view),
      response: { status: statusLine(200), ...(etag !== undefined && { etag }), ...rest },
    };
  };
}

/** As for a GET alone: `ifModifiedSince` counts only without `ifNoneMatch` (RFC 9110 13.2.2). */
function isKnown({ ifNoneMatch, ifModifiedSince }: AskedRead, resource: Resource): boolean {
  const { etag, lastModified } = versionOf(resource);
  if (ifNoneMatch !== undefined) return etag !== undefined && isAmong(etag, ifNoneMatch);
  if (ifModifiedSince === undefined || lastModified === undefined) return false;
  return Date.parse(lastModified) <= Date.parse(ifModifiedSince);
}

/** Of a search or a history; undefined for one resource. */
function preparedList(caller: BundleCaller, asked: AskedRead): (() => Promise<Bundle>) | undefined {
  const { request } = caller;
  const { provider, id, owner, query, reads } = asked;
  if (reads === "history") {
    const interaction = id === undefined ? "history-type" : "history-instance";
    if (!offers(provider, interaction))
      throw new GatewayError("method-not-allowed", { field: provider.type });
    return preparedHistory({ door: caller, request, provider, id, given: Object.fromEntries(query) });
  }
  return id === undefined ? searchOfEntry(caller, { request, provider, owner, query }) : undefined;
}

/** Refuses, before anything is written, a read of what won't be there or is not the caller's to see. */
export async function refuseMissing(
  caller: Caller,
  read: AskedRead | AskedWhole,
  planned: readonly PlannedChange[],
): Promise<void> {
  if (!read.provider || read.id === undefined || read.reads === "history") return;
  const { provider, id, version } = read;
  const change =
    version === undefined
      ? planned.find(({ asked, id: of }) => asked.provider.type === provider.type && of === id)
      : undefined;
  if (change?.action === "delete") throw new GatewayError("gone");
  if (!change?.after) await permittedRead(caller, provider, { id, version });
  else {
    const { request } = caller;
    await request.authorizeOne("read", accessedOf(change.after, request.ctx.actor.tenant));
  }
}
