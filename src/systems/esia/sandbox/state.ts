import { randomBytes, randomUUID } from "node:crypto";
import type { Clock } from "../../../core/clock.ts";
import type { Logger } from "../../../core/logger.ts";
import type { Person, World } from "../../sandbox-world.ts";
import type { ClientRegistry, EsiaClient } from "./clients.ts";
import { ExpiringMap } from "./expiring-map.ts";
import { LoginGuard } from "./login-guard.ts";
import type { TokenKeys } from "./token-keys.ts";
import type { Grant } from "./tokens.ts";

/** A checked request of a system that waits for its person. */
export interface AuthorizationRequest {
  id: string;
  client: EsiaClient;
  scope: string;
  scopeOrg: string;
  state: string;
  redirectUri: string;
  offline: boolean;
  /** only confirmed accounts may enter (person_filter) */
  confirmedOnly: boolean;
  challenge?: { value: string; method: string };
  /** the sandbox's own wish: a one-time code after the password */
  otp: boolean;
  /** another wish of the sandbox: how the person proves who they are */
  amr: Grant["amr"];
  /** the person whose password was right and whose code is awaited */
  awaiting?: string;
}

/** One browser at ESIA; after a sign-in it answers every system without asking again. */
export interface BrowserSession {
  id: string;
  sid: string;
  person?: string;
  authTime: number;
  amr: Grant["amr"];
  requests: Map<string, AuthorizationRequest>;
}

export interface IssuedCode extends Grant {
  redirectUri: string;
  challenge?: { value: string; method: string };
}

/** What an access token opens; kept after its end, so that an expired token is told from a false one. */
export interface Bearer {
  /** absent in a token of a system itself */
  oid?: string;
  scopes: readonly string[];
  until: number;
}

const codeLifeMs = 3 * 60_000;
const sessionLifeMs = 8 * 3_600_000;
const tokenMemoryMs = 24 * 3_600_000;
const refreshLifeMs = 30 * 24 * 3_600_000;

/** All that ESIA remembers, in memory; `base` is its own address, known when it listens. */
export class EsiaState {
  base = "";
  readonly clock: Clock;
  readonly logger: Logger;
  readonly world: World;
  readonly clients: ClientRegistry;
  readonly keys: TokenKeys;
  readonly guard: LoginGuard;
  readonly sessions: ExpiringMap<BrowserSession>;
  readonly codes: ExpiringMap<IssuedCode>;
  readonly refreshTokens: ExpiringMap<IssuedCode>;
  readonly bearers: ExpiringMap<Bearer>;

  constructor(
    clients: ClientRegistry,
    keys: TokenKeys,
    around: { clock: Clock; logger: Logger; world: World },
  ) {
    this.clock = around.clock;
    this.logger = around.logger;
    this.world = around.world;
    this.clients = clients;
    this.keys = keys;
    this.guard = new LoginGuard(around.clock);
    this.sessions = new ExpiringMap(around.clock, sessionLifeMs);
    this.codes = new ExpiringMap(around.clock, codeLifeMs);
    this.refreshTokens = new ExpiringMap(around.clock, refreshLifeMs);
    this.bearers = new ExpiringMap(around.clock, tokenMemoryMs);
  }

  /** http and a slash at the end, as ESIA's own tokens have it */
  get issuer(): string {
    return `${this.base}/`;
  }

  /** Whom a person means by a login: СНИЛС, phone, e-mail in any letter case, or the persona's name in its own. */
  personByLogin(login: string): Person | undefined {
    const digits = login.replace(/[\s()+-]/g, "");
    return [...this.world.people.values()].find(
      ({ id, snils, email, phone }) =>
        id === login ||
        email?.toLowerCase() === login.toLowerCase() ||
        (digits && [snils, phone?.slice(1)].includes(digits)),
    );
  }

  personByOid(oid: string): Person | undefined {
    return [...this.world.people.values()].find((person) => person.esia.oid === oid);
  }

  newSession(): BrowserSession {
    const session: BrowserSession = {
      id: randomBytes(32).toString("base64url"),
      sid: randomUUID(),
      authTime: 0,
      amr: "PWD",
      requests: new Map(),
    };
    this.sessions.set(session.id, session);
    return session;
  }

  /** Signs a person in; the session gets a new id, so that one planted before the sign-in is worth nothing. */
  signIn(session: BrowserSession, person: string, amr: Grant["amr"]): BrowserSession {
    this.sessions.delete(session.id);
    const next = {
      ...this.newSession(),
      person,
      amr,
      authTime: this.clock.now(),
      requests: session.requests,
    };
    this.sessions.set(next.id, next);
    return next;
  }
}
