import { readFileSync } from "node:fs";
import Type, { type Static } from "typebox";
import { Value } from "typebox/value";

const Url = (description: string) => Type.Optional(Type.String({ description, pattern: "^https?://" }));
const Port = (port: number, description: string) =>
  Type.Integer({ default: port, minimum: 0, maximum: 65_535, description });
const Count = (value: number, description: string, minimum = 0) =>
  Type.Integer({ default: value, minimum, description });

/** Every setting of the product; docs/configuration.md is generated from it. */
export const configSchema = Type.Object({
  MODE: Type.Union([Type.Literal("sandbox"), Type.Literal("production")], {
    default: "sandbox",
    description:
      "`production` refuses to start with a generated master key, a sandbox upstream or a plain-http PUBLIC_URL",
  }),
  HOST: Type.String({ default: "127.0.0.1", description: "address that the gateway listens on" }),
  PORT: Port(8080, "port of the gateway"),
  METRICS_PORT: Port(9464, "port of Prometheus metrics; never routed by an ingress"),
  SANDBOX_PORT: Port(8090, "port of the sandbox; ESIA's own root is on the next port"),
  PUBLIC_URL: Type.String({
    default: "http://127.0.0.1:8080",
    pattern: "^https?://",
    description: "the address under which callers see the gateway; part of every token's audience",
  }),
  DATA_DIR: Type.String({
    default: ".data",
    description: "folder of the embedded database and of generated keys",
  }),
  DATABASE_URL: Type.Optional(
    Type.String({
      description: "PostgreSQL 15 or newer; absent: an embedded database in DATA_DIR, one process",
    }),
  ),
  REDIS_URL: Type.Optional(
    Type.String({ description: "Redis 7; absent: cache in process only, one replica" }),
  ),
  MASTER_KEY: Type.Optional(
    Type.String({
      description: "32 bytes in base64; root of every other key. Absent: generated in DATA_DIR",
    }),
  ),
  MASTER_KEY_FILE: Type.Optional(Type.String({ description: "file that holds MASTER_KEY" })),
  CLIENTS_FILE: Type.Optional(
    Type.String({
      description: "JSON list of registered client systems; absent: one demo client, sandbox only",
    }),
  ),
  NSI_DATA_DIR: Type.Optional(
    Type.String({ description: "folder of saved НСИ answers for the sandbox; absent: small dictionaries" }),
  ),
  SANDBOX_ESIA_CLIENTS: Type.Optional(
    Type.String({
      description:
        "JSON list of partners' systems that `npm run sandbox` registers at its ESIA; absent: none",
    }),
  ),
  FRMR_URL: Url("SOAP address of ФРМР, the workers' registry; absent: the sandbox"),
  FRMR_OPERATION: Type.String({
    default: "getEmployee",
    description:
      "name of the ФРМР operation that finds a worker by СНИЛС (not published: as your connection says)",
  }),
  FRMO_URL: Url("address of ФРМО, the organisations' registry; absent: the sandbox"),
  FRMO_CACHE_SECONDS: Count(3_600, "how long an organisation's card may be answered from the cache"),
  FRMR_CACHE_SECONDS: Count(300, "how long a worker's card may be answered from the cache"),
  NSI_URL: Url("address of ФР НСИ, the register of dictionaries; absent: the sandbox"),
  NSI_USER_KEY: Type.String({ default: "sandbox", description: "personal key of ФР НСИ" }),
  NSI_CACHE_SECONDS: Count(86_400, "how long a dictionary may be answered from the cache"),
  UPSTREAM_TIMEOUT_MS: Count(10_000, "time-out of one call to an external system", 100),
  REQUEST_TIMEOUT_MS: Count(30_000, "deadline of a whole request", 100),
  TOKEN_SECONDS: Count(300, "life of an access token of a client system", 60),
  SESSION_IDLE_SECONDS: Count(1_800, "a session unused for so long is over", 20),
  SESSION_LIFE_SECONDS: Count(43_200, "a session is over after so long however busy it is", 60),
  SESSION_ROTATE_SECONDS: Count(900, "age at which the token in the session cookie is replaced", 10),
  STEP_UP_SECONDS: Count(300, "how old a login may be when identity data are changed", 10),
  TERMS_VERSION: Type.String({
    default: "1",
    description: "terms of use in force; a new one is asked for again",
  }),
  RATE_LIMIT_PER_MINUTE: Count(60_000, "requests a minute that one client may send", 1),
  DRAIN_SECONDS: Count(20, "how long running requests may take to finish when the process is told to stop"),
  DRAIN_NOTICE_MS: Count(
    0,
    "how long readiness says 503 before the listener closes: the balancer's probe interval",
  ),
  OVERLOAD_MS: Count(500, "median delay of the event loop above which requests are refused with 503", 10),
  LOG_LEVEL: Type.Union(
    [
      Type.Literal("debug"),
      Type.Literal("info"),
      Type.Literal("warn"),
      Type.Literal("error"),
      Type.Literal("silent"),
    ],
    { default: "info", description: "least level that is logged" },
  ),
  TRACE_RATIO: Type.Number({
    default: 0.01,
    minimum: 0,
    maximum: 1,
    description: "share of ordinary requests whose trace is kept; failed and slow ones always are",
  }),
  TRACE_SLOW_MS: Count(1_000, "a request slower than this has its trace kept", 1),
  OTEL_EXPORTER_OTLP_ENDPOINT: Url("address of an OpenTelemetry collector; absent: traces are not exported"),
});

export type Config = Static<typeof configSchema>;

/** A setting that is wrong or unsafe; the message names it and says what to do. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Reads settings from the environment with defaults; throws ConfigError naming each wrong one. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const known = Object.keys(configSchema.properties);
  const given = Object.fromEntries(known.filter((key) => env[key]).map((key) => [key, env[key]]));
  const config = Value.Convert(configSchema, Value.Default(configSchema, given)) as Config;
  if (config.MASTER_KEY_FILE) config.MASTER_KEY = readFileSync(config.MASTER_KEY_FILE, "utf8").trim();
  const wrong = [...Value.Errors(configSchema, config)].map(
    (error) => `${error.instancePath.slice(1)} ${error.message}`,
  );
  const problems = [...new Set(wrong), ...unsafe(config)];
  if (problems.length) throw new ConfigError(`Settings refused: ${problems.join("; ")}`);
  return config;
}

function unsafe(config: Config): string[] {
  const problems: string[] = [];
  if (config.MASTER_KEY && Buffer.from(config.MASTER_KEY, "base64").length !== 32)
    problems.push("MASTER_KEY must be 32 bytes in base64 (openssl rand -base64 32)");
  if (config.MODE === "sandbox") return problems;
  if (!config.MASTER_KEY) problems.push("MASTER_KEY or MASTER_KEY_FILE is required in production");
  if (!config.PUBLIC_URL.startsWith("https://")) problems.push("PUBLIC_URL must be https in production");
  if (!config.FRMR_URL)
    problems.push("FRMR_URL is required in production: a sandbox answers with invented people");
  if (!config.FRMO_URL)
    problems.push("FRMO_URL is required in production: a sandbox answers with invented data");
  if (!config.NSI_URL) problems.push("NSI_URL is required in production: a sandbox answers with few codes");
  if (!config.CLIENTS_FILE)
    problems.push("CLIENTS_FILE is required in production: the demo client is public");
  return problems;
}
