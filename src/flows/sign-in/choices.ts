import type { SessionFacts } from "../../access/session-facts.ts";
import type { Sessions, WithinChange } from "../../access/sessions.ts";
import { GatewayError } from "../../core/errors.ts";
import type { TermsAcceptances } from "../../store/terms.ts";

/** As WithinChange; `at` is when the person accepted first, in clock milliseconds. */
type WithAcceptance = (...change: [...Parameters<WithinChange>, at: number]) => Promise<void>;

/** What a person decides after the sign-in: the organisation to act for and the terms of use. */
export class SignInChoices {
  readonly #sessions: Sessions;
  readonly #terms: TermsAcceptances;
  readonly #termsVersion: string;

  constructor(parts: { sessions: Sessions; terms: TermsAcceptances; termsVersion: string }) {
    this.#sessions = parts.sessions;
    this.#terms = parts.terms;
    this.#termsVersion = parts.termsVersion;
  }

  /** Sets the organisation that drives rights (L-64); throws `profile-organization-mismatch` for a foreign one (L-51). */
  async organization(session: SessionFacts, oid: string, within?: WithinChange): Promise<void> {
    if (session.kind !== "worker") throw new GatewayError("worker-session-required");
    const organization = session.organizations.find((candidate) => candidate.oid === oid);
    if (!organization) throw new GatewayError("profile-organization-mismatch", { field: "oid" });
    await this.#sessions.change(session, (facts) => ({ ...facts, organization }), within);
  }

  /** Accepts the terms in force (L-36); throws `version-conflict` when the person has read another version. */
  async terms(session: SessionFacts, version: string, within?: WithAcceptance): Promise<number> {
    if (version !== this.#termsVersion) throw new GatewayError("version-conflict", { field: "version" });
    let at = 0;
    const accept = (facts: SessionFacts) => ({ ...facts, termsVersion: version });
    await this.#sessions.change(session, accept, async (trx, forgotten) => {
      at = await this.#terms.accept(trx, session.owner, version);
      await within?.(trx, forgotten, at);
    });
    return at;
  }
}
