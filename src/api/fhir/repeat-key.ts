import type { Bundle, BundleEntryRequest } from "@medplum/fhirtypes";
import type { FastifyRequest } from "fastify";
import type { ClientRegistry } from "../../access/clients.ts";
import { idempotencyKeyOf } from "../../plugins/idempotency.ts";
import { resourceInBody } from "./resource-body.ts";

const bundlePaths = /^\/fhir(\/|\/Bundle|\/\$process-message)?$/;
// a search in a form and the operations of types change nothing: an answer that was kept would outlive its permission
const onlyTells = /\/_search$|^\/fhir\/[A-Z].*\/\$/;
const bundleTypes = new Set(["transaction", "batch", "message", "document"]);
const requestId = /^[\x21-\x7e]{1,255}$/;

/**
 * The key under which a client may repeat a change: its Idempotency-Key, else the identifier of the transaction,
 * batch, message or document that it sends, else the X-Request-ID of a client that is registered so. A FHIR client need not
 * send any, and what changes nothing has none. Throws `bad-request` for a malformed key or Bundle.
 */
export function repeatKeyOf(request: FastifyRequest, clients: ClientRegistry): string | undefined {
  // its caller's key stands for the request that was put off
  if (request.token?.deferred) return undefined;
  const path = request.url.split("?", 1)[0] ?? "";
  if (onlyTells.test(path)) return undefined;
  return idempotencyKeyOf(request) ?? bundleKeyOf(request, path) ?? requestKeyOf(request, path, clients);
}

// a header's key has no space, so these are none of its
function bundleKeyOf(request: FastifyRequest, path: string): string | undefined {
  if (request.method !== "POST" || !bundlePaths.test(path)) return undefined;
  const resource = resourceInBody(request);
  if (resource.resourceType !== "Bundle" || !bundleTypes.has(resource.type) || onlyReads(resource))
    return undefined;
  const { system = "", value } = resource.identifier ?? {};
  return value === undefined ? undefined : `bundle ${JSON.stringify([system, value])}`;
}

/** What it is asked for again must be as it is then. */
const onlyReads = ({ type, entry }: Bundle): boolean =>
  type === "batch" && Array.isArray(entry) && entry.every((one) => isRead(one?.request));

const isRead = ({ method, url }: Partial<BundleEntryRequest> = {}): boolean =>
  method === "GET" || (typeof url === "string" && onlyTells.test(`/fhir/${url.split("?", 1)[0]}`));

function requestKeyOf(request: FastifyRequest, path: string, clients: ClientRegistry): string | undefined {
  const id = request.headers["x-request-id"];
  if (typeof id !== "string" || !requestId.test(id) || path.includes("/$")) return undefined;
  return clients.find(request.ctx.actor.id)?.repeatsByRequestId ? `request ${id}` : undefined;
}
