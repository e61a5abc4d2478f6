import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AccessAction, AccessedResource, FactsOf, KnownFacts } from "../access/access-facts.ts";
import { classOf } from "../access/data-classes.ts";
import { type Decision, decide } from "../access/decide.ts";
import { groundText } from "../access/ground-text.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";

declare module "fastify" {
  interface FastifyRequest {
    /**
     * For system data and facts in hand: throws GatewayError `access-denied` unless decide() permits; either way
     * the journal learns the ground.
     */
    authorize(action: AccessAction, resource: AccessedResource, facts?: KnownFacts): void;
    /** Loads the facts, then as `authorize`. */
    authorizeOne(action: AccessAction, resource: AccessedResource): Promise<void>;
    /** A decision for each resource, in order; facts are loaded once. Never throws for a denial. */
    authorizeAll(action: AccessAction, resources: readonly AccessedResource[]): Promise<readonly Decision[]>;
    /** whose data an access that was refused would have opened */
    refusedSubject: string | undefined;
    /** grounds of single resources, by `Type/id` */
    grounds: Map<string, string> | undefined;
  }
}

interface AccessSettings {
  clock: Clock;
  factsOf: FactsOf;
}

/** Gives requests the one way to ask whether an access is permitted. */
export function registerAccess(app: FastifyInstance, settings: AccessSettings): void {
  app.decorateRequest("grounds", undefined);
  app.decorateRequest("refusedSubject", undefined);
  app.decorateRequest("authorize", function (this: FastifyRequest, action, resource, facts) {
    enforce(this, resource, decided(this, settings, { action, resource, facts }));
  });
  app.decorateRequest("authorizeOne", async function (this: FastifyRequest, action, resource) {
    const facts = (await loaded(this, settings, [resource]))(resource.subject);
    enforce(this, resource, decided(this, settings, { action, resource, facts }));
  });
  app.decorateRequest("authorizeAll", async function (this: FastifyRequest, action, resources) {
    const factsFor = await loaded(this, settings, resources);
    return resources.map((resource) =>
      decided(this, settings, { action, resource, facts: factsFor(resource.subject) }),
    );
  });
}

const nothing = () => ({});

async function loaded(
  { ctx }: FastifyRequest,
  { factsOf }: AccessSettings,
  resources: readonly AccessedResource[],
): ReturnType<FactsOf> {
  // what describes nobody is decided without facts
  if (resources.every(({ type }) => classOf(type) === "system")) return nothing;
  const subjects = new Set(resources.flatMap(({ subject }) => subject ?? []));
  return factsOf(ctx, [...subjects]);
}

function decided(
  request: FastifyRequest,
  { clock }: AccessSettings,
  { action, resource, facts }: { action: AccessAction; resource: AccessedResource; facts?: KnownFacts },
): Decision {
  const decision = decide(request.ctx.actor, action, resource, { ...facts, at: clock.now() });
  const { type, id } = resource;
  if (id) {
    request.grounds ??= new Map();
    request.grounds.set(`${type}/${id}`, groundText(decision));
  }
  if (decision.permit && decision.alert)
    request.ctx.log.warn({ ground: groundText(decision) }, "emergency access");
  return decision;
}

function enforce(request: FastifyRequest, { type, subject }: AccessedResource, decision: Decision): void {
  request.ground = groundText(decision);
  if (decision.permit) return;
  request.refusedSubject = subject;
  throw new GatewayError("access-denied", {
    field: type,
    detail: `${decision.reason.meaning}; missing: ${decision.missing.join(", ")}`,
  });
}
