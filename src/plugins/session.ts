import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { AccessTokens } from "../access/access-token.ts";
import {
  actorOf,
  type Capability,
  capabilitiesOf,
  type SessionFacts,
  type SessionRules,
} from "../access/session-facts.ts";
import type { Sessions } from "../access/sessions.ts";
import type { Clock } from "../core/clock.ts";
import type { PurposeOfUse, RequestContext } from "../core/context.ts";
import { GatewayError } from "../core/errors.ts";
import type { Keyring } from "../crypto/keyring.ts";
import type { EsiaRenewal } from "../flows/sign-in/renewal.ts";
import { authenticateBearer, settle } from "./auth.ts";
import { hookChanges } from "./changing-routes.ts";
import { cookieName, cookieOf, setSessionCookie } from "./cookies.ts";
import { CsrfGuard } from "./csrf.ts";
import { deviceHashOf } from "./device.ts";
import { statedPurpose } from "./stated-grounds.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** the person who signed in, on routes behind the session door */
    session: SessionFacts | undefined;
  }
}

export interface SessionDoorSettings {
  sessions: Sessions;
  keyring: Keyring;
  clock: Clock;
  publicUrl: string;
  termsVersion: string;
  renewal?: EsiaRenewal;
  rules?: SessionRules;
  /** what a worker may state beside TREAT, and how old a login may be for an emergency; absent: nothing */
  stated?: { purposes: readonly PurposeOfUse[]; freshSeconds: number };
  /** told when every session of a person was ended because one of them was stolen */
  onCompromised?: (facts: SessionFacts, ctx: RequestContext) => Promise<void>;
}

// 32 bytes in base64url: anything else never reaches the store
const wellFormed = /^[\w-]{43}$/;

/** Lets people in by the session cookie; throws away what a foreign page sends in their name. */
export class SessionDoor {
  readonly settings: SessionDoorSettings;
  readonly csrf: CsrfGuard;

  constructor(settings: SessionDoorSettings) {
    this.settings = settings;
    this.csrf = new CsrfGuard(settings.keyring, settings.publicUrl);
  }

  /**
   * The session of the cookie, with `request.session` and the actor set. Throws `unauthorized`, `token-expired`
   * and `session-compromised`.
   */
  async enter(request: FastifyRequest, reply: FastifyReply): Promise<SessionFacts> {
    const token = cookieOf(request, cookieName.session);
    reply.header("link", '</auth/login>; rel="login"');
    if (!token || !wellFormed.test(token))
      throw new GatewayError("unauthorized", { detail: "no session cookie" });
    const { sessions, keyring } = this.settings;
    const checked = await sessions.check(token, deviceHashOf(keyring, request));
    if (checked.standing === "unknown") throw new GatewayError("unauthorized", { detail: "no such session" });
    if (checked.standing === "expired") throw new GatewayError("token-expired");
    request.ctx.actor = actorOf(checked.facts, this.settings.rules);
    if (checked.standing === "compromised") {
      await this.settings.onCompromised?.(checked.facts, request.ctx);
      throw new GatewayError("session-compromised");
    }
    if (checked.newToken) setSessionCookie(reply, checked.newToken);
    reply.removeHeader("link");
    request.session = checked.facts;
    this.#renewEsia(checked.facts, request);
    return checked.facts;
  }

  // beside the request: nobody waits for ESIA
  #renewEsia(facts: SessionFacts, { ctx }: FastifyRequest): void {
    const { renewal } = this.settings;
    if (!renewal?.isDue(facts)) return;
    renewal
      .renew(facts, ctx)
      .catch((error) => ctx.log.warn({ error }, "the renewal of ESIA's token was not recorded"));
  }

  /** What the person may do now (L-38). */
  capabilities(facts: SessionFacts): readonly Capability[] {
    return capabilitiesOf(facts, this.settings.termsVersion);
  }

  /** The worker in the organisation that they chose; throws what still stands in the way (L-04, L-36, L-64). */
  requireWorker(request: FastifyRequest): SessionFacts & Required<Pick<SessionFacts, "organization">> {
    const facts = requireSession(request);
    if (facts.kind !== "worker") throw new GatewayError("worker-session-required");
    this.#requireTerms(facts);
    const { organization } = facts;
    if (!organization) throw new GatewayError("organization-required");
    return { ...facts, organization };
  }

  /** The citizen, with the terms accepted. */
  requireCitizen(request: FastifyRequest): SessionFacts {
    const facts = requireSession(request);
    if (facts.kind !== "citizen") throw new GatewayError("citizen-session-required");
    this.#requireTerms(facts);
    return facts;
  }

  /** Throws `step-up-required` unless the person logged in at ESIA within the last `seconds` (L-60). */
  requireFreshLogin(request: FastifyRequest, seconds: number): void {
    const { authTime } = requireSession(request);
    if (this.settings.clock.now() - authTime > seconds * 1000) throw new GatewayError("step-up-required");
  }

  #requireTerms(facts: SessionFacts): void {
    if (facts.termsVersion !== this.settings.termsVersion) throw new GatewayError("terms-required");
  }
}

/** The session of this request; throws `unauthorized` when it was authenticated otherwise. */
export function requireSession(request: FastifyRequest): SessionFacts {
  if (!request.session)
    throw new GatewayError("unauthorized", { detail: "the operation is for people who signed in" });
  return request.session;
}

export function registerSessions(app: FastifyInstance): void {
  app.decorateRequest("session", undefined);
}

/** Routes of this scope take a person's session cookie or, when the header is there, a client system's token. */
export function registerSessionOrBearer(app: FastifyInstance, door: SessionDoor, tokens: AccessTokens): void {
  app.decorateRequest("token");
  app.addHook("onRequest", async (request, reply) => {
    if (request.headers.authorization !== undefined) return authenticateBearer(request, tokens);
    await door.enter(request, reply);
  });
  guardAgainstForgery(app, door);
}

/**
 * A door that judges by scopes: client systems come with their token, a worker who signed in reads and searches. What of
 * it they may see is decide()'s to say.
 */
export function registerReaders(app: FastifyInstance, door: SessionDoor, tokens: AccessTokens): void {
  app.decorateRequest("token");
  app.addHook("onRequest", (request, reply, done) =>
    settle(done, () => {
      const isPerson =
        request.headers.authorization === undefined && cookieOf(request, cookieName.session) !== undefined;
      return isPerson ? enterReader(door, request, reply) : authenticateBearer(request, tokens);
    }),
  );
  guardAgainstForgery(app, door);
}

async function enterReader(door: SessionDoor, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  await door.enter(request, reply);
  const { id, authTime, esia } = door.requireWorker(request);
  takePurpose(door, request);
  request.token = {
    id,
    actor: request.ctx.actor,
    issuedAt: authTime,
    expiresAt: esia.expiresAt,
    scopes: [{ level: "system", type: "*", interactions: "rs" }],
  };
}

/** An emergency is stated by whoever has just logged in, not by whoever sits down at an open page. */
function takePurpose(door: SessionDoor, request: FastifyRequest): void {
  const { purposes, freshSeconds } = door.settings.stated ?? { purposes: [], freshSeconds: 0 };
  const purpose = statedPurpose(request, purposes);
  if (purpose === undefined) return;
  if (purpose === "BTG") door.requireFreshLogin(request, freshSeconds);
  request.ctx.actor = { ...request.ctx.actor, purpose };
}

/** Routes of this scope take a session cookie only. */
export function registerSessionOnly(app: FastifyInstance, door: SessionDoor): void {
  app.addHook("onRequest", async (request, reply) => {
    await door.enter(request, reply);
  });
  guardAgainstForgery(app, door);
}

function guardAgainstForgery(app: FastifyInstance, door: SessionDoor): void {
  hookChanges(app, {
    // the form's token is in the body, so not before that is read
    preValidation: async (request) => {
      if (request.session) door.csrf.check(request, request.session);
    },
  });
}
