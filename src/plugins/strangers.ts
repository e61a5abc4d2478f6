import { LRUCache } from "lru-cache";
import type { Clock } from "../core/clock.ts";
import type { ErrorCode } from "../core/error-table.ts";
import { GatewayError } from "../core/errors.ts";

interface StrangerSettings {
  clock: Clock;
  /** refused credentials a minute of one address that are told one by one */
  refusalsPerMinute: number;
}

const windowMs = 60_000;
// the signs of guessing; a compromised session or a refusal by ESIA always keeps its own code and row
const refusedCredentials = new Set<ErrorCode>([
  "unauthorized",
  "token-expired",
  "invalid-client",
  "invalid-assertion",
]);

/**
 * Judges errors of one address: past its limit refused credentials become `rate-limited`, which costs no journal
 * row. Only requests that fail are held off, so nobody behind the same address is locked out. Counts are per replica.
 */
export function strangerLimit({
  clock,
  refusalsPerMinute,
}: StrangerSettings): (error: GatewayError, ip: string) => GatewayError {
  const refusals = new LRUCache<string, { count: number; until: number }>({ max: 50_000 });
  const current = (ip: string) => {
    const seen = refusals.get(ip);
    if (seen && seen.until > clock.now()) return seen;
    const fresh = { count: 0, until: clock.now() + windowMs };
    refusals.set(ip, fresh);
    return fresh;
  };
  return (error, ip) => {
    if (!refusedCredentials.has(error.code)) return error;
    const seen = current(ip);
    seen.count += 1;
    if (seen.count <= refusalsPerMinute) return error;
    const retryAfter = Math.ceil((seen.until - clock.now()) / 1000);
    return new GatewayError("rate-limited", { retryAfter, detail: "too many refused credentials" });
  };
}
