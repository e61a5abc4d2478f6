import { readFileSync } from "node:fs";
import { Value } from "typebox/value";
import { type Config, configSchema } from "./config-schema.ts";

export type { Config };

/** A setting that is wrong or unsafe; the message names it and says what to do. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Reads settings from the environment with defaults; throws ConfigError naming each wrong one. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const known = Object.keys(configSchema.properties);
  const given = Object.fromEntries(known.filter((key) => env[key]).map((key) => [key, env[key]]));
  given["PUBLIC_URL"] ??= ownUrl(given);
  const config = Value.Convert(configSchema, Value.Default(configSchema, given)) as Config;
  for (const name of ["MASTER_KEY", "MASTER_KEY_PREVIOUS", "ESIA_CLIENT_SECRET"] as const) {
    const path = config[`${name}_FILE`];
    if (path) config[name] = secretIn(path, `${name}_FILE`);
  }
  // a slash at the end would stand twice in every address made from it
  config.PUBLIC_URL = config.PUBLIC_URL.replace(/\/+$/, "");
  const wrong = [...Value.Errors(configSchema, config)].map(
    (error) => `${error.instancePath.slice(1)} ${error.message}`,
  );
  const problems = [...new Set(wrong), ...unsafe(config), ...keysInSight(config, env)];
  if (problems.length) throw new ConfigError(`Settings refused: ${problems.join("; ")}`);
  return config;
}

/** Keys that an environment dump, a core file or a process list would show. */
function keysInSight({ MODE }: Config, env: NodeJS.ProcessEnv): string[] {
  if (MODE === "sandbox") return [];
  return ["MASTER_KEY", "MASTER_KEY_PREVIOUS", "KEY_ENCRYPTION_KEYS"]
    .filter((name) => env[name])
    .map((name) => `${name} is refused in production, where keys come from files or from a key service`);
}

const ownUrl = ({ TLS_KEY_FILE, PORT = "8080" }: NodeJS.ProcessEnv) =>
  `${TLS_KEY_FILE ? "https" : "http"}://127.0.0.1:${PORT}`;

function secretIn(path: string, setting: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new ConfigError(`Settings refused: ${setting} names a file that can't be read`, { cause });
  }
}

const systemUrls = ["FRMR_URL", "FRMO_URL", "NSI_URL", "NOTIFY_URL"] as const;

const neededInProduction = {
  CLIENTS_FILE: "the demo client is public",
  SECURITY_CONTACTS: "people must know whom to tell",
};

function unsafe(config: Config): string[] {
  const problems: string[] = [];
  for (const name of ["MASTER_KEY", "MASTER_KEY_PREVIOUS"] as const) {
    const key = config[name];
    if (key && Buffer.from(key, "base64").length !== 32)
      problems.push(`${name} must be 32 bytes in base64 (openssl rand -base64 32)`);
  }
  problems.push(...wrongTls(config), ...wrongEsia(config), ...wrongKeys(config));
  return config.MODE === "sandbox" ? problems : [...problems, ...unsafeInProduction(config)];
}

function unsafeInProduction(config: Config): string[] {
  const problems: string[] = [];
  if (!config.MASTER_KEY) problems.push("MASTER_KEY or MASTER_KEY_FILE is required in production");
  if (!config.PUBLIC_URL.startsWith("https://")) problems.push("PUBLIC_URL must be https in production");
  for (const setting of systemUrls)
    if (!config[setting]?.startsWith("https://"))
      problems.push(
        `${setting} must be an https address in production: a sandbox answers with invented data`,
      );
  problems.push(...unsafeReplicas(config), ...unsafeSigner(config));
  if (config.MAPPING_RELOAD === "on") problems.push("MAPPING_RELOAD=on is refused in production");
  for (const [setting, why] of Object.entries(neededInProduction))
    if (!config[setting as keyof Config]) problems.push(`${setting} is required in production: ${why}`);
  return problems;
}

function wrongTls(config: Config): string[] {
  const { TLS_CERTIFICATE_FILE, TLS_KEY_FILE, PUBLIC_URL, MODE, TRUSTED_PROXIES } = config;
  if (!TLS_CERTIFICATE_FILE !== !TLS_KEY_FILE) return ["TLS_CERTIFICATE_FILE and TLS_KEY_FILE go together"];
  if (TLS_KEY_FILE && !PUBLIC_URL.startsWith("https://"))
    return ["PUBLIC_URL must be https where the gateway listens with TLS"];
  return MODE === "production" && !TLS_KEY_FILE && !TRUSTED_PROXIES
    ? ["production listens with TLS (TLS_CERTIFICATE_FILE) or behind the balancers that do (TRUSTED_PROXIES)"]
    : [];
}

/** How this replica leaves: a sandbox has no balancer in front and nobody to wait for. */
export function drainOf({ DRAIN_NOTICE_MS, DRAIN_IDLE_MS, DRAIN_SECONDS, MODE }: Config) {
  const usual = MODE === "production" ? 10_000 : 0;
  return {
    noticeMs: DRAIN_NOTICE_MS ?? usual,
    idleMs: DRAIN_IDLE_MS ?? usual,
    limitMs: DRAIN_SECONDS * 1000,
  };
}

/** UPSTREAM_QUOTAS by system. */
export function upstreamQuotasOf({
  UPSTREAM_QUOTAS,
}: Config): ReadonlyMap<string, { requests: number; perSeconds: number }> {
  return new Map(
    listOf(UPSTREAM_QUOTAS).map((quota) => {
      const [system = "", requests, perSeconds] = quota.split(/[=/]/);
      return [system, { requests: Number(requests), perSeconds: Number(perSeconds) }];
    }),
  );
}

function unsafeReplicas({ DATABASE_URL, REDIS_URL, REPLICAS }: Config): string[] {
  if (!DATABASE_URL || REDIS_URL || REPLICAS === "one") return [];
  return [
    "REDIS_URL is required in production: without it a withdrawn consent or token goes on at other replicas; REPLICAS=one declares that there are none",
  ];
}

function unsafeSigner({ ORG_SIGNER_KEY_FILE, ORG_SIGNER_URL }: Config): string[] {
  const problems: string[] = [];
  if (ORG_SIGNER_KEY_FILE)
    problems.push(
      "ORG_SIGNER_KEY_FILE is refused in production: an organisation's key belongs to its own tool",
    );
  if (ORG_SIGNER_URL && !ORG_SIGNER_URL.startsWith("https://"))
    problems.push("ORG_SIGNER_URL must be https in production");
  return problems;
}

/** The provider of the settings, or the usual one of the mode. */
export function esiaProviderOf(config: Config): "sandbox" | "gateway" | "direct" {
  return config.ESIA_PROVIDER ?? (config.MODE === "sandbox" ? "sandbox" : "gateway");
}

const neededByProvider = {
  sandbox: [],
  gateway: ["ESIA_URL", "ESIA_CLIENT_SECRET"],
  direct: ["ESIA_URL", "ESIA_CLIENT_KEY_FILE", "ESIA_CLIENT_CERTIFICATE_FILE", "ESIA_CERTIFICATES_FILE"],
} as const;

function wrongEsia(config: Config): string[] {
  const provider = esiaProviderOf(config);
  const problems: string[] = neededByProvider[provider]
    .filter((name) => !config[name])
    .map((name) => `${name} is required by ESIA_PROVIDER=${provider}`);
  const url = config.ESIA_URL ?? "";
  const isProductionHost = URL.canParse(url) && new URL(url).hostname === "esia.gosuslugi.ru";
  if (provider === "direct" && isProductionHost)
    problems.push(
      "ESIA_PROVIDER=direct signs in TypeScript, which the production ESIA does not allow: use a vendor's solution with ESIA_PROVIDER=gateway",
    );
  if (config.MODE === "production" && provider === "sandbox")
    problems.push("ESIA_PROVIDER=sandbox is refused in production: it signs in invented people");
  if (config.MODE === "production" && config.ESIA_URL && !config.ESIA_URL.startsWith("https://"))
    problems.push("ESIA_URL must be https in production");
  return problems;
}

const neededByKeys = {
  master: [],
  folder: ["KEY_FOLDER"],
  environment: ["KEY_ENCRYPTION_KEYS"],
  service: ["KEY_SERVICE_URL", "KEY_SERVICE_TOKEN_FILE"],
} as const;

function wrongKeys(config: Config): string[] {
  const provider = config.KEY_PROVIDER;
  const needed: readonly (keyof Config)[] = neededByKeys[provider] ?? [];
  const problems = needed
    .filter((name) => !config[name])
    .map((name) => `${name} is required by KEY_PROVIDER=${provider}`);
  if (config.MODE === "sandbox") return problems;
  if (provider === "master")
    problems.push("KEY_PROVIDER=master is refused in production: patients' keys could never be rotated");
  if (config.KEY_SERVICE_URL && !config.KEY_SERVICE_URL.startsWith("https://"))
    problems.push("KEY_SERVICE_URL must be https in production");
  return problems;
}

/** The members of a comma-separated setting. */
export function listOf(setting: string): string[] {
  return setting
    .split(",")
    .map((member) => member.trim())
    .filter(Boolean);
}

/** Limits of the failed answers that are kept for an operator. */
export function failedMessageLimits(config: Config): { days: number; count: number; maxBytes: number } {
  return {
    days: config.FAILED_MESSAGE_DAYS,
    count: config.FAILED_MESSAGE_COUNT,
    maxBytes: config.FAILED_MESSAGE_BYTES,
  };
}
