import type { Bundle, BundleEntry } from "@medplum/fhirtypes";
import { accessedOf } from "../../access/accessed-of.ts";
import { GatewayError } from "../../core/errors.ts";
import { offers } from "../../fhir/provider.ts";
import type { Caller } from "./asked.ts";
import type { AskedRead } from "./bundle-entry.ts";
import { type BundleCaller, statusLine, versionOf } from "./bundle-response.ts";
import { preparedHistory } from "./history.ts";
import type { PlannedChange } from "./plan.ts";
import { permittedRead, readBy, refuseUnknown, requireReadScope } from "./read.ts";
import { isAmong } from "./reply.ts";
import { searchOfEntry } from "./search.ts";
import { seenAs, viewIn } from "./view.ts";

/**
 * A GET of an entry: its parameters are read and its scopes checked once this returns, it is carried out when the
 * result is called. Throws `scope-missing`, `unknown-parameter`, `bad-request`.
 */
export function preparedRead(caller: BundleCaller, asked: AskedRead): () => Promise<BundleEntry> {
  const { request, providers } = caller;
  const { provider, version, query } = asked;
  const view = viewIn(Object.fromEntries(query));
  const list = preparedList(caller, asked);
  if (list)
    return async () => ({ resource: seenAs(await list(), view), response: { status: statusLine(200) } });
  const address = { id: asked.id ?? "", version };
  requireReadScope(request, provider, version);
  refuseUnknown(
    request,
    query.map(([name]) => name),
  );
  return async () => {
    const resource = await readBy(caller, provider, address);
    const { etag, ...rest } = versionOf(resource);
    if (etag !== undefined && typeof asked.ifNoneMatch === "string" && isAmong(etag, asked.ifNoneMatch))
      return { response: { status: statusLine(304), etag } };
    return {
      fullUrl: `${providers.baseUrl}/${provider.type}/${address.id}`,
      resource: seenAs(resource, view),
      response: { status: statusLine(200), ...(etag !== undefined && { etag }), ...rest },
    };
  };
}

/** Of a search or a history; undefined for one resource. */
function preparedList(caller: BundleCaller, asked: AskedRead): (() => Promise<Bundle>) | undefined {
  const { request } = caller;
  const { provider, id, patient, query, reads } = asked;
  if (reads === "history") {
    const interaction = id === undefined ? "history-type" : "history-instance";
    if (!offers(provider, interaction))
      throw new GatewayError("method-not-allowed", { field: provider.type });
    return preparedHistory({ door: caller, request, provider, id, given: Object.fromEntries(query) });
  }
  return id === undefined ? searchOfEntry(caller, { request, provider, patient, query }) : undefined;
}

/** Refuses, before anything is written, a read of what won't be there or is not the caller's to see. */
export async function refuseMissing(
  caller: Caller,
  { provider, id, version, reads }: AskedRead,
  planned: readonly PlannedChange[],
): Promise<void> {
  if (id === undefined || reads === "history") return;
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
