import type { Resource } from "@medplum/fhirtypes";
import type { FastifyReply, FastifyRequest } from "fastify";
import { accessedOf } from "../../access/accessed-of.ts";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Provider, Providers } from "../../fhir/provider.ts";
import { requireScope } from "../../plugins/auth.ts";
import { formatOf } from "../../plugins/fhir-format.ts";
import { accessOf } from "./accesses.ts";
import type { TypeParams } from "./paths.ts";
import { isLenient } from "./prefer.ts";
import { sendResource } from "./reply.ts";
import { requireInScope, requireSomeScope } from "./scope-gate.ts";
import { isViewName } from "./view.ts";

/** `GET Type/id` and `GET Type/id/_history/version` (FHIR R4 3.1.0.2, 3.1.0.3). */
export const answerRead =
  (providers: Providers) =>
  (request: FastifyRequest<{ Params: TypeParams }>, reply: FastifyReply, provider: Provider) => {
    const format = formatOf(request);
    refuseUnknown(request, Object.keys(request.query as object));
    return readBy({ providers, request }, provider, request.params).then((resource) =>
      sendResource(request, reply, resource, format),
    );
  };

/** What is read by its address has no parameters but those of its look; throws `unknown-parameter` unless lenient. */
export function refuseUnknown(request: FastifyRequest, names: readonly string[]): void {
  const unknown = names.find((name) => !isViewName(name));
  if (unknown !== undefined && !isLenient(request))
    throw new GatewayError("unknown-parameter", { field: unknown });
}

interface ReadCaller {
  providers: Providers;
  request: FastifyRequest;
  /** as the journal names it; absent: that of FHIR */
  action?: string;
}

interface Address {
  id: string;
  version?: string;
}

/** Throws `scope-missing` unless the token opens at least some of the type. */
export function requireReadScope(request: FastifyRequest, { type }: Provider, version?: string): void {
  // what a granular scope opens is known of current versions only
  if (version === undefined) requireSomeScope(request, type, "r");
  else requireScope(request, type, "r");
}

/**
 * Reads one resource, or one version of it, for a caller: scope, decision, journal. Throws `scope-missing`,
 * `access-denied`, `not-found`, `gone`.
 */
export function readBy(caller: ReadCaller, provider: Provider, address: Address): Promise<Resource> {
  const value = permittedRead(caller, provider, address);
  return value instanceof Promise
    ? value.then((read) => journalled(caller, read, address))
    : journalled(caller, value, address);
}

function journalled(
  { request, action: named }: ReadCaller,
  value: Resource,
  { id, version }: Address,
): Promise<Resource> {
  const action = named ?? (version === undefined ? "read" : "vread");
  return request.journal({ ...accessOf(value), action, resourceId: id }).then(() => value);
}

/** The same without the journal, as nothing of the resource is told yet; no promise for what is known at once. */
export function permittedRead(
  caller: ReadCaller,
  provider: Provider,
  { id, version }: Address,
): Resource | Promise<Resource> {
  const { ctx } = caller.request;
  requireReadScope(caller.request, provider, version);
  if (version !== undefined)
    return versionOf(provider, ctx, { id, version }).then(({ value }) => permitted(caller, value));
  const known = provider.known?.(id, ctx);
  if (known) return permitted(caller, known.value);
  return provider.read(id, ctx).then(({ value }) => permitted(caller, value));
}

function permitted({ providers, request }: ReadCaller, value: Resource): Resource | Promise<Resource> {
  return after(requireInScope(providers, request, value), () =>
    after(request.authorizeOne("read", accessedOf(value, request.ctx.actor.tenant)), () => value),
  );
}

/** Goes on at once where there is nothing to wait for. */
const after = <T>(waited: Promise<void> | undefined, next: () => T | Promise<T>): T | Promise<T> =>
  waited ? waited.then(next) : next();

function versionOf(provider: Provider, ctx: RequestContext, { id, version }: Required<Address>) {
  if (!provider.vread) throw new GatewayError("method-not-allowed", { field: provider.type });
  return provider.vread(id, version, ctx);
}
