import type { BundleEntry } from "@medplum/fhirtypes";
import { accessedOf } from "../../access/accessed-of.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Caller } from "./asked.ts";
import type { AskedRead } from "./bundle-entry.ts";
import { type BundleCaller, statusLine, versionOf } from "./bundle-response.ts";
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
  const { provider, id, version, query } = asked;
  const view = viewIn(Object.fromEntries(query));
  if (id === undefined) {
    const search = searchOfEntry(caller, { request, provider, query });
    return async () => ({ resource: seenAs(await search(), view), response: { status: statusLine(200) } });
  }
  requireReadScope(request, provider, version);
  refuseUnknown(
    request,
    query.map(([name]) => name),
  );
  return async () => {
    const resource = await readBy(caller, provider, { id, version });
    const { etag, ...rest } = versionOf(resource);
    if (etag !== undefined && typeof asked.ifNoneMatch === "string" && isAmong(etag, asked.ifNoneMatch))
      return { response: { status: statusLine(304), etag } };
    return {
      fullUrl: `${providers.baseUrl}/${provider.type}/${id}`,
      resource: seenAs(resource, view),
      response: { status: statusLine(200), ...(etag !== undefined && { etag }), ...rest },
    };
  };
}

/** Refuses, before anything is written, a read of what won't be there or is not the caller's to see. */
export async function refuseMissing(
  caller: Caller,
  { provider, id, version }: AskedRead,
  planned: readonly PlannedChange[],
): Promise<void> {
  if (id === undefined) return;
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
