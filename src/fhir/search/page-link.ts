import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Clock } from "../../core/clock.ts";
import type { Actor } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Keyring } from "../../crypto/keyring.ts";
import type { Position } from "../provider.ts";

/** A search as it was asked, and where in it a page begins. */
export interface LinkedPage {
  /** `Observation`, `Patient/1/Observation`, or nothing for the whole system */
  path: string;
  query: readonly (readonly [name: string, value: string])[];
  lenient: boolean;
  position: Position;
}

const domain = "search-page";
const lifeMs = 10 * 60_000;
// what proxies let pass in an address
const longestToken = 7_000;
const longestText = 100_000;

/**
 * Links to pages of a search. A link holds the whole query, personal values too, so it is sealed; it works for the
 * caller and the scopes that it was given to, for ten minutes (docs/decisions/003).
 */
export class PageLinks {
  readonly #keyring: Keyring;
  readonly #clock: Clock;

  constructor({ keyring, clock }: { keyring: Keyring; clock: Clock }) {
    this.#keyring = keyring;
    this.#clock = clock;
  }

  /** The value of `_page`; throws `search-too-broad` for a query that no address could carry. */
  seal(page: LinkedPage, actor: Actor): string {
    const { path, query, lenient, position } = page;
    const text = JSON.stringify([path, query, lenient, position, this.#clock.now() + lifeMs]);
    const sealed = this.#keyring.seal(domain, deflateRawSync(text), authorityOf(actor));
    const token = Buffer.from(sealed).toString("base64url");
    if (token.length > longestToken)
      throw new GatewayError("search-too-broad", { detail: "the query is too long for links to its pages" });
    return token;
  }

  /** Throws `page-link-rejected` for what was not sealed for this caller, `page-expired` for an old link. */
  open(token: string, actor: Actor): LinkedPage {
    const [path, query, lenient, position, expiresAt] = this.#opened(token, actor);
    if (expiresAt < this.#clock.now()) throw new GatewayError("page-expired", { field: "_page" });
    return { path, query, lenient, position };
  }

  #opened(token: string, actor: Actor): [string, LinkedPage["query"], boolean, Position, number] {
    try {
      if (token.length > longestToken) throw new RangeError("longer than any link");
      const sealed = this.#keyring.open(domain, Buffer.from(token, "base64url"), authorityOf(actor));
      return JSON.parse(inflateRawSync(sealed, { maxOutputLength: longestText }).toString());
    } catch (cause) {
      throw new GatewayError("page-link-rejected", { field: "_page", cause });
    }
  }
}

/** Who asks, for whom and with which scopes: what is sealed or kept for one caller is given to nobody else. */
export const authorityOf = ({ kind, id, tenant, role, onBehalfOf, scopes }: Actor): string =>
  JSON.stringify([kind, id, tenant, role, onBehalfOf, [...scopes].sort()]);
