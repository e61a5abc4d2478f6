import { type DestinationStream, type Level, type Logger as PinoLogger, pino } from "pino";
import type { Clock } from "../core/clock.ts";
import { isGatewayError } from "../core/errors.ts";
import type { LogFields, Logger } from "../core/logger.ts";
import { maskText, redactFields } from "./redaction.ts";
import { Repeats } from "./repeats.ts";

export interface LogOptions {
  level: Level | "silent";
  version: string;
  clock: Clock;
  /** where lines go; standard output by default */
  destination?: DestinationStream;
}

/** A log that must be closed: it may hold back lines that repeat. */
export interface ClosableLogger extends Logger {
  close(): void;
}

/** A JSON logger on pino whose every line passes the redaction, message included; failures that repeat are thinned. */
export function createLogger({ level, version, clock, destination }: LogOptions): ClosableLogger {
  const options = {
    level,
    base: { version, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return new RedactingLogger(pino(options, destination ?? standardOutput()), clock);
}

/** Lines leave in blocks, at the latest after a second and at the end of the process: a write for each is dear. */
const standardOutput = () => pino.destination({ sync: false, minLength: 4_096, periodicFlush: 1_000 });

interface Line {
  level: Level;
  fields: LogFields;
  message: string;
}

class RedactingLogger implements ClosableLogger {
  readonly #pino: PinoLogger;
  readonly #repeats: Repeats<Line>;

  constructor(logger: PinoLogger, clock: Clock) {
    this.#pino = logger;
    this.#repeats = new Repeats(clock, ({ level, fields, message }, suppressed) =>
      this.#write(level, suppressed > 0 ? { ...fields, suppressed } : fields, message),
    );
  }

  debug(fields: LogFields, message: string): void {
    if (this.#pino.isLevelEnabled("debug")) this.#offer("debug", fields, message);
  }

  info(fields: LogFields, message: string): void {
    if (this.#pino.isLevelEnabled("info")) this.#offer("info", fields, message);
  }

  warn(fields: LogFields, message: string): void {
    if (this.#pino.isLevelEnabled("warn")) this.#offer("warn", fields, message);
  }

  error(fields: LogFields, message: string): void {
    if (this.#pino.isLevelEnabled("error")) this.#offer("error", fields, message);
  }

  close(): void {
    this.#repeats.close();
  }

  #offer(level: Level, fields: LogFields, message: string): void {
    const failure = failureOf(fields);
    if (failure === undefined) this.#write(level, fields, message);
    else this.#repeats.offer(`${message}\n${fields.system}\n${failure}`, { level, fields, message });
  }

  #write(level: Level, fields: LogFields, message: string): void {
    this.#pino[level](redactFields(fields), maskText(message));
  }
}

/** The code or the kind of the error that a line tells of: in an outage each call and request has the same. */
function failureOf({ code, error }: LogFields): unknown {
  if (code !== undefined) return code;
  if (isGatewayError(error)) return error.code;
  return error instanceof Error ? error.name : undefined;
}

/** A logger that puts the request id on each line; made for every request, so it holds two references only. */
export class RequestLogger implements Logger {
  readonly #base: Logger;
  readonly #requestId: string;

  constructor(base: Logger, requestId: string) {
    this.#base = base;
    this.#requestId = requestId;
  }

  debug(fields: LogFields, message: string): void {
    this.#base.debug({ request_id: this.#requestId, ...fields }, message);
  }

  info(fields: LogFields, message: string): void {
    this.#base.info({ request_id: this.#requestId, ...fields }, message);
  }

  warn(fields: LogFields, message: string): void {
    this.#base.warn({ request_id: this.#requestId, ...fields }, message);
  }

  error(fields: LogFields, message: string): void {
    this.#base.error({ request_id: this.#requestId, ...fields }, message);
  }
}
