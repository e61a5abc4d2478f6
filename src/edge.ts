import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { type Config, ConfigError, listOf } from "./config.ts";
import type { EdgeSettings, EdgeTls } from "./plugins/server-options.ts";

/** How the gateway listens; throws ConfigError for TLS files that are no pair. */
export function edgeOf(config: Config): EdgeSettings {
  return {
    publicUrl: config.PUBLIC_URL,
    timeoutMs: config.REQUEST_TIMEOUT_MS,
    stalledMs: config.STALLED_CONNECTION_MS,
    trustedProxies: listOf(config.TRUSTED_PROXIES),
    tls: tlsOf(config),
  };
}

function tlsOf(config: Config): EdgeTls | undefined {
  const { TLS_CERTIFICATE_FILE, TLS_KEY_FILE, TLS_MIN_VERSION: minVersion } = config;
  if (!TLS_CERTIFICATE_FILE || !TLS_KEY_FILE) return undefined;
  try {
    const pair = { cert: readFileSync(TLS_CERTIFICATE_FILE), key: readFileSync(TLS_KEY_FILE) };
    createSecureContext(pair);
    return { ...pair, minVersion };
  } catch (cause) {
    const detail = "TLS_CERTIFICATE_FILE and TLS_KEY_FILE can't be read or are no pair";
    throw new ConfigError(`Settings refused: ${detail}`, { cause });
  }
}
