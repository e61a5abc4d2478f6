import type { Resource } from "@medplum/fhirtypes";
import type { FastifyReply, FastifyRequest } from "fastify";
import { accessedOf } from "../../access/accessed-of.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Provider, Providers } from "../../fhir/provider.ts";
import { requireScope } from "../../plugins/auth.ts";
import { personOf } from "./accesses.ts";
import type { TypeParams } from "./paths.ts";
import { formatOf, sendResource } from "./reply.ts";
import { requireInScope, requireSomeScope } from "./scope-gate.ts";

/** `GET Type/id` and `GET Type/id/_history/version` (FHIR R4 3.1.0.2, 3.1.0.3). */
export const answerRead =
  (providers: Providers) =>
  async (request: FastifyRequest<{ Params: TypeParams }>, reply: FastifyReply, provider: Provider) => {
    const format = formatOf(request);
    const resource = await readBy({ providers, request }, provider, request.params);
    return sendResource(request, reply, resource, format);
  };

/**
 * Reads one resource, or one version of it, for a caller: scope, decision, journal. Throws `scope-missing`,
 * `access-denied`, `not-found`, `gone`.
 */
export async function readBy(
  { providers, request }: { providers: Providers; request: FastifyRequest },
  provider: Provider,
  { id, version }: { id: string; version?: string },
): Promise<Resource> {
  const { type } = provider;
  // what a granular scope opens is known of current versions only
  if (version === undefined) requireSomeScope(request, type, "r");
  else requireScope(request, type, "r");
  const { value } = await (version === undefined
    ? provider.read(id, request.ctx)
    : versionOf(provider, request, { id, version }));
  await requireInScope(providers, request, value);
  await request.authorizeOne("read", accessedOf(value, request.ctx.actor.tenant));
  const action = version === undefined ? "read" : "vread";
  await request.journal({ action, resourceType: type, resourceId: id, subject: personOf(value) });
  return value;
}

function versionOf(
  provider: Provider,
  { ctx }: FastifyRequest,
  { id, version }: { id: string; version: string },
) {
  if (!provider.vread) throw new GatewayError("method-not-allowed", { field: provider.type });
  return provider.vread(id, version, ctx);
}
