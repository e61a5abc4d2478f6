import type { Consent } from "@medplum/fhirtypes";
import { type Kysely, sql } from "kysely";
import { identifierSystem } from "../../core/canonical.ts";
import { sharedTenant } from "../../core/shared-tenant.ts";
import type { SearchParameter } from "../../fhir/provider.ts";
import type { SharedType } from "../../fhir/repository-query.ts";
import type { SearchIndex } from "../../fhir/search/search-index.ts";
import { resourceOf } from "../../fhir/stored-content.ts";
import { type ConsentRow, patientsOf, replaceConsentFact } from "../../store/access-facts.ts";
import type { ResourceStore } from "../../store/resources.ts";
import type { Schema } from "../../store/schema.ts";
import { fromConsent, toConsent } from "./consent-resource.ts";
import type { StoredConsent } from "./consent-terms.ts";

// a person's consents are theirs in every organisation
export const consentPlace = { tenant: sharedTenant, type: "Consent" } as const;
const { tenant, type } = consentPlace;

const actorParameter: SearchParameter = { name: "actor", type: "reference", documentation: "whom it names" };

/** How other tenants find them, once they were confirmed: by whom they name, or those that concern who asks. */
export const givenConsents: SharedType = {
  ...consentPlace,
  subjectBy: "patient",
  foundBy: ["_id", "patient", "consentor", "actor"],
  leastVersion: 2,
  reachOf: ({ kind, id, onBehalfOf, organization = "" }) => {
    const person = kind === "client" ? onBehalfOf : id;
    if (person === undefined) return undefined;
    return {
      criteria: [{ parameter: actorParameter, values: [`Practitioner/${person}`] }],
      // what names a colleague, too, is the colleague's
      identified: [
        {
          parameter: actorParameter,
          modifier: "identifier",
          values: [`${identifierSystem.oid}|urn:oid:${organization}`],
        },
      ],
      subjects: (at) => patientsOf({ person, organization }, { at, type }),
    };
  },
};

const earlierAtOnce = 200;

/** A consent with the version that was read, for the next one to follow it. */
export interface VersionedConsent {
  consent: StoredConsent;
  version: number;
}

/** Consents as FHIR resources, each with its fact for decide() and its place in the search, in the same transaction. */
export class ConsentStore {
  readonly #db: Kysely<Schema>;
  readonly #resources: ResourceStore;
  readonly #index: SearchIndex;

  constructor(parts: { db: Kysely<Schema>; resources: ResourceStore; index: SearchIndex }) {
    this.#db = parts.db;
    this.#resources = parts.resources;
    this.#index = parts.index;
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
    const change = { tenant, type, id, content, subject: patient.id, ifVersion: version };
    const stored = await this.#resources.put(trx, change);
    if (stored.version >= givenConsents.leastVersion)
      await this.#index.write(trx, { tenant, type, id }, resourceOf(stored));
    await replaceConsentFact(trx, { tenant, id }, consent.status === "active" ? factOf(consent) : undefined);
  }

  /** Puts into the search, in small steps, what was given or withdrawn by an edition that did not do so itself. */
  async indexEarlier(signal: AbortSignal): Promise<void> {
    for (let after = ""; !signal.aborted; ) {
      const rows = await this.#db
        .selectFrom("resource")
        .select(["id", "last_updated"])
        .where("tenant", "=", tenant)
        .where("type", "=", type)
        .where("version", ">=", givenConsents.leastVersion)
        .where("id", ">", after)
        .orderBy("id")
        .limit(earlierAtOnce)
        .execute();
      const ids = rows.map(({ id }) => id);
      const indexed = await this.#index.updatedOf(this.#db, consentPlace, ids);
      for (const { id, last_updated } of rows) if (indexed.get(id) !== last_updated) await this.#indexOne(id);
      const last = ids.at(-1);
      if (last === undefined || ids.length < earlierAtOnce) return;
      after = last;
    }
  }

  #indexOne(id: string): Promise<void> {
    return this.transaction(async (trx) => {
      // a version that is being written indexes itself, after this one
      await sql`select from resource where (tenant, type, id) = (${tenant}, ${type}, ${id}) for update`.execute(
        trx,
      );
      const [stored] = await this.#resources.byIds(trx, { tenant, type, ids: [id] });
      if (stored) await this.#index.write(trx, { tenant, type, id }, resourceOf(stored));
    });
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
