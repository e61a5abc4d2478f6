import type { Cache } from "./cache/cache.ts";
import { type Config, ConfigError, esiaProviderOf, upstreamQuotasOf } from "./config.ts";
import { loadMapping } from "./fml/loader.ts";
import { isPkiSandboxed, pkiLanes } from "./signature-parts.ts";
import type { FailedMessages } from "./store/failed-messages.ts";
import type { Surroundings } from "./surroundings.ts";
import { createFrmoClient } from "./systems/frmo/client.ts";
import { createFrmrClient } from "./systems/frmr/client.ts";
import { createNotifyClient } from "./systems/notify/client.ts";
import { createNsiClient } from "./systems/nsi/client.ts";
import { upstreamMetrics } from "./telemetry/upstream-metrics.ts";
import { Upstream } from "./upstream/call.ts";
import { channelsOf } from "./upstream-channels.ts";

const organizationMap = new URL("../mappings/frmo/organization/to-fhir.fml", import.meta.url);

/** Systems without an address in the settings: the sandbox plays them. */
export function sandboxedSystems(config: Config): string[] {
  const { FRMR_URL: frmr, FRMO_URL: frmo, NSI_URL: nsi, NOTIFY_URL: notify } = config;
  const esia = esiaProviderOf(config) === "sandbox" ? undefined : config.ESIA_URL;
  const pki = isPkiSandboxed(config) ? undefined : "live";
  return Object.entries({ frmr, frmo, nsi, notify, pki, esia })
    .filter(([, url]) => !url)
    .map(([system]) => system);
}

interface UpstreamGround {
  cache: Cache;
  failedMessages: FailedMessages;
}

/** The one way out, with a lane for each system. */
export function openUpstream(config: Config, ground: UpstreamGround, around: Surroundings): Upstream {
  const { clock, telemetry } = around;
  const sandboxed = sandboxedSystems(config);
  const registry = { failures: ground.failedMessages };
  // one subscriber that is away says nothing of the others
  const subscriber = { breaker: { threshold: 0.999, size: 1_000, minimumCalls: 1_000 } };
  // what ESIA answers holds tokens, which are kept nowhere
  const systems = { frmr: registry, frmo: registry, nsi: registry, notify: {}, subscriber, esia: {} };
  const quotas = upstreamQuotasOf(config);
  const channels = channelsOf(config);
  for (const [setting, named] of Object.entries({
    UPSTREAM_QUOTAS: quotas,
    UPSTREAM_CHANNELS_FILE: channels,
  })) {
    const stranger = [...named.keys()].find((system) => !Object.hasOwn(systems, system));
    if (stranger) throw new ConfigError(`Settings refused: ${setting} names ${stranger}, no such system`);
  }
  return new Upstream({
    clock,
    cache: ground.cache,
    systems: {
      ...Object.fromEntries(
        Object.entries(systems).map(([system, settings]) => [
          system,
          {
            ...settings,
            sandbox: sandboxed.includes(system),
            quota: quotas.get(system),
            channel: channels.get(system),
          },
        ]),
      ),
      ...pkiLanes(config, around.sandbox),
    },
    observer: upstreamMetrics(telemetry.instruments),
  });
}

/** Clients of the registries and of the message gateway. */
export async function openSystems(config: Config, upstream: Upstream, { clock, sandbox }: Surroundings) {
  const timeoutMs = config.UPSTREAM_TIMEOUT_MS;
  return {
    frmr: await createFrmrClient({
      upstream,
      clock,
      baseUrl: config.FRMR_URL ?? `${sandbox?.url}/frmr`,
      operationNames: { getEmployee: config.FRMR_OPERATION, listEmployees: config.FRMR_LIST_OPERATION },
      timeoutMs,
      cacheSeconds: config.FRMR_CACHE_SECONDS,
    }),
    frmo: createFrmoClient({
      upstream,
      baseUrl: config.FRMO_URL ?? `${sandbox?.url}/frmo`,
      timeoutMs,
      cacheSeconds: config.FRMO_CACHE_SECONDS,
      toFhir: await loadMapping(organizationMap),
    }),
    nsi: createNsiClient({
      upstream,
      baseUrl: config.NSI_URL ?? `${sandbox?.url}/nsi`,
      userKey: config.NSI_USER_KEY,
      timeoutMs,
      cacheSeconds: config.NSI_CACHE_SECONDS,
    }),
    notify: createNotifyClient({
      upstream,
      baseUrl: config.NOTIFY_URL ?? `${sandbox?.url}/notify`,
      key: config.NOTIFY_KEY,
      timeoutMs,
    }),
  };
}
