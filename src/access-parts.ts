import { randomUUID } from "node:crypto";
import { AccessTokens } from "./access/access-token.ts";
import { legalGrounds } from "./access/grounds.ts";
import { TokenRevocations } from "./access/token-revocations.ts";
import { type Config, ConfigError, listOf } from "./config.ts";
import { createFactsOf } from "./flows/access-facts.ts";
import { ActiveWorkers } from "./flows/acting-worker.ts";
import { withSignatures } from "./flows/signature/signature-facts.ts";
import type { Parts } from "./parts.ts";
import type { AccessSettings } from "./plugins/access.ts";
import { isClaimed } from "./store/once.ts";
import type { Surroundings } from "./surroundings.ts";

/** Joins what decisions on access are made of. */
export function openAccess(config: Config, parts: Parts, { clock }: Surroundings): AccessSettings {
  const { store, cache, resources, identities, verifications, keyring } = parts;
  const workers = new ActiveWorkers({
    directory: parts.practitioners,
    identities,
    verifications,
    keyring,
    clock,
    earlierVerificationDays: config.EARLIER_VERIFICATION_DAYS,
  });
  const loaded = createFactsOf({
    db: store.db,
    pool: store.pool,
    cache,
    clock,
    resources,
    identities,
    keyring,
    postsOf: (ctx) => workers.postsOf(ctx),
    postTable: parts.postTable,
  });
  const factsOf = withSignatures(loaded, parts);
  const statable = { breakGlass: config.BREAK_GLASS === "on", legal: legalGroundsOf(config) };
  return { clock, factsOf, statable, onUnusual: unusualAccessReport(config, parts, clock) };
}

/** The message by which administrators learn that a card was opened on a ground of law or in an emergency (K-17). */
function unusualAccessReport(
  { SECURITY_EMAIL: address }: Config,
  { notices, store }: Parts,
  clock: Surroundings["clock"],
): AccessSettings["onUnusual"] {
  return async ({ ctx }, { ground, patient }) => {
    if (!address) return;
    const { kind, id, onBehalfOf, role, organization } = ctx.actor;
    await notices.send(store.db, {
      to: { channel: "email", address },
      kind: ground === "break-glass" ? "emergency-access" : "legal-ground-access",
      parameters: {
        at: new Date(clock.now()).toISOString(),
        worker: (kind === "client" ? onBehalfOf : id) ?? "",
        role: role ?? "",
        organization: organization ?? "",
        patient,
        request: ctx.requestId,
      },
      // callers may repeat the id of a request
      id: `unusual ${ctx.requestId} ${randomUUID()}`,
      tenant: ctx.actor.tenant,
    });
  };
}

/** Throws ConfigError for a ground that the law does not know. */
function legalGroundsOf({ LEGAL_GROUNDS }: Config) {
  return listOf(LEGAL_GROUNDS).map((stated) => {
    const ground = legalGrounds.find((known) => known === stated);
    if (ground) return ground;
    throw new ConfigError(
      `Settings refused: LEGAL_GROUNDS has one of ${legalGrounds.join(", ")}, not ${stated}`,
    );
  });
}

/** Tokens of client systems, under the key of this deployment. */
export function accessTokens(config: Config, parts: Parts, { clock }: Surroundings): AccessTokens {
  const { keyring, cache, claimOnce } = parts;
  return new AccessTokens({
    key: keyring.derive("access-token"),
    issuer: config.PUBLIC_URL,
    audience: `${config.PUBLIC_URL}/fhir`,
    lifeSeconds: config.TOKEN_SECONDS,
    clock,
    revocations: new TokenRevocations({
      cache,
      clock,
      claimOnce,
      isClaimed: isClaimed(parts.store.vital.db, keyring, clock),
    }),
  });
}
