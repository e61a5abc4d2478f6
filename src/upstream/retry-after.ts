// the pause holds every call to the system back, so one that asks for more is asked again after an hour
const longestSeconds = 3_600;

/** Seconds to wait by a Retry-After header (RFC 9110 section 10.2.3: seconds or an HTTP date); undefined if unreadable. */
export function retryAfterSeconds(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  const seconds = /^\d+$/.test(text) ? Number(text) : (httpDate(text) - nowMs) / 1_000;
  return Number.isNaN(seconds) ? undefined : Math.min(longestSeconds, Math.max(0, Math.ceil(seconds)));
}

// Date.parse takes far more than the header allows
function httpDate(text: string): number {
  return /^[A-Z][a-z]{2,8},? .*\d{2}:\d{2}:\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
}
