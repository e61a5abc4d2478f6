/** Every field that a log line may hold: another one does not compile, and is withheld at run time. */
// biome-ignore format: a list reads by the line
export const logFields = [
  "trace_id", "request_id", "route", "method", "status", "ms", "bytes_out", "code", "tenant", "role", "actor", "ground",
  "system", "operation", "attempt", "outcome", "outbox_id", "kind", "suppressed",
  "error", "type", "frames", "cause", "detail", "reason",
  "job", "count", "mapping", "oid", "version", "from", "ending", "uses", "address", "url",
] as const;

export type LogFields = { readonly [K in (typeof logFields)[number]]?: unknown };

/** The part of pino that the house uses; fields never carry personal data (requirement group Z). */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
