import { STATUS_CODES } from "node:http";
import type { BundleEntry, Resource } from "@medplum/fhirtypes";
import type { Caller, Done } from "./asked.ts";
import type { AskedCall, AskedRead } from "./bundle-entry.ts";
import { operationInput } from "./operation-body.ts";
import { invoked } from "./operation-call.ts";
import { preferencesOf } from "./prefer.ts";
import { readBy } from "./read.ts";
import { etagOf, isAmong } from "./reply.ts";
import { type SearchDoor, searchOfEntry } from "./search.ts";
import { locationOf, outcomeOfDone } from "./written-reply.ts";

export type BundleCaller = Caller & SearchDoor;

const statusLine = (status: number): string => `${status} ${STATUS_CODES[status]}`;

/** The answer to an entry that changed something, with the resource when `Prefer: return=representation` asks. */
export function respondedChange({ request, providers }: Caller, done: readonly Done[]): BundleEntry {
  const [first, ...others] = done;
  const one = others.length === 0 ? first : undefined;
  const resource = one?.resource;
  const wanted = preferencesOf(request).get("return");
  return {
    ...(resource && { fullUrl: `${providers.baseUrl}/${resource.resourceType}/${resource.id}` }),
    ...(wanted === "representation" && resource && !one.unseen && { resource }),
    response: {
      status: statusLine(one?.status ?? 204),
      ...(one && resource && { location: locationOf(providers.baseUrl, one), ...versionOf(resource) }),
      ...(wanted === "OperationOutcome" && { outcome: outcomeOfDone(done) }),
    },
  };
}

/** The answer to a GET of an entry. */
export async function respondedRead(caller: BundleCaller, asked: AskedRead): Promise<BundleEntry> {
  const { request, providers } = caller;
  const { provider, id, version, query, ifNoneMatch } = asked;
  const resource =
    id === undefined
      ? await searchOfEntry(caller, { request, provider, query })
      : await readBy(caller, provider, { id, version });
  const { etag, ...rest } = versionOf(resource);
  if (etag !== undefined && typeof ifNoneMatch === "string" && isAmong(etag, ifNoneMatch))
    return { response: { status: statusLine(304), etag } };
  return {
    ...(id !== undefined && { fullUrl: `${providers.baseUrl}/${provider.type}/${id}` }),
    resource,
    response: { status: statusLine(200), ...(etag !== undefined && { etag }), ...rest },
  };
}

/** The answer to an operation that an entry calls. */
export async function respondedCall(
  caller: BundleCaller,
  { type, operation, id, query, resource }: AskedCall,
): Promise<BundleEntry> {
  const content = resource === undefined ? undefined : ({ format: "json", value: resource } as const);
  const input = () => operationInput(query, content, operation.judgesInput);
  const answer = await invoked(caller, { type, operation, id, input });
  return { resource: answer, response: { status: statusLine(200) } };
}

function versionOf({ meta }: Resource): { etag?: string; lastModified?: string } {
  const { versionId, lastUpdated } = meta ?? {};
  return {
    ...(versionId !== undefined && { etag: etagOf(versionId) }),
    ...(lastUpdated !== undefined && { lastModified: lastUpdated }),
  };
}
