import type { AuthDoor } from "./api/auth/door.ts";
import { type Config, esiaProviderOf, listOf } from "./config.ts";
import type { PurposeOfUse } from "./core/context.ts";
import { SignInChoices } from "./flows/sign-in/choices.ts";
import { EsiaRenewal } from "./flows/sign-in/renewal.ts";
import { SignIn } from "./flows/sign-in/sign-in.ts";
import { WorkerStatuses } from "./flows/sign-in/worker-status.ts";
import type { Parts } from "./parts.ts";
import { SessionDoor } from "./plugins/session.ts";
import type { Surroundings } from "./surroundings.ts";

/** Joins what sign-in and sessions are made of. */
export function openSignIn(config: Config, parts: Parts, { clock }: Surroundings): AuthDoor {
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
    session: new SessionDoor({
      sessions,
      keyring,
      clock,
      publicUrl,
      termsVersion,
      renewal,
      stated: { purposes: sessionPurposesOf(config), freshSeconds: config.STEP_UP_SECONDS },
      rules: {
        strongAmr: listOf(config.CARD_AMR),
        securityRoles: listOf(config.SECURITY_ROLES),
        supportRoles: listOf(config.SUPPORT_ROLES),
      },
    }),
    logoutUrl: (redirectUrl) => provider.logoutUrl(redirectUrl),
    publicUrl,
    termsVersion,
    sandboxed: esiaProviderOf(config) === "sandbox",
    rateLimit: { max: config.SIGN_IN_PER_MINUTE },
  };
}

/** The pattern of the setting lets no other through. */
const sessionPurposesOf = ({ SESSION_PURPOSES }: Config) => listOf(SESSION_PURPOSES) as PurposeOfUse[];

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
