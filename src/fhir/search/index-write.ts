import type { Resource } from "@medplum/fhirtypes";
import { type Kysely, sql } from "kysely";
import type { ResourceKey } from "../../store/resources.ts";
import type { Schema } from "../../store/schema.ts";
import { type Entries, entriesOf, type IndexPlace } from "./entries.ts";
import { uuids } from "./rid-set.ts";
import type { Terms } from "./terms.ts";

export interface IndexedResource extends ResourceKey {
  resource: Resource;
  /** milliseconds */
  lastUpdated: number;
}

/**
 * Puts the resource's rows in place of those of its earlier version, in one statement of the caller's transaction.
 * Terms and references that stay are not touched.
 */
export async function writeEntries(
  trx: Kysely<Schema>,
  place: IndexPlace,
  { tenant, type, id, resource, lastUpdated }: IndexedResource,
): Promise<void> {
  const { terms } = place;
  const entries = entriesOf(place, tenant, resource);
  const { parameters, targets } = referencePairs(entries);
  const allTerms = uuids([...entries.terms]);
  await sql`
    with r as (
      insert into search_resource (key, tenant, type, id, last_updated)
      values (${terms.target(tenant, `${type}/${id}`)}::uuid, ${tenant}, ${type}, ${id}, ${lastUpdated})
      on conflict (key) do update set last_updated = excluded.last_updated
      returning rid),
    lost_terms as (
      delete from search_term t using r where t.rid = r.rid and t.term <> all(${allTerms})),
    terms as (
      insert into search_term (term, rid) select term, rid from r, unnest(${allTerms}) as one (term)
      on conflict do nothing),
    lost_references as (
      delete from search_reference x using r where x.rid = r.rid and (x.parameter, x.target) not in (
        select parameter, target from unnest(${uuids(parameters)}, ${uuids(targets)}) as one (parameter, target))),
    new_references as (
      insert into search_reference (parameter, target, rid) select parameter, target, rid
      from r, unnest(${uuids(parameters)}, ${uuids(targets)}) as one (parameter, target)
      on conflict do nothing),
    lost_ranges as (delete from search_range x using r where x.rid = r.rid),
    ranges as (
      insert into search_range (parameter, low, high, rid) select parameter, low, high, rid
      from r, json_to_recordset(${JSON.stringify(entries.ranges)}::text::json)
        as one (parameter uuid, low float8, high float8)),
    lost_texts as (delete from search_text x using r where x.rid = r.rid)
    insert into search_text (parameter, value, rid) select parameter, value, rid
    from r, json_to_recordset(${JSON.stringify(entries.texts)}::text::json) as one (parameter uuid, value text)
  `.execute(trx);
}

/** Forgets a resource that was deleted. */
export async function removeEntries(trx: Kysely<Schema>, terms: Terms, key: ResourceKey): Promise<void> {
  await sql`
    with r as (
      delete from search_resource where key = ${terms.target(key.tenant, `${key.type}/${key.id}`)}::uuid
      returning rid),
    terms as (delete from search_term t using r where t.rid = r.rid),
    referring as (delete from search_reference x using r where x.rid = r.rid),
    ranges as (delete from search_range x using r where x.rid = r.rid)
    delete from search_text x using r where x.rid = r.rid
  `.execute(trx);
}

function referencePairs({ references }: Entries): { parameters: string[]; targets: string[] } {
  const pairs = [...references].flatMap(([parameter, targets]) =>
    [...targets].map((target) => [parameter, target]),
  );
  return {
    parameters: pairs.map(([parameter = ""]) => parameter),
    targets: pairs.map(([, target = ""]) => target),
  };
}
