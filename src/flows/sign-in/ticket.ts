import { randomUUID, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Keyring } from "../../crypto/keyring.ts";
import type { SessionKind } from "../../store/sessions.ts";

/** A sign-in under way; the browser carries it sealed. */
export interface SignInTicket {
  state: string;
  kind: SessionKind;
  /** path on this gateway */
  returnTo: string;
  /** clock milliseconds */
  startedAt: number;
  /** the session whose person logs in again (L-60) */
  stepUp?: { sessionId: string; owner: string };
}

export const ticketSeconds = 600;
const domain = "sign-in";

/** Tickets of sign-ins: made, sealed for a cookie and checked against the state that came back. */
export class Tickets {
  readonly #keyring: Keyring;
  readonly #clock: Clock;

  constructor(parts: { keyring: Keyring; clock: Clock }) {
    this.#keyring = parts.keyring;
    this.#clock = parts.clock;
  }

  /** A ticket with a fresh random state; ESIA wants a UUID there. */
  make(purpose: Omit<SignInTicket, "state" | "startedAt">): SignInTicket {
    return { ...purpose, state: randomUUID(), startedAt: this.#clock.now() };
  }

  seal(ticket: SignInTicket): string {
    return Buffer.from(this.#keyring.seal(domain, Buffer.from(JSON.stringify(ticket)))).toString("base64url");
  }

  /** The ticket of a cookie; throws `auth-cookies-disabled`, `sign-in-state-rejected` or `sign-in-state-expired`. */
  open(cookie: string | undefined): SignInTicket {
    if (!cookie) throw new GatewayError("auth-cookies-disabled");
    const ticket = this.#unsealed(cookie);
    if (ticket.startedAt + ticketSeconds * 1000 <= this.#clock.now())
      throw new GatewayError("sign-in-state-expired");
    return ticket;
  }

  #unsealed(cookie: string): SignInTicket {
    try {
      const plain = this.#keyring.open(domain, Buffer.from(cookie, "base64url"));
      return JSON.parse(Buffer.from(plain).toString("utf8")) as SignInTicket;
    } catch (cause) {
      throw new GatewayError("sign-in-state-rejected", { detail: "the cookie was not made here", cause });
    }
  }
}

/** Compares in constant time; throws `sign-in-state-rejected`. */
export function requireState(ticket: SignInTicket, state: string | undefined): void {
  const [given, right] = [Buffer.from(state ?? ""), Buffer.from(ticket.state)];
  if (given.length !== right.length || !timingSafeEqual(given, right))
    throw new GatewayError("sign-in-state-rejected", { field: "state" });
}

/** A path on this gateway to return to; throws `auth-redirect-rejected` for anything that could lead elsewhere. */
export function returnPath(text: string | undefined, publicUrl: string, usual: string): string {
  if (text === undefined || text === "") return usual;
  // browsers read a backslash as a slash and drop tabs and line breaks
  const isPath = /^\/(?!\/)[\x21-\x5b\x5d-\x7e]*$/.test(text) && text.length <= 512;
  if (!isPath || new URL(text, publicUrl).origin !== new URL(publicUrl).origin)
    throw new GatewayError("auth-redirect-rejected", {
      field: "returnTo",
      detail: "not a path of this site",
    });
  return text;
}
