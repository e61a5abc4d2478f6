import type { Kysely } from "kysely";
import { actorOf, type SessionFacts } from "../../access/session-facts.ts";
import { sessionOwnerOf } from "../../access/session-owner.ts";
import type { Sessions } from "../../access/sessions.ts";
import type { Clock } from "../../core/clock.ts";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import { moscowMoment } from "../../core/moscow-time.ts";
import type { Keyring } from "../../crypto/keyring.ts";
import type { ClaimOnce } from "../../store/once.ts";
import type { Schema } from "../../store/schema.ts";
import type { SessionKind } from "../../store/sessions.ts";
import type { SignIns } from "../../store/sign-ins.ts";
import type { TermsAcceptances } from "../../store/terms.ts";
import type { IdentityProvider, SignedIn } from "../../systems/esia/identity-provider.ts";
import type { Notices } from "../../systems/notify/notices.ts";
import type { Identities } from "../identities.ts";
import { personKind } from "../person-ids.ts";
import { contactOf } from "../recipient.ts";
import { admittedSnils } from "./account.ts";
import { requireState, type SignInTicket, Tickets, ticketSeconds } from "./ticket.ts";
import type { WorkerStatuses } from "./worker-status.ts";

export interface SignInParts {
  provider: IdentityProvider;
  statuses: WorkerStatuses;
  sessions: Sessions;
  signIns: SignIns;
  notices: Pick<Notices, "send">;
  terms: TermsAcceptances;
  identities: Identities;
  claimOnce: ClaimOnce;
  keyring: Keyring;
  clock: Clock;
  /** registered at ESIA */
  redirectUri: string;
  termsVersion: string;
  requiredAmr: readonly string[];
  stepUpSeconds: number;
}

/** What came back to the redirect address. */
export interface Callback {
  /** the sealed ticket */
  cookie: string | undefined;
  code?: string;
  state?: string;
  error?: string;
  error_description?: string;
  /** RFC 9207 */
  iss?: string;
}

/** Where the browser that signs in is. */
export interface Device {
  hash: string;
  browser: string;
  address: string;
}

/** A step of the audit trail (L-26, L-54, V-13); the actor is that of the context. */
export interface Step {
  action: "authenticated" | "identity-verified" | "second-factor-assumed" | "sign-in" | "step-up";
  resourceType?: string;
  resourceId?: string;
  ground?: string;
}

export interface Entered {
  token: string;
  returnTo: string;
  facts: SessionFacts;
  newDevice: boolean;
}

interface Admitted {
  account: SignedIn;
  owner: string;
  kind: SessionKind;
  facts: Omit<SessionFacts, "id" | "kind" | "owner">;
}

/** Sign-in through ESIA: from the button to the session. */
export class SignIn {
  readonly #parts: SignInParts;
  readonly tickets: Tickets;

  constructor(parts: SignInParts) {
    this.#parts = parts;
    this.tickets = new Tickets(parts);
  }

  /** The address at ESIA to go to, and the sealed ticket for the browser to carry. */
  async start(
    purpose: Omit<SignInTicket, "state" | "startedAt">,
    extra?: Readonly<Record<string, string>>,
  ): Promise<{ url: string; cookie: string }> {
    const ticket = this.tickets.make(purpose);
    const { provider, redirectUri } = this.#parts;
    const url = await provider.authorizationUrl({
      state: ticket.state,
      redirectUri,
      ...(extra && { extra }),
    });
    return { url, cookie: this.tickets.seal(ticket) };
  }

  /** Ends a sign-in with a session, or throws the GatewayError that says why not. */
  async complete(
    callback: Callback,
    device: Device,
    ctx: RequestContext,
    record: (step: Step) => Promise<void>,
  ): Promise<Entered> {
    const ticket = await this.#claimed(callback);
    const account = await this.#account(callback, ctx);
    const admitted = await this.#admitted(account, ticket, ctx);
    const entered = await this.#open(admitted, ticket, device);
    ctx.actor = actorOf(entered.facts);
    try {
      await this.#record(entered.facts, ticket, record);
    } catch (error) {
      // who can't be written down does not enter
      await this.#parts.sessions.end(entered.facts);
      throw error;
    }
    if (ticket.stepUp) await this.#parts.sessions.end({ id: ticket.stepUp.sessionId });
    return entered;
  }

  async #claimed({ cookie, state }: Callback): Promise<SignInTicket> {
    const ticket = this.tickets.open(cookie);
    requireState(ticket, state);
    const until = ticket.startedAt + ticketSeconds * 1000;
    if (!(await this.#parts.claimOnce("sign-in-state", ticket.state, until)))
      throw new GatewayError("sign-in-state-rejected", { detail: "the state was used before" });
    return ticket;
  }

  #account(callback: Callback, ctx: RequestContext): Promise<SignedIn> {
    const { provider, redirectUri } = this.#parts;
    const { code, error, error_description: description, iss } = callback;
    if (error !== undefined) throw provider.refusal({ error, ...(description && { description }) });
    if (!code) throw new GatewayError("bad-request", { field: "code" });
    return provider.signIn({ code, redirectUri, ...(iss && { iss }) }, ctx);
  }

  async #admitted(account: SignedIn, ticket: SignInTicket, ctx: RequestContext): Promise<Admitted> {
    const { keyring, terms, requiredAmr, termsVersion } = this.#parts;
    const snils = admittedSnils(account, requiredAmr);
    const owner = sessionOwnerOf(keyring, snils);
    this.#checkStepUp(account, ticket, owner);
    const { kind } = ticket;
    const standing = await this.#standing({ kind, snils, owner, account }, ctx);
    const accepted = await terms.acceptedAt(owner, termsVersion);
    const facts = {
      ...standing,
      subject: account.subject,
      name: account.person.name?.[0]?.text ?? "",
      person: account.person,
      confirmed: account.confirmed,
      authTime: account.authTime,
      amr: account.amr,
      ...(accepted !== undefined && { termsVersion }),
      esia: {
        sid: account.sid,
        expiresAt: account.expiresAt,
        ...(account.refreshToken && { refreshToken: account.refreshToken }),
      },
    };
    return { account, owner, kind, facts };
  }

  #checkStepUp(account: SignedIn, { stepUp }: SignInTicket, owner: string): void {
    if (!stepUp) return;
    const { clock, stepUpSeconds } = this.#parts;
    if (stepUp.owner !== owner)
      throw new GatewayError("step-up-required", { detail: "another person logged in" });
    if (clock.now() - account.authTime > stepUpSeconds * 1000)
      throw new GatewayError("step-up-required", { detail: "ESIA did not ask for a new login" });
  }

  async #standing(
    who: { kind: SessionKind; snils: string; owner: string; account: SignedIn },
    ctx: RequestContext,
  ): Promise<Pick<SessionFacts, "personId" | "organizations" | "organization" | "registry">> {
    const { identities, statuses } = this.#parts;
    const { kind, snils, owner, account } = who;
    if (kind === "citizen") return { personId: await identities.idOf(personKind, snils), organizations: [] };
    const { person, roles } = account;
    const status = await statuses.of({ snils, owner, person, roles }, ctx);
    const { practitionerId: personId, organizations, registry } = status;
    const [first, ...others] = organizations;
    const only = first && others.length === 0 ? { organization: first } : {};
    return { personId, organizations, registry, ...only };
  }

  async #open({ account, owner, kind, facts }: Admitted, ticket: SignInTicket, device: Device) {
    const { sessions, signIns, clock } = this.#parts;
    const { hash: deviceHash, address, browser } = device;
    const { id, token } = await sessions.open({ owner, kind, deviceHash }, facts);
    const circumstances = { address, browser, kind, amr: account.amr, secondFactor: "assumed" } as const;
    const opened = { ...facts, id, kind, owner };
    const at = clock.now();
    const newDevice = await signIns.record({ sessionId: id, owner, at, deviceHash, circumstances }, (trx) =>
      this.#tellOfDevice(trx, opened, { at, browser }),
    );
    return { token, returnTo: ticket.returnTo, newDevice, facts: opened };
  }

  async #tellOfDevice(trx: Kysely<Schema>, session: SessionFacts, seen: { at: number; browser: string }) {
    const to = contactOf(session.person);
    if (!to) return;
    const parameters = { at: moscowMoment(seen.at), browser: seen.browser };
    const { tenant } = actorOf(session);
    await this.#parts.notices.send(trx, { to, kind: "new-device", parameters, id: session.id, tenant });
  }

  async #record(
    { id, kind, amr, registry }: SessionFacts,
    { stepUp }: SignInTicket,
    record: (step: Step) => Promise<void>,
  ): Promise<void> {
    const ground = `amr=${/^[\w .-]{1,40}$/.test(amr) ? amr : "unreadable"}`;
    const session = { resourceType: "Session", resourceId: id };
    const verified: Step = { action: "identity-verified", ground: registryGround(kind, registry) };
    const steps: Step[] = [
      { action: "authenticated", ground },
      verified,
      { action: "second-factor-assumed", ground },
      { action: stepUp ? "step-up" : "sign-in", ...session, ground },
    ];
    // one group of the journal, in this order
    await Promise.all(steps.map(record));
  }
}

function registryGround(kind: SessionKind, registry: SessionFacts["registry"]): string {
  if (kind === "citizen") return "esia";
  return registry?.fresh ? "esia frmr" : "esia frmr-earlier";
}
