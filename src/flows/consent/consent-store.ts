import type { Consent } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import { type ConsentRow, replaceConsentFact } from "../../store/access-facts.ts";
import type { ResourceStore } from "../../store/resources.ts";
import type { Schema } from "../../store/schema.ts";
import { fromConsent, toConsent } from "./consent-resource.ts";
import type { StoredConsent } from "./consent-terms.ts";

// a person's consents are theirs in every organisation
export const consentPlace = { tenant: "shared", type: "Consent" } as const;
const { tenant, type } = consentPlace;

/** A consent with the version that was read, for the next one to follow it. */
export interface VersionedConsent {
  consent: StoredConsent;
  version: number;
}

/** Consents as FHIR resources, each with its fact for decide() in the same transaction. */
export class ConsentStore {
  readonly #db: Kysely<Schema>;
  readonly #resources: ResourceStore;

  constructor(parts: { db: Kysely<Schema>; resources: ResourceStore }) {
    this.#db = parts.db;
    this.#resources = parts.resources;
  }

  transaction<T>(work: (trx: Kysely<Schema>) => Promise<T>): Promise<T> {
    return this.#db.transaction().execute(work);
  }

  /** Undefined for an id that no consent has. */
  async find(id: string, db = this.#db): Promise<VersionedConsent | undefined> {
    const stored = await this.#resources.get(db, { tenant, type, id });
    if (!stored?.content) return undefined;
    return { consent: fromConsent(stored.content as Consent), version: stored.version };
  }

  /** Of a patient, newest first. */
  async about(
    patient: string,
    { limit, db = this.#db }: { limit?: number; db?: Kysely<Schema> } = {},
  ): Promise<VersionedConsent[]> {
    const stored = await this.#resources.about(db, { tenant, type, subject: patient, limit });
    return stored.map(({ content, version }) => ({ consent: fromConsent(content as Consent), version }));
  }

  /** In the order of the ids. */
  async byIds(ids: readonly string[]): Promise<StoredConsent[]> {
    const stored = await this.#resources.byIds(this.#db, { tenant, type, ids });
    return stored.map(({ content }) => fromConsent(content as Consent));
  }

  /** Writes the next version; throws `version-conflict` when another one was written meanwhile. */
  async put(trx: Kysely<Schema>, consent: StoredConsent, version: number): Promise<void> {
    const content = toConsent(consent);
    const { id, patient } = consent;
    await this.#resources.put(trx, { tenant, type, id, content, subject: patient.id, ifVersion: version });
    await replaceConsentFact(trx, { tenant, id }, consent.status === "active" ? factOf(consent) : undefined);
  }
}

function factOf(consent: StoredConsent): Omit<ConsentRow, "tenant" | "id"> {
  const { kind, decision, patient, rights, grantee, types, labels, from, until } = consent;
  return {
    kind,
    decision,
    patient: patient.id,
    rights: [...rights],
    practitioner: grantee?.practitioner?.id ?? null,
    organization: grantee?.organization?.id ?? null,
    booked: grantee?.booked ?? false,
    types: types ? [...types] : null,
    labels: labels ? [...labels] : null,
    starts_at: from ?? null,
    ends_at: until ?? null,
    granted_at: consent.grantedAt ?? consent.preparedAt,
  };
}
