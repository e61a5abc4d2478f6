import type { FastifyInstance, FastifyRequest } from "fastify";
import { GatewayError } from "../core/errors.ts";
import { sharedTenant } from "../core/shared-tenant.ts";
import type { AskedAccess } from "./access.ts";
import { hookChanges } from "./changing-routes.ts";
import type { IdempotencySettings } from "./idempotency.ts";

/** Whether one of these tenants has destroyed what it held of a person. */
type IsShredded = (of: { tenants: readonly string[]; subject: string }) => Promise<boolean>;

/**
 * For a door whose answers are shown whole or not at all: what decide() permitted the first request is asked anew, of
 * the facts of today, before its answer is given again. Throws `access-denied`, `signature-level`, and `gone` for a
 * person whose data were destroyed since, and where nothing was noted that could be asked.
 */
export function askingAgain(app: FastifyInstance, isShredded: IsShredded): IdempotencySettings["renewed"] {
  hookChanges(app, {
    preHandler: async (request) => {
      request.asked = [];
    },
  });
  return async (request, answer) => {
    if (!answer.asked)
      throw new GatewayError("gone", {
        detail: "an earlier release kept the answer without what it was permitted on; the change stands",
      });
    for (const one of answer.asked as readonly AskedAccess[]) await askAgain(request, one, isShredded);
    return answer;
  };
}

async function askAgain(
  request: FastifyRequest,
  { action, resource, own }: AskedAccess,
  isShredded: IsShredded,
): Promise<void> {
  const { subject, organization = request.ctx.actor.tenant } = resource;
  await request.authorizeOne(action, resource, own);
  // their consents are theirs in every organisation
  if (subject !== undefined && (await isShredded({ tenants: [organization, sharedTenant], subject })))
    throw new GatewayError("gone", { detail: "the person's data were destroyed" });
}
