import type { Resource } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import { GatewayError } from "../core/errors.ts";
import { tenantsWith } from "../store/data-keys.ts";
import type { ResourceStore } from "../store/resources.ts";
import type { Schema } from "../store/schema.ts";

/** What an organisation stores about a person. */
export interface OwnRecord {
  /** ФРМО OID of the organisation */
  tenant: string;
  /** clock milliseconds */
  lastUpdated: number;
  resource: Resource;
}

interface OwnRecordsParts {
  db: Kysely<Schema>;
  resources: ResourceStore;
}

export type OwnRecordsOf = (person: string, query: { type: string; limit: number }) => Promise<OwnRecord[]>;

/** Resources of one type about a person from every organisation, newest first. */
export function createOwnRecordsOf({ db, resources }: OwnRecordsParts): OwnRecordsOf {
  return async (person, { type, limit }) => {
    const tenants = await tenantsWith(db, person);
    const found = await Promise.all(
      tenants.map((tenant) => resources.about(db, { tenant, type, subject: person, limit })),
    );
    return found
      .flat()
      .sort((one, other) => other.lastUpdated - one.lastUpdated)
      .slice(0, limit)
      .map(({ tenant, id, version, lastUpdated, content }) => {
        if (!content) throw new GatewayError("internal", { detail: "a current resource without content" });
        const { meta, ...rest } = content as Resource;
        const at = { versionId: String(version), lastUpdated: new Date(lastUpdated).toISOString() };
        return { tenant, lastUpdated, resource: { ...rest, id, meta: { ...meta, ...at } } as Resource };
      });
  };
}
