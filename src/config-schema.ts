import Type, { type Static } from "typebox";
import { fhirSettings } from "./config-fhir.ts";
import { Count, Port, Url } from "./config-fields.ts";
import { keySettings } from "./config-keys.ts";
import { loadSettings } from "./config-load.ts";
import { signatureSettings } from "./config-signature.ts";
import { tlsSettings } from "./config-tls.ts";

// posts, specialties, ICD-10, services, units, document kinds, subjects of the federation, confidentiality, ЕСКЛП
const national = "1.2.643.5.1.13.13";
const defaultDictionaries = [
  ...[1002, 1005, 1040, 1066, 1070, 1358, 1379, 1520, 1522].map((n) => `${national}.11.${n}`),
  ...[206, 285, 608, 611].map((n) => `${national}.99.2.${n}`),
].join(",");

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
    pattern: "^https?://",
    description:
      "the address under which callers see the gateway; part of every token's audience; absent: 127.0.0.1 and PORT",
  }),
  TRUSTED_PROXIES: Type.String({
    default: "",
    pattern: "^[0-9a-fA-F.:/, ]*$",
    description:
      "addresses or networks of the balancers in front, comma-separated, whose X-Forwarded-For is believed; empty: nobody's",
  }),
  ...tlsSettings,
  DATA_DIR: Type.String({
    default: ".data",
    description: "folder of the embedded database and of generated keys",
  }),
  DATABASE_URL: Type.Optional(
    Type.String({
      description: "PostgreSQL 15 or newer; absent: an embedded database in DATA_DIR, one process",
    }),
  ),
  DATABASE_CONNECTIONS: Count(
    16,
    "connections of this process to PostgreSQL: 3 for the journal, tokens and readiness, a third of the rest for searches",
    6,
  ),
  DATABASE_STATEMENT_MS: Count(10_000, "PostgreSQL ends a longer statement", 100),
  REDIS_URL: Type.Optional(
    Type.String({ description: "Redis 7; absent: cache in process only, one replica" }),
  ),
  REPLICAS: Type.Union([Type.Literal("several"), Type.Literal("one")], {
    default: "several",
    description:
      "`one`: no other process of the gateway has this DATABASE_URL, so production needs no REDIS_URL; withdrawals and revocations reach other replicas through Redis only",
  }),
  ...keySettings,
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
  FRMR_LIST_OPERATION: Type.String({
    default: "listEmployees",
    description:
      "name of the ФРМР operation that lists workers by the day of their last change (not published)",
  }),
  FRMO_URL: Url("address of ФРМО, the organisations' registry; absent: the sandbox"),
  FRMO_CACHE_SECONDS: Count(3_600, "how long an organisation's card may be answered from the cache"),
  FRMR_CACHE_SECONDS: Count(300, "how long a worker's card may be answered from the cache"),
  REGISTRY_COPIES: Type.String({
    default: "frmr,frmo",
    pattern: "^(frmr|frmo)?(,(frmr|frmo))*$",
    description: "registries whose lists are copied into the store, so that they can be searched by name",
  }),
  NSI_URL: Url("address of ФР НСИ, the register of dictionaries; absent: the sandbox"),
  NSI_USER_KEY: Type.String({ default: "sandbox", description: "personal key of ФР НСИ" }),
  NSI_CACHE_SECONDS: Count(86_400, "how long a dictionary may be answered from the cache"),
  NSI_DICTIONARIES: Type.String({
    default: defaultDictionaries,
    pattern: "^[0-9., ]*$",
    description: "OIDs of the dictionaries of ФР НСИ that are copied into the store, comma-separated",
  }),
  NOTIFY_URL: Url("address of the operator's message gateway for SMS, e-mail and push; absent: the sandbox"),
  NOTIFY_KEY: Type.String({ default: "sandbox", description: "key at the message gateway" }),
  ESIA_PROVIDER: Type.Optional(
    Type.Union([Type.Literal("sandbox"), Type.Literal("gateway"), Type.Literal("direct")], {
      description:
        "sign-in: `gateway` (a vendor's OpenID Connect solution), `direct` (ESIA's own protocol), `sandbox`; absent: sandbox in MODE=sandbox, else gateway",
    }),
  ),
  ESIA_URL: Url("address of ESIA for `direct`, issuer for `gateway`; not read by `sandbox`"),
  ESIA_ISSUER: Url("`iss` of ESIA's tokens for `direct`; absent: ESIA_URL with http and a slash at the end"),
  ESIA_CLIENT_ID: Type.String({ default: "MISCAB01", description: "mnemonic of the system at ESIA" }),
  ESIA_CLIENT_SECRET: Type.Optional(Type.String({ description: "secret of the system, `gateway` only" })),
  ESIA_CLIENT_SECRET_FILE: Type.Optional(Type.String({ description: "file that holds ESIA_CLIENT_SECRET" })),
  ESIA_CLIENT_KEY_FILE: Type.Optional(
    Type.String({ description: "PEM of the GOST key that signs requests, `direct` only" }),
  ),
  ESIA_CLIENT_CERTIFICATE_FILE: Type.Optional(
    Type.String({ description: "PEM of its certificate, registered at ESIA, `direct` only" }),
  ),
  ESIA_CERTIFICATES_FILE: Type.Optional(
    Type.String({
      description:
        "PEM of the certificates that sign ESIA's tokens, old and new ones together, `direct` only",
    }),
  ),
  ESIA_TOKEN_ALGORITHM: Type.Union([Type.Literal("RS256"), Type.Literal("GOST3410_2012_256")], {
    default: "RS256",
    description: "how ESIA signs its tokens for us, as chosen on its technical portal",
  }),
  ESIA_REFRESH_ORDER: Type.Union([Type.Literal("without-token"), Type.Literal("with-token")], {
    default: "without-token",
    description: "signed string of a refresh, on which public sources differ",
  }),
  ESIA_SCOPES: Type.String({
    default: "openid fullname birthdate gender snils inn email mobile usr_org",
    description: "scopes that a sign-in asks for; one that is not granted to the system refuses the whole",
  }),
  JOURNAL_HEADS_FILE: Type.Optional(
    Type.String({
      description:
        "file to which the journal's signed head is appended every hour, on storage that the database's administrators can't rewrite",
    }),
  ),
  ...signatureSettings,
  FAILED_MESSAGE_DAYS: Count(
    14,
    "how long an answer that could not be mapped is kept, sealed, for an operator",
  ),
  FAILED_MESSAGE_COUNT: Count(500, "how many such answers are kept; 0: none"),
  FAILED_MESSAGE_BYTES: Count(1_048_576, "bytes kept of one such answer; the rest is cut", 1_024),
  OUTBOX_RETRY_HOURS: Count(
    24,
    "how long a message is tried again, with pauses that grow to an hour, before it is a dead letter",
    1,
  ),
  OUTBOX_DELIVERED_DAYS: Count(
    30,
    "how long a delivered message is remembered by its deduplication id; dead letters stay until an operator acts",
    1,
  ),
  MAPPING_RELOAD: Type.Union([Type.Literal("off"), Type.Literal("on")], {
    default: "off",
    description:
      "`on`: a map changed under mappings/ is compiled again while the process runs; development only, refused in production",
  }),
  UPSTREAM_TIMEOUT_MS: Count(10_000, "time-out of one call to an external system", 100),
  UPSTREAM_QUOTAS: Type.String({
    default: "",
    pattern: "^(?:[a-z]+=[1-9]\\d{0,6}/[1-9]\\d{0,4}(?:,(?!$)|$))*$",
    description:
      "most requests that this replica sends to a system, `system=requests/seconds`, comma-separated, such as `frmr=10/1,nsi=600/60`; a system that is not named has no limit of ours",
  }),
  REQUEST_TIMEOUT_MS: Count(30_000, "deadline of a whole request", 100),
  TOKEN_SECONDS: Count(300, "life of an access token of a client system", 60),
  SESSION_IDLE_SECONDS: Count(1_800, "a session unused for so long is over", 20),
  SESSION_LIFE_SECONDS: Count(43_200, "a session is over after so long however busy it is", 60),
  SESSION_ROTATE_SECONDS: Count(900, "age at which the token in the session cookie is replaced", 10),
  STEP_UP_SECONDS: Count(300, "how old a login may be when identity data are changed", 10),
  EARLIER_VERIFICATION_DAYS: Count(
    30,
    "how old ФРМР's last confirmation of a worker may be to let them in, without signing, while ФРМР is down",
  ),
  REQUIRED_AMR: Type.String({
    default: "",
    description:
      "ways of authentication, comma-separated, one of which a login must name; ESIA names only PWD and DS",
  }),
  CARD_AMR: Type.String({
    default: "",
    description:
      "ways of authentication, comma-separated, that count as two factors and so open a patient's card; DS always does; empty: every ESIA login",
  }),
  SIGN_IN_PER_MINUTE: Count(60, "sign-ins a minute that one network address may begin", 1),
  TERMS_VERSION: Type.String({
    default: "1",
    description: "terms of use in force; a new one is asked for again",
  }),
  BREAK_GLASS: Type.Union([Type.Literal("off"), Type.Literal("on")], {
    default: "off",
    description:
      "`on`: purpose BTG, of a client's token or of a session (SESSION_PURPOSES), opens a card to be read when the request states a reason (X-Emergency-Reason)",
  }),
  SESSION_PURPOSES: Type.String({
    default: "",
    pattern: "^((BTG|HPAYMT|HOPERAT)(,(BTG|HPAYMT|HOPERAT))*)?$",
    description:
      "purposes of use, comma-separated, that a worker who signed in may state beside TREAT in X-Purpose-Of-Use when they read: BTG (also needs BREAK_GLASS and a login of the last STEP_UP_SECONDS), HPAYMT, HOPERAT; empty: none",
  }),
  LEGAL_GROUNDS: Type.String({
    default: "",
    description:
      "items of 323-ФЗ art. 13 p. 4 by which a request may open a card without the patient's consent (X-Legal-Ground), as `323-13-4-8,323-13-4-9`; empty: none",
  }),
  POST_RIGHTS_FILE: Type.Optional(
    Type.String({
      description:
        "JSON of which sections the posts of workers open, in the form of src/access/post-rights.json; absent: that file",
    }),
  ),
  SECURITY_ROLES: Type.String({
    default: "",
    description:
      "logical ids of PractitionerRoles, separated by commas: who signs in with such a post reads the journal of their organisation",
  }),
  SUPPORT_ROLES: Type.String({
    default: "",
    description:
      "the same for support: who signs in with such a post sees in that journal how people were verified, and nothing else",
  }),
  SECURITY_CONTACTS: Type.String({
    default: "",
    pattern: "^((tel:\\+?[\\d-]+|mailto:[^\\s@,]+@[^\\s@,]+)(,|$))*$",
    description:
      "contacts of the security service as they are published on the help page and in the CapabilityStatement, comma-separated: `tel:+74950000000,mailto:security@example.org`; required in production",
  }),
  SECURITY_EMAIL: Type.Optional(
    Type.String({
      pattern: "^[^\\s@]+@[^\\s@]+$",
      description:
        "where emergency access, access by a legal ground that is not of every day, and stolen sessions are reported to; absent: the log, the metrics and the journal only",
    }),
  ),
  ...loadSettings,
  ...fhirSettings,
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
    description:
      "share of ordinary requests whose trace is kept, and of those refused before any work; failed and slow ones always are",
  }),
  TRACE_SLOW_MS: Count(1_000, "a request slower than this has its trace kept", 1),
  OTEL_EXPORTER_OTLP_ENDPOINT: Url("address of an OpenTelemetry collector; absent: traces are not exported"),
});

export type Config = Static<typeof configSchema>;
