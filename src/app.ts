import formbody from "@fastify/formbody";
import Fastify, { type FastifyInstance } from "fastify";
import { AccessTokens } from "./access/access-token.ts";
import { registerTokenEndpoint } from "./api/auth/token.ts";
import { registryCardOperation } from "./api/cabinet/registry-card.ts";
import { registerCabinet } from "./api/cabinet/routes.ts";
import { registerFhir } from "./api/fhir/routes.ts";
import type { Config } from "./config.ts";
import { Providers } from "./fhir/provider.ts";
import {
  organizationProvider,
  practitionerProvider,
  practitionerRoleProvider,
} from "./flows/registry-providers.ts";
import { type Parts, type Surroundings, sandboxedSystems } from "./parts.ts";
import { registerBearerAuth } from "./plugins/auth.ts";
import { registerContext } from "./plugins/context.ts";
import { type Drain, registerDrain } from "./plugins/drain.ts";
import { registerErrors } from "./plugins/errors.ts";
import { registerJournal } from "./plugins/journal.ts";
import { registerLimits, watchLoad } from "./plugins/limits.ts";
import { serverOptions } from "./plugins/server-options.ts";
import { registerTelemetry } from "./plugins/telemetry.ts";

export interface Gateway {
  app: FastifyInstance;
  drain: Drain;
}

/** The table of contents: what every request passes, then the doors. */
export async function createApp(config: Config, parts: Parts, around: Surroundings): Promise<Gateway> {
  const { clock, log, telemetry } = around;
  const app = Fastify(serverOptions({ publicUrl: config.PUBLIC_URL, timeoutMs: config.REQUEST_TIMEOUT_MS }));
  const load = watchLoad(config.OVERLOAD_MS);
  app.addHook("onClose", async () => load.stop());

  registerContext(app, { clock, log, timeoutMs: config.REQUEST_TIMEOUT_MS });
  registerErrors(app, { publicUrl: config.PUBLIC_URL });
  registerJournal(app, parts.journal, clock);
  registerTelemetry(app, { telemetry, pseudonym: (id) => parts.keyring.hmac("log-actor", id) });
  const drain = registerDrain(app, {
    clock,
    log,
    noticeMs: config.DRAIN_NOTICE_MS,
    limitMs: config.DRAIN_SECONDS * 1000,
  });
  await registerLimits(app, {
    perMinute: config.RATE_LIMIT_PER_MINUTE,
    overloaded: load.overloaded,
    https: config.PUBLIC_URL.startsWith("https://"),
  });
  await app.register(formbody);

  const tokens = accessTokens(config, parts, around);
  registerDoors(app, { config, parts, around, tokens });
  return { app, drain };
}

interface DoorParts {
  config: Config;
  parts: Parts;
  around: Surroundings;
  tokens: AccessTokens;
}

function registerDoors(app: FastifyInstance, { config, parts, around, tokens }: DoorParts): void {
  const tokenUrl = `${config.PUBLIC_URL}/auth/token`;
  const { clients, claimOnce, practitioners, organizations } = parts;
  const providers = new Providers([
    practitionerProvider(practitioners),
    practitionerRoleProvider(practitioners),
    organizationProvider(organizations),
  ]);
  registerTokenEndpoint(app, {
    check: { clients, audience: tokenUrl, claimOnce, clock: around.clock },
    tokens,
  });
  registerFhir(app, {
    providers,
    tokens,
    tokenUrl,
    capability: {
      baseUrl: `${config.PUBLIC_URL}/fhir`,
      version: around.version,
      sandboxed: sandboxedSystems(config),
      date: new Date(around.clock.now()).toISOString(),
    },
  });
  app.register(async (cabinet) => {
    registerBearerAuth(cabinet, tokens);
    registerCabinet(cabinet, { getPractitionerRegistryCard: registryCardOperation(practitioners) });
  });
}

function accessTokens(config: Config, { keyring }: Parts, { clock }: Surroundings): AccessTokens {
  return new AccessTokens({
    key: keyring.derive("access-token"),
    issuer: config.PUBLIC_URL,
    audience: `${config.PUBLIC_URL}/fhir`,
    lifeSeconds: config.TOKEN_SECONDS,
    clock,
  });
}
