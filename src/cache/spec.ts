export interface CacheSpec {
  /** one of a closed set: it is a metric label */
  name: string;
  tenant: string;
  /** everything that the answer depends on; may hold personal data: it stays in the process, Redis sees an HMAC */
  key: readonly string[];
  /** a bump of any of them makes the entry unreachable */
  subjects: readonly string[];
  seconds: number;
  /** what the cache knows the answer by, of a spec that is `kept` */
  identity?: string;
}

export const identityOf = (spec: CacheSpec): string => spec.identity ?? framed(spec);

/** A spec that is asked for again and again. */
export const kept = (spec: CacheSpec): CacheSpec => ({ ...spec, identity: framed(spec) });

/** Parts are framed by their lengths, so that no part can pretend to be two. */
function framed({ name, tenant, key, subjects }: CacheSpec): string {
  let identity = `${name}|${tenant.length}:${tenant}|`;
  for (const part of key) identity += `${part.length}:${part}`;
  identity += "|";
  for (const subject of subjects) identity += `${subject.length}:${subject}`;
  return identity;
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
