import type { Resource } from "@medplum/fhirtypes";
import type { FastifyReply, FastifyRequest } from "fastify";
import { accessedOf } from "../../access/accessed-of.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Provider, Providers } from "../../fhir/provider.ts";
import { requireScope } from "../../plugins/auth.ts";
import { formatOf } from "../../plugins/fhir-format.ts";
import { personOf } from "./accesses.ts";
import type { TypeParams } from "./paths.ts";
import { isLenient } from "./prefer.ts";
import { sendResource } from "./reply.ts";
import { requireInScope, requireSomeScope } from "./scope-gate.ts";
import { isViewName } from "./view.ts";

/** `GET Type/id` and `GET Type/id/_history/version` (FHIR R4 3.1.0.2, 3.1.0.3). */
export const answerRead =
  (providers: Providers) =>
  async (request: FastifyRequest<{ Params: TypeParams }>, reply: FastifyReply, provider: Provider) => {
    const format = formatOf(request);
    refuseUnknown(request, Object.keys(request.query as object));
    const resource = await readBy({ providers, request }, provider, request.params);
    return sendResource(request, reply, resource, format);
  };

/** What is read by its address has no parameters but those of its look; throws `unknown-parameter` unless lenient. */
export function refuseUnknown(request: FastifyRequest, names: readonly string[]): void {
  const unknown = names.find((name) => !isViewName(name));
  if (unknown !== undefined && !isLenient(request))
    throw new GatewayError("unknown-parameter", { field: unknown });
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
export async function readBy(
  caller: { providers: Providers; request: FastifyRequest },
  provider: Provider,
  { id, version }: Address,
): Promise<Resource> {
  const value = await permittedRead(caller, provider, { id, version });
  const action = version === undefined ? "read" : "vread";
  await caller.request.journal({
    action,
    resourceType: provider.type,
    resourceId: id,
    subject: personOf(value),
  });
  return value;
}

/** The same without the journal, as nothing of the resource is told yet. */
export async function permittedRead(
  { providers, request }: { providers: Providers; request: FastifyRequest },
  provider: Provider,
  { id, version }: Address,
): Promise<Resource> {
  requireReadScope(request, provider, version);
  const { value } = await (version === undefined
    ? provider.read(id, request.ctx)
    : versionOf(provider, request, { id, version }));
  await requireInScope(providers, request, value);
  await request.authorizeOne("read", accessedOf(value, request.ctx.actor.tenant));
  return value;
}

function versionOf(provider: Provider, { ctx }: FastifyRequest, { id, version }: Required<Address>) {
  if (!provider.vread) throw new GatewayError("method-not-allowed", { field: provider.type });
  return provider.vread(id, version, ctx);
}
