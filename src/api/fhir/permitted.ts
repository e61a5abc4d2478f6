import type { Resource } from "@medplum/fhirtypes";
import type { FastifyRequest } from "fastify";
import { accessedOf } from "../../access/accessed-of.ts";
import type { Providers } from "../../fhir/provider.ts";
import { inScope } from "./scope-gate.ts";

const letters = { read: "r", search: "s" } as const;

/**
 * Which of the resources the caller may see, in their order. Scope first: what the token does not open is left out
 * without a decision.
 */
export async function permitted(
  { providers, request }: { providers: Providers; request: FastifyRequest },
  action: "read" | "search",
  resources: readonly Resource[],
): Promise<boolean[]> {
  const opened = await inScope(providers, request, { interaction: letters[action], resources });
  const open = resources.filter((_, index) => opened[index]);
  const decisions = await request.authorizeAll(
    action,
    open.map((resource) => accessedOf(resource, request.ctx.actor.tenant)),
  );
  const allowed = new Set(open.filter((_, index) => decisions[index]?.permit));
  return resources.map((resource) => allowed.has(resource));
}
