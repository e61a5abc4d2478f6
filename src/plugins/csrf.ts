import { timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";
import type { SessionFacts } from "../access/session-facts.ts";
import { GatewayError } from "../core/errors.ts";
import type { Keyring } from "../crypto/keyring.ts";

/**
 * Changes in a person's name must come from our own pages: by Origin or Sec-Fetch-Site, and by a header that no
 * foreign page can set without our leave (`X-Requested-With`), or the token of one of our forms.
 */
export class CsrfGuard {
  readonly #keyring: Keyring;
  readonly #origin: string;

  constructor(keyring: Keyring, publicUrl: string) {
    this.#keyring = keyring;
    this.#origin = new URL(publicUrl).origin;
  }

  /** The value of a form's hidden field `csrf`. */
  tokenOf({ id }: Pick<SessionFacts, "id">): string {
    return this.#keyring.hmac("csrf", id);
  }

  /** Throws `csrf-rejected` for a change that did not come from our own page. */
  check(request: FastifyRequest, session: Pick<SessionFacts, "id">): void {
    if (!this.#isOwnOrigin(request))
      throw new GatewayError("csrf-rejected", { detail: "Origin is not this gateway" });
    const isMarked = request.headers["x-requested-with"] !== undefined;
    if (!isMarked && !this.#hasToken(request, session))
      throw new GatewayError("csrf-rejected", { detail: "send X-Requested-With or the form's token" });
  }

  // no page can set Sec-Fetch-Site; browsers of before 2023 send Origin alone
  #isOwnOrigin({ headers }: FastifyRequest): boolean {
    const site = headers["sec-fetch-site"];
    return site === undefined ? headers.origin === this.#origin : site === "same-origin";
  }

  #hasToken({ body }: FastifyRequest, session: Pick<SessionFacts, "id">): boolean {
    const given = Buffer.from(String((body as { csrf?: unknown } | undefined)?.csrf ?? ""));
    const right = Buffer.from(this.tokenOf(session));
    return given.length === right.length && timingSafeEqual(given, right);
  }
}
