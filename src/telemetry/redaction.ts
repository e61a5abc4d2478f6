import { logFields } from "../core/logger.ts";

/**
 * What a log line may hold. Keys are an allow-list: a field nobody thought of is withheld, not printed; texts of
 * allowed keys are masked where they could carry a person (Cyrillic words, long numbers, tokens, mail).
 */
const allowedKeys: ReadonlySet<string> = new Set(logFields);

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const traceId = /^[0-9a-f]{32}$/;
const oid = /^(urn:oid:)?[0-2](\.(0|[1-9]\d{0,8}))+$/;

const masks: readonly (readonly [pattern: RegExp, word: string])[] = [
  [/\beyJ[\w-]*(\.[\w-]*)*/g, "[token]"],
  [/\b(?:Bearer|Basic)\s+\S+/gi, "[token]"],
  [/[^\s@]+@[^\s@]+/g, "[mail]"],
  [/\?[^\s#]*/g, "?[query]"],
  // СНИЛС, ИНН, ОГРН, ЕНП, phones and dates of birth, with their usual separators
  [/\+?\d(?:[\s().-]{0,2}\d){6,}/g, "[number]"],
  [/[^\s!-~]+(?:\s+[^\s!-~]+)*/g, "[text]"],
  [/[\w+/=-]{40,}/g, "[secret]"],
];
const maxText = 300;

/** The text without what could name a person or open a door; ids that we made ourselves stay. */
export function maskText(text: string): string {
  if (uuid.test(text) || traceId.test(text) || oid.test(text)) return text;
  let masked = text.slice(0, maxText);
  for (const [pattern, word] of masks) masked = masked.replace(pattern, word);
  return masked;
}

/** Stack frames without the message line, which may quote the caller's input. */
function framesOf(error: Error): string[] {
  return (error.stack ?? "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
    .map((line) => line.trim());
}

interface LoggedError {
  type: string;
  code?: string;
  detail?: string;
  frames: string[];
  cause?: LoggedError;
}

// only these speak in words of the engine or of ours; other messages may quote input or an upstream's answer
const speakingErrors = new Set(["GatewayError", "TypeError", "RangeError", "ReferenceError", "ConfigError"]);

function loggedError(error: Error, depth = 0): LoggedError {
  const { code } = error as { code?: unknown };
  return {
    type: maskText(error.name),
    ...(typeof code === "string" && { code: maskText(code) }),
    ...(speakingErrors.has(error.name) && { detail: maskText(error.message) }),
    frames: framesOf(error),
    ...(error.cause instanceof Error && depth < 3 && { cause: loggedError(error.cause, depth + 1) }),
  };
}

type Fields = Record<string, unknown>;

/** Fields of a log line with only allowed keys; `withheld` counts the others. */
export function redactFields(fields: object, depth = 0): Fields {
  const kept: Fields = {};
  let withheld = 0;
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const safe = value instanceof Error ? loggedError(value) : redactValue(key, value, depth);
    if (safe === undefined) withheld++;
    else kept[value instanceof Error ? "error" : key] = safe;
  }
  if (withheld) kept.withheld = withheld;
  return kept;
}

function redactValue(key: string, value: unknown, depth: number): unknown {
  if (!allowedKeys.has(key)) return undefined;
  if (typeof value === "string") return maskText(value);
  if (typeof value === "number") return Math.abs(value) < 1e7 || key === "bytes" ? value : undefined;
  if (typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.slice(0, 20).map((one) => redactValue(key, one, depth) ?? null);
  if (value !== null && typeof value === "object" && depth < 2) return redactFields(value, depth + 1);
  return undefined;
}
