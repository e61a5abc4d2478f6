import { STATUS_CODES } from "node:http";
import type { BundleEntry, CapabilityStatement, Resource } from "@medplum/fhirtypes";
import type { GatewayError } from "../../core/errors.ts";
import { outcomeOf } from "../../fhir/outcome.ts";
import { toGatewayError } from "../../plugins/errors.ts";
import { nameableId } from "../../plugins/journal.ts";
import type { Caller, Done } from "./asked.ts";
import type { AskedCall, AskedEntry } from "./bundle-entry.ts";
import { operationInput } from "./operation-body.ts";
import { invoked } from "./operation-call.ts";
import { preferencesOf } from "./prefer.ts";
import { etagOf } from "./reply.ts";
import type { SearchDoor } from "./search.ts";
import { locationOf, outcomeOfDone } from "./written-reply.ts";

export interface BundleCaller extends Caller, SearchDoor {
  capability: CapabilityStatement;
}

/** The status of an entry as `Bundle.entry.response.status` spells it: code and phrase. */
export const statusLine = (status: number): string => `${status} ${STATUS_CODES[status]}`;

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

/** ETag and time of the last change of an answered resource, as an entry's response carries them. */
export function versionOf({ meta }: Resource): { etag?: string; lastModified?: string } {
  const { versionId, lastUpdated } = meta ?? {};
  return {
    ...(versionId !== undefined && { etag: etagOf(versionId) }),
    ...(lastUpdated !== undefined && { lastModified: lastUpdated }),
  };
}

/** The answer to an entry that was refused or failed, which is a journal row of its own. */
export async function respondedFailure(
  { request }: BundleCaller,
  asked: AskedEntry | undefined,
  thrown: unknown,
): Promise<BundleEntry> {
  const error = toGatewayError(thrown);
  const { code, row } = error;
  if (row.status >= 500) request.ctx.log.error({ error, code, system: error.system }, "entry failed");
  const target = asked?.change ?? asked?.read ?? asked?.call;
  await request.journal(
    {
      action: `refused ${asked?.method ?? "entry"}`,
      resourceType: target?.provider?.type,
      resourceId: nameableId(target?.id),
      ...request.refused,
    },
    code,
  );
  return failureOf(error);
}

/** An entry's answer that tells an error. */
export const failureOf = (error: GatewayError): BundleEntry => ({
  response: { status: String(error.row.status), outcome: outcomeOf(error) },
});
