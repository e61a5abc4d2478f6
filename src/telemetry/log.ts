import { type DestinationStream, type Level, type Logger as PinoLogger, pino } from "pino";
import type { LogFields, Logger } from "../core/logger.ts";
import { maskText, redactFields } from "./redaction.ts";

export interface LogOptions {
  level: Level | "silent";
  version: string;
  /** where lines go; standard output by default */
  destination?: DestinationStream;
}

/** A JSON logger on pino whose every line passes the redaction, message included. */
export function createLogger({ level, version, destination }: LogOptions): Logger {
  const options = {
    level,
    base: { version, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return new RedactingLogger(pino(options, destination ?? standardOutput()));
}

/** Lines leave in blocks, at the latest after a second and at the end of the process: a write for each is dear. */
const standardOutput = () => pino.destination({ sync: false, minLength: 4_096, periodicFlush: 1_000 });

class RedactingLogger implements Logger {
  readonly #pino: PinoLogger;

  constructor(logger: PinoLogger) {
    this.#pino = logger;
  }

  debug(fields: LogFields, message: string): void {
    if (this.#pino.isLevelEnabled("debug")) this.#write("debug", fields, message);
  }

  info(fields: LogFields, message: string): void {
    if (this.#pino.isLevelEnabled("info")) this.#write("info", fields, message);
  }

  warn(fields: LogFields, message: string): void {
    if (this.#pino.isLevelEnabled("warn")) this.#write("warn", fields, message);
  }

  error(fields: LogFields, message: string): void {
    if (this.#pino.isLevelEnabled("error")) this.#write("error", fields, message);
  }

  #write(level: Level, fields: LogFields, message: string): void {
    this.#pino[level](redactFields(fields), maskText(message));
  }
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
