import type { SessionFacts } from "../../access/session-facts.ts";
import type { Sessions } from "../../access/sessions.ts";
import type { Clock } from "../../core/clock.ts";
import type { RequestContext } from "../../core/context.ts";
import { isGatewayError } from "../../core/errors.ts";
import type { ClaimOnce } from "../../store/once.ts";
import type { IdentityProvider } from "../../systems/esia/identity-provider.ts";

interface RenewalParts {
  provider: Pick<IdentityProvider, "refresh">;
  sessions: Sessions;
  claimOnce: ClaimOnce;
  clock: Clock;
  redirectUri: string;
}

const aheadMs = 60_000;
const retryMs = 30_000;

/** Renews ESIA's token of a session before it runs out; the session itself does not depend on it (L-17). */
export class EsiaRenewal {
  readonly #parts: RenewalParts;

  constructor(parts: RenewalParts) {
    this.#parts = parts;
  }

  isDue({ esia }: SessionFacts): boolean {
    return esia.refreshToken !== undefined && esia.expiresAt - aheadMs <= this.#parts.clock.now();
  }

  /** One replica renews, the others go on; resolves also when ESIA is down, to be tried again later. */
  async renew(session: SessionFacts, ctx: RequestContext): Promise<void> {
    const { provider, sessions, claimOnce, clock, redirectUri } = this.#parts;
    const { refreshToken, expiresAt } = session.esia;
    const claim = `${session.id} ${expiresAt}`;
    if (!refreshToken || !(await claimOnce("esia-refresh", claim, clock.now() + retryMs))) return;
    try {
      const renewed = await provider.refresh(refreshToken, redirectUri, ctx);
      if (renewed.subject !== session.subject || !renewed.confirmed) return await sessions.end(session);
      const { sid, expiresAt: until, refreshToken: next = refreshToken } = renewed;
      const esia = { sid, expiresAt: until, refreshToken: next };
      await sessions.change(session, (facts) => ({ ...facts, esia }));
    } catch (error) {
      ctx.log.warn({ error, system: "esia" }, "ESIA's token was not renewed");
      if (isGatewayError(error) && error.row.status < 500 && error.code !== "unauthorized")
        await sessions.change(session, ({ esia: { refreshToken: _spent, ...esia }, ...facts }) => ({
          ...facts,
          esia,
        }));
    }
  }
}
