import { randomUUID } from "node:crypto";
import type { Kysely } from "kysely";
import type { SessionFacts } from "../../access/session-facts.ts";
import type { Clock } from "../../core/clock.ts";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import { sharedTenant } from "../../core/shared-tenant.ts";
import { consentsNaming } from "../../store/access-facts.ts";
import type { CodeVerdict, OneTimeCodes } from "../../store/one-time-codes.ts";
import { codeLimits } from "../../store/one-time-codes.ts";
import type { Schema } from "../../store/schema.ts";
import type { Notices } from "../../systems/notify/notices.ts";
import { recipientOf } from "../recipient.ts";
import { codeRefusal, type SentCode } from "../sent-code.ts";
import type { ConsentStore, VersionedConsent } from "./consent-store.ts";
import { type ConsentTerms, type Grantee, requireFitting, type StoredConsent } from "./consent-terms.ts";
import { consentText } from "./consent-text.ts";

export interface ConsentsParts {
  db: Kysely<Schema>;
  store: ConsentStore;
  codes: OneTimeCodes;
  notices: Notices;
  clock: Clock;
  /** the grantee with names; throws `grantee-inactive`, `organization-not-found` and what the registries throw */
  knownGrantee(grantee: Grantee, ctx: RequestContext): Promise<Grantee>;
  /** resolves when no replica gives a decision of before */
  forgetDecisions(patient: string): Promise<void>;
}

/** Takes part in the transaction of a deed, with what came of it. */
export type Within<T> = (trx: Kysely<Schema>, outcome: T) => Promise<void>;

export interface PreparedConsent {
  consent: StoredConsent;
  code: SentCode;
}

type Giver = Pick<SessionFacts, "owner" | "personId" | "person">;

/** What a person answers to a code. */
export interface EnteredCode {
  /** of the consent */
  id: string;
  code: string;
  within: Within<StoredConsent>;
}

type Step = { from: "draft"; to: "active" } | { from: "active"; to: "inactive" };

const mostConsents = 200;

/** A permission is the cabinet's own work with the patient's data, so it rests on the consent to their processing. */
const restsOnProcessing = ({ kind, decision }: ConsentTerms): boolean =>
  kind === "access" && decision === "permit";

/** A patient's consents: prepared, confirmed by a code, withdrawn by a code (M-25, M-26, Z-26). */
export class Consents {
  readonly #parts: ConsentsParts;

  constructor(parts: ConsentsParts) {
    this.#parts = parts;
  }

  /** Writes the text down and sends the code; nothing holds yet. The caller has asked decide(). */
  async prepare(
    giver: Giver,
    asked: ConsentTerms,
    { ctx, within }: { ctx: RequestContext; within: Within<PreparedConsent> },
  ): Promise<PreparedConsent> {
    const { store, clock, knownGrantee } = this.#parts;
    const now = clock.now();
    requireFitting(asked, now);
    const to = recipientOf(giver.person);
    const grantee = asked.grantee && (await knownGrantee(asked.grantee, ctx));
    const terms = { ...asked, ...(grantee && { grantee }) };
    const consent: StoredConsent = {
      ...terms,
      id: randomUUID(),
      status: "draft",
      grantor: giver.personId,
      text: consentText(terms),
      preparedAt: now,
    };
    return store.transaction(async (trx) => {
      await this.#requireProcessing(trx, terms);
      await store.put(trx, consent, 0);
      const code = await this.#sendCode(trx, { owner: giver.owner, consent, to });
      await within(trx, { consent, code });
      return { consent, code };
    });
  }

  /** Sends another code: to confirm a draft, or to withdraw an active consent. Throws `consent-settled`. */
  async resend(giver: Giver, consent: StoredConsent, within: Within<SentCode>): Promise<SentCode> {
    if (consent.status === "inactive") throw new GatewayError("consent-settled");
    const to = recipientOf(giver.person);
    return this.#parts.store.transaction(async (trx) => {
      const code = await this.#sendCode(trx, { owner: giver.owner, consent, to });
      await within(trx, code);
      return code;
    });
  }

  /** The consent holds on every replica when this resolves. Throws `code-*` and `consent-settled`. */
  async confirm(giver: Giver, entered: EnteredCode): Promise<StoredConsent> {
    return this.#settle(giver, entered, { from: "draft", to: "active" });
  }

  /** What it opened is closed on every replica when this resolves. Throws `code-*` and `consent-settled`. */
  async withdraw(giver: Giver, entered: EnteredCode): Promise<StoredConsent> {
    return this.#settle(giver, entered, { from: "active", to: "inactive" });
  }

  /** Throws `not-found`. */
  async find(id: string): Promise<VersionedConsent> {
    const found = await this.#parts.store.find(id);
    if (!found) throw new GatewayError("not-found", { field: "id" });
    return found;
  }

  /** A patient's consents, newest first. */
  async about(patient: string): Promise<StoredConsent[]> {
    const found = await this.#parts.store.about(patient, { limit: mostConsents });
    return found.map(({ consent }) => consent).sort((one, other) => other.preparedAt - one.preparedAt);
  }

  /** Permissions in force that name a worker or their organisation, newest first. */
  async naming(person: string, organization: string): Promise<StoredConsent[]> {
    const { db, store, clock } = this.#parts;
    const rows = await consentsNaming(db, { person, organization }, { at: clock.now(), limit: mostConsents });
    return store.byIds(rows.map(({ id }) => id));
  }

  async #settle(giver: Giver, entered: EnteredCode, step: Step): Promise<StoredConsent> {
    const { store, forgetDecisions } = this.#parts;
    const settled = await store.transaction(async (trx) => {
      const outcome = await this.#settled(trx, giver, entered, step);
      // returned, not thrown: what was counted must be kept
      if (typeof outcome !== "string") await entered.within(trx, outcome);
      return outcome;
    });
    if (typeof settled === "string") throw codeRefusal(settled);
    await forgetDecisions(settled.patient.id);
    return settled;
  }

  async #settled(
    trx: Kysely<Schema>,
    giver: Giver,
    { id, code }: EnteredCode,
    { from, to }: Step,
  ): Promise<StoredConsent | CodeVerdict> {
    const { store, codes } = this.#parts;
    const found = await store.find(id, trx);
    if (!found) throw new GatewayError("not-found", { field: "id" });
    // done before, but perhaps not yet on every replica
    if (found.consent.status === to) return found.consent;
    if (found.consent.status !== from) throw new GatewayError("consent-settled");
    const use = { owner: giver.owner, purpose: purposes[from], target: id };
    const verdict = await codes.check(trx, use, code);
    return verdict === "right" ? this.#move(trx, giver, found, to) : verdict;
  }

  async #move(
    trx: Kysely<Schema>,
    giver: Giver,
    { consent, version }: VersionedConsent,
    to: "active" | "inactive",
  ): Promise<StoredConsent> {
    const { store, clock, notices } = this.#parts;
    const at = clock.now();
    if (to === "active") await this.#requireProcessing(trx, consent);
    const moved = { ...consent, status: to, ...(to === "active" ? { grantedAt: at } : { withdrawnAt: at }) };
    await store.put(trx, moved, version);
    if (to === "inactive" && consent.kind === "processing") await this.#withdrawResting(trx, moved, at);
    await notices.send(trx, {
      to: recipientOf(giver.person),
      kind: to === "active" ? "consent-granted" : "consent-withdrawn",
      parameters: {},
      id: `consent ${consent.id} ${to}`,
      tenant: sharedTenant,
    });
    return moved;
  }

  async #withdrawResting(trx: Kysely<Schema>, { patient }: StoredConsent, at: number): Promise<void> {
    const { store } = this.#parts;
    for (const { consent, version } of await store.about(patient.id, { db: trx }))
      if (consent.status === "active" && restsOnProcessing(consent))
        await store.put(trx, { ...consent, status: "inactive", withdrawnAt: at }, version);
  }

  async #requireProcessing(trx: Kysely<Schema>, terms: ConsentTerms): Promise<void> {
    if (!restsOnProcessing(terms)) return;
    const row = await trx
      .selectFrom("consent_fact")
      .select("id")
      .where("patient", "=", terms.patient.id)
      .where("kind", "=", "processing")
      .limit(1)
      .executeTakeFirst();
    if (!row) throw new GatewayError("processing-consent-required");
  }

  async #sendCode(
    trx: Kysely<Schema>,
    { owner, consent, to }: { owner: string; consent: StoredConsent; to: SentCode["to"] },
  ): Promise<SentCode> {
    const { codes, notices } = this.#parts;
    const from = consent.status === "draft" ? "draft" : "active";
    const use = { owner, purpose: purposes[from], target: consent.id };
    const { code, expiresAt, resendAt } = await codes.issue(trx, use);
    await notices.send(trx, {
      to,
      kind: from === "draft" ? "consent-code" : "withdrawal-code",
      parameters: { code, minutes: codeLimits.lifeMs / 60_000 },
      id: `code ${consent.id} ${expiresAt}`,
      tenant: sharedTenant,
      validUntil: expiresAt,
    });
    return { to, expiresAt, resendAt };
  }
}

const purposes = { draft: "consent-grant", active: "consent-withdrawal" } as const;
