import type { FastifyInstance } from "fastify";
import { levelOfOperation } from "../access/operation-levels.ts";
import { suffices } from "../access/signature-levels.ts";
import { GatewayError } from "../core/errors.ts";

const changing = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/**
 * Changes of a scope need the level that is declared for their route (E-05): `signature-level` for a worker whose
 * session was opened with less. A route that declares none answers nobody.
 */
export function registerSignatureGate(
  app: FastifyInstance,
  levelOf: typeof levelOfOperation = levelOfOperation,
): void {
  app.addHook("preHandler", async ({ method, routeOptions, ctx }) => {
    if (!changing.has(method)) return;
    const level = levelOf(method, routeOptions.url ?? "");
    if (level === undefined)
      throw new GatewayError("internal", { detail: "the route declares no level of signature" });
    if (level === "none" || level === "by-type" || ctx.actor.kind !== "practitioner") return;
    if (suffices(ctx.actor.signature ?? "simple", level)) return;
    throw new GatewayError("signature-level", { detail: `the session is opened with less than ${level}` });
  });
}
