import type { AuthDoor } from "./api/auth/door.ts";
import { type Config, esiaProviderOf, listOf } from "./config.ts";
import type { PurposeOfUse } from "./core/context.ts";
import { SignInChoices } from "./flows/sign-in/choices.ts";
import { EsiaRenewal } from "./flows/sign-in/renewal.ts";
import { SignIn } from "./flows/sign-in/sign-in.ts";
import { WorkerStatuses } from "./flows/sign-in/worker-status.ts";
import type { Parts } from "./parts.ts";
import { SessionDoor, type SessionDoorSettings } from "./plugins/session.ts";
import type { Surroundings } from "./surroundings.ts";

/** Joins what sign-in and sessions are made of. */
export function openSignIn(config: Config, parts: Parts, around: Surroundings): AuthDoor {
  const { clock } = around;
  const { sessions, signIns, notices, terms, keyring, claimOnce, esia: provider } = parts;
  const { PUBLIC_URL: publicUrl, TERMS_VERSION: termsVersion } = config;
  const redirectUri = `${publicUrl}/auth/callback`;
  const common = { provider, sessions, claimOnce, clock, redirectUri };
  const renewal = new EsiaRenewal(common);
  return {
    signIn: new SignIn({
      ...common,
      signIns,
      notices,
      terms,
      keyring,
      termsVersion,
      statuses: workerStatuses(config, parts, clock),
      identities: parts.identities,
      requiredAmr: listOf(config.REQUIRED_AMR),
      stepUpSeconds: config.STEP_UP_SECONDS,
    }),
    choices: new SignInChoices({ sessions, terms, termsVersion }),
    signIns,
    session: sessionDoor(config, parts, around, renewal),
    logoutUrl: (redirectUrl) => provider.logoutUrl(redirectUrl),
    publicUrl,
    termsVersion,
    securityContacts: listOf(config.SECURITY_CONTACTS),
    sandboxed: esiaProviderOf(config) === "sandbox",
    rateLimit: { max: config.SIGN_IN_PER_MINUTE },
  };
}

function sessionDoor(config: Config, parts: Parts, around: Surroundings, renewal: EsiaRenewal): SessionDoor {
  return new SessionDoor({
    sessions: parts.sessions,
    keyring: parts.keyring,
    clock: around.clock,
    publicUrl: config.PUBLIC_URL,
    termsVersion: config.TERMS_VERSION,
    renewal,
    stated: { purposes: sessionPurposesOf(config), freshSeconds: config.STEP_UP_SECONDS },
    onCompromised: incidentReport(config, parts, around),
    rules: {
      strongAmr: listOf(config.CARD_AMR),
      securityRoles: listOf(config.SECURITY_ROLES),
      supportRoles: listOf(config.SUPPORT_ROLES),
    },
  });
}

/** The pattern of the setting lets no other through. */
const sessionPurposesOf = ({ SESSION_PURPOSES }: Config) => listOf(SESSION_PURPOSES) as PurposeOfUse[];

/** The alert and the message by which administrators learn that somebody's sessions were ended (Z-12). */
function incidentReport(
  { SECURITY_EMAIL: address }: Config,
  { notices, store }: Parts,
  { clock, telemetry }: Surroundings,
): SessionDoorSettings["onCompromised"] {
  const count = telemetry.instruments.compromisedSessions.of({});
  return async ({ id }, { actor, log }) => {
    count.value++;
    log.warn({ code: "session-compromised" }, "every session of a person was ended: one of them was stolen");
    if (!address) return;
    await notices.send(store.db, {
      to: { channel: "email", address },
      kind: "session-compromised",
      parameters: { at: new Date(clock.now()).toISOString() },
      id: `session-compromised ${id}`,
      tenant: actor.tenant,
    });
  };
}

function workerStatuses(config: Config, parts: Parts, clock: Surroundings["clock"]): WorkerStatuses {
  const { practitioners, organizations, verifications, cache } = parts;
  return new WorkerStatuses({
    practitioners,
    organizations,
    verifications,
    clock,
    forgetAnswers: (snils) => cache.bump(snils),
    earlierVerificationDays: config.EARLIER_VERIFICATION_DAYS,
  });
}
