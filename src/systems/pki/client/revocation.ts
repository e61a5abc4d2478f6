import { randomUUID } from "node:crypto";
import type { Clock } from "../../../core/clock.ts";
import { type RequestContext, systemContext } from "../../../core/context.ts";
import { silentLogger } from "../../../core/logger.ts";
import { sharedTenant } from "../../../core/shared-tenant.ts";
import type { RevocationNetwork } from "../../../crypto/revocation-client.ts";
import type { Upstream } from "../../../upstream/call.ts";
import { WireFailure } from "../../../upstream/wire-failure.ts";

interface RevocationNetworkSettings {
  upstream: Upstream;
  clock: Clock;
  timeoutMs: number;
}

/** Each authority's host is a system of its own, so that a dead one closes nobody else's way. */
export const revocationSystem = (host: string): string => `pki ${host.toLowerCase()}`;

/**
 * Asks OCSP responders (RFC 6960, POST) and fetches lists (RFC 5280) through the pipeline; the caller has checked the
 * host. Throws the pipeline's errors.
 */
export function createRevocationNetwork(settings: RevocationNetworkSettings): RevocationNetwork {
  const { upstream, clock, timeoutMs } = settings;
  return async (url, { body, maxBytes }) => {
    const system = revocationSystem(url.host);
    const name = body ? "ocsp" : "crl";
    const { value } = await upstream.call(
      { system, name, effect: "read", timeoutMs, cacheSeconds: 0, priority: "interactive", maxBytes },
      url.href,
      {
        send: async (attempt, address) => {
          const answer = await attempt.fetch(address, body && question(body));
          if (!answer.ok)
            throw new WireFailure("refused", `HTTP ${answer.status}`, { status: answer.status });
          return new Uint8Array(await answer.arrayBuffer());
        },
      },
      ownContext(clock, timeoutMs),
    );
    return value;
  };
}

const question = (body: Uint8Array): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/ocsp-request", accept: "application/ocsp-response" },
  body: Buffer.from(body),
});

// answers are shared by everybody who asks of the same certificate
function ownContext(clock: Clock, timeoutMs: number): RequestContext {
  return systemContext({
    id: "gateway",
    tenant: sharedTenant,
    requestId: randomUUID(),
    deadline: clock.now() + timeoutMs,
    log: silentLogger,
  });
}
