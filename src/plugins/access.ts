import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AccessAction, AccessedResource, AccessFacts } from "../access/access-facts.ts";
import { decide } from "../access/decide.ts";
import { groundText } from "../access/ground-text.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** throws GatewayError `access-denied` unless decide() permits; either way the journal learns the ground */
    authorize(action: AccessAction, resource: AccessedResource, facts?: Omit<AccessFacts, "at">): void;
  }
}

/** Gives requests the one way to ask whether an access is permitted. */
export function registerAccess(app: FastifyInstance, clock: Clock): void {
  app.decorateRequest(
    "authorize",
    function (
      this: FastifyRequest,
      action: AccessAction,
      resource: AccessedResource,
      facts?: Omit<AccessFacts, "at">,
    ) {
      const decision = decide(this.ctx.actor, action, resource, { ...facts, at: clock.now() });
      this.ground = groundText(decision);
      if (!decision.permit)
        throw new GatewayError("access-denied", {
          field: resource.type,
          detail: `${decision.reason.meaning}; missing: ${decision.missing.join(", ")}`,
        });
      if (decision.alert) this.ctx.log.warn({ ground: this.ground }, "emergency access");
    },
  );
}
