export interface CacheSpec {
  /** one of a closed set: it is a metric label */
  name: string;
  tenant: string;
  /** everything that the answer depends on; may hold personal data: it stays in the process, Redis sees an HMAC */
  key: readonly string[];
  /** a bump of any of them makes the entry unreachable */
  subjects: readonly string[];
  seconds: number;
}

/** A loaded answer; times are clock milliseconds. */
export interface Stored {
  /** frozen JSON */
  value: unknown;
  /** when loading began */
  asOf: number;
  expiresAt: number;
  /** length as JSON text */
  bytes: number;
}

/** Loaded answers are shared by all who ask, so nobody may change one. */
export function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) frozen(part);
  }
  return value;
}
