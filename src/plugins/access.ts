import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AccessAction, AccessedResource, FactsOf, KnownFacts } from "../access/access-facts.ts";
import { classOf } from "../access/data-classes.ts";
import { holderOf } from "../access/data-holder.ts";
import { type Decision, decide } from "../access/decide.ts";
import { groundText } from "../access/ground-text.ts";
import type { PermitCode } from "../access/reasons.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Access } from "./journal.ts";
import { type StatableGrounds, statedGrounds } from "./stated-grounds.ts";

declare module "fastify" {
  interface FastifyRequest {
    /**
     * For system data and facts in hand: throws GatewayError `access-denied` unless decide() permits; either way
     * the journal learns the ground.
     */
    authorize(action: AccessAction, resource: AccessedResource, facts?: KnownFacts): void;
    /**
     * Loads the facts, then as `authorize`; `own` are facts that the door itself sees to, over the loaded ones. What
     * needs none is decided at once, without a promise.
     */
    authorizeOne(
      action: AccessAction,
      resource: AccessedResource,
      own?: KnownFacts,
    ): Promise<void> | undefined;
    /** A decision for each resource, in order; facts are loaded once. Never throws for a denial. */
    authorizeAll(action: AccessAction, resources: readonly AccessedResource[]): Promise<readonly Decision[]>;
    /** what was asked of itself so far; collected only where a repeat will have to ask it again */
    asked: AskedAccess[] | undefined;
    /** whose data an access that was refused would have opened, and which organisation's */
    refused: Pick<Access, "subject" | "holder"> | undefined;
    /** grounds of single resources, by `Type/id` */
    grounds: Map<string, string> | undefined;
    /** the one patient for whom this request states its ground */
    statedFor: string | undefined;
    /** unusual accesses of this request that were told */
    alerted: Set<string> | undefined;
  }
}

export interface AccessSettings {
  clock: Clock;
  factsOf: FactsOf;
  statable: StatableGrounds;
  /** an access that the security service must look at, told before it is answered */
  onUnusual(request: FastifyRequest, access: UnusualAccess): Promise<void>;
}

/** A question to decide() on which a whole request stands, with the facts that its door sees to itself. */
export interface AskedAccess {
  action: AccessAction;
  resource: AccessedResource;
  own?: KnownFacts;
}

/** A card that was opened past its patient; who opened it is the request's actor. */
export interface UnusualAccess {
  ground: PermitCode;
  /** logical id */
  patient: string;
}

/** Gives requests the one way to ask whether an access is permitted. */
export function registerAccess(app: FastifyInstance, settings: AccessSettings): void {
  app.decorateRequest("grounds", undefined);
  app.decorateRequest("asked", undefined);
  app.decorateRequest("refused", undefined);
  app.decorateRequest("statedFor", undefined);
  app.decorateRequest("alerted", undefined);
  app.decorateRequest("authorize", function (this: FastifyRequest, action, resource, facts) {
    this.asked?.push({ action, resource, own: facts });
    const decision = decided(this, settings, { action, resource, facts });
    keepGround(this, resource, groundText(decision, facts?.breakGlass?.reason));
    enforce(this, resource, decision);
  });
  app.decorateRequest("authorizeOne", function (this: FastifyRequest, action, resource, own) {
    if (needsFacts(resource)) {
      this.asked?.push({ action, resource, own });
      return authorizeLoaded(this, settings, { action, resource, own });
    }
    this.authorize(action, resource, own);
    return undefined;
  });
  app.decorateRequest("authorizeAll", async function (this: FastifyRequest, action, resources) {
    return decideOnAll(this, settings, { action, resources });
  });
}

// what describes nobody is decided without facts
const needsFacts = ({ type }: AccessedResource): boolean => classOf(type) !== "system";

async function authorizeLoaded(
  request: FastifyRequest,
  settings: AccessSettings,
  { action, resource, own }: { action: AccessAction; resource: AccessedResource; own?: KnownFacts },
): Promise<void> {
  const [decision] = await decideOnAll(request, settings, { action, resources: [resource], own });
  if (decision) enforce(request, resource, decision);
}

async function decideOnAll(
  request: FastifyRequest,
  settings: AccessSettings,
  question: { action: AccessAction; resources: readonly AccessedResource[]; own?: KnownFacts },
): Promise<Decision[]> {
  const { action, resources, own } = question;
  const factsFor = await loaded(request, settings, resources);
  const stated = statedGrounds(request, settings.statable);
  if (Object.keys(stated).length > 0) requireOnePatient(request, resources);
  const decisions = resources.map((resource) =>
    decided(request, settings, {
      action,
      resource,
      facts: { ...factsFor(resource.subject), ...stated, ...own },
    }),
  );
  // what is shown is told with what permitted it, although another version of it was refused
  for (const permit of [false, true])
    resources.forEach((resource, index) => {
      const decision = decisions[index];
      if (decision?.permit === permit)
        keepGround(request, resource, groundText(decision, stated.breakGlass?.reason));
    });
  for (const [index, decision] of decisions.entries()) {
    const patient = resources[index]?.subject;
    if (decision.permit && decision.alert && patient !== undefined)
      await alert(request, settings, { decision, patient, stated });
  }
  return decisions;
}

/** Tells the journal and the security service once a request and patient; the log learns of no person. */
async function alert(
  request: FastifyRequest,
  settings: AccessSettings,
  told: { decision: Extract<Decision, { permit: true }>; patient: string; stated: KnownFacts },
): Promise<void> {
  const { decision, patient, stated } = told;
  const ground = groundText(decision, stated.breakGlass?.reason);
  request.alerted ??= new Set();
  if (request.alerted.has(`${ground} ${patient}`)) return;
  request.alerted.add(`${ground} ${patient}`);
  request.ctx.log.warn({ ground: decision.reason.code }, "unusual access");
  await request.journal({
    action: "alert",
    resourceType: "Patient",
    resourceId: patient,
    subject: patient,
    ground,
  });
  await settings.onUnusual(request, { ground: decision.reason.code, patient });
}

/** A ground that a request states holds for one patient; throws `bad-request` when it would open a second one. */
function requireOnePatient(request: FastifyRequest, resources: readonly AccessedResource[]): void {
  for (const { type, subject } of resources) {
    if (subject === undefined || classOf(type, subject) !== "patient") continue;
    request.statedFor ??= subject;
    if (request.statedFor !== subject)
      throw new GatewayError("bad-request", {
        field: "headers",
        detail: "a stated ground opens the card of one patient: name one patient",
      });
  }
}

function keepGround(request: FastifyRequest, { type, id }: AccessedResource, ground: string): void {
  if (!id) return;
  request.grounds ??= new Map();
  request.grounds.set(`${type}/${id}`, ground);
}

const nothing = () => ({});

async function loaded(
  { ctx }: FastifyRequest,
  { factsOf }: AccessSettings,
  resources: readonly AccessedResource[],
): ReturnType<FactsOf> {
  if (!resources.some(needsFacts)) return nothing;
  const subjects = new Set(resources.flatMap(({ subject }) => subject ?? []));
  return factsOf(ctx, [...subjects]);
}

function decided(
  request: FastifyRequest,
  { clock }: Pick<AccessSettings, "clock">,
  { action, resource, facts }: { action: AccessAction; resource: AccessedResource; facts?: KnownFacts },
): Decision {
  return decide(request.ctx.actor, action, resource, { ...facts, at: clock.now() });
}

function enforce(request: FastifyRequest, resource: AccessedResource, decision: Decision): void {
  request.ground = groundText(decision);
  if (decision.permit) return;
  const { type, subject } = resource;
  request.refused = { subject, holder: holderOf(resource) };
  // E-02: the one denial that the caller mends by signing
  const isOfLevel = decision.reason.code === "signature-level";
  throw new GatewayError(isOfLevel ? "signature-level" : "access-denied", {
    field: type,
    detail: `${decision.reason.meaning}; missing: ${decision.missing.join(", ")}`,
  });
}
