import { createHash } from "node:crypto";
import { type Kysely, type Migration, type MigrationProvider, Migrator, sql } from "kysely";
import { firstMigrations } from "./first-migrations.ts";
import type { Schema } from "./schema.ts";

// one statement each; SQL of PostgreSQL 15. A released migration is never edited: add the next one
const steps: Record<string, readonly string[]> = {
  ...firstMigrations,
  "012-search": [
    `create table search_resource (
       rid int8 generated always as identity primary key, key uuid not null unique, tenant text not null,
       type text not null, id text not null, last_updated int8 not null)`,
    "create index search_resource_order on search_resource (tenant, type, rid)",
    "create index search_resource_updated on search_resource (tenant, type, last_updated, rid)",
    // what equals: the keyed hash of tenant, type, parameter, form and value
    "create table search_term (term uuid not null, rid int8 not null, primary key (term, rid))",
    "create index search_term_rid on search_term (rid)",
    `create table search_reference (
       parameter uuid not null, target uuid not null, rid int8 not null, primary key (parameter, target, rid))`,
    "create index search_reference_rid on search_reference (rid, parameter)",
    `create table search_range (
       parameter uuid not null, low float8 not null, high float8 not null, rid int8 not null)`,
    "create index search_range_low on search_range (parameter, low, high, rid)",
    "create index search_range_high on search_range (parameter, high, low, rid)",
    "create index search_range_rid on search_range (rid, parameter)",
    `create table search_text (parameter uuid not null, value text collate "C" not null, rid int8 not null)`,
    "create index search_text_value on search_text (parameter, value, rid)",
    "create index search_text_rid on search_text (rid, parameter)",
    // the order of a sorted search, so that its pages stay what they were
    `create table search_snapshot (
       id uuid primary key, tenant text not null, rids int8[] not null, expires_at int8 not null)`,
    "create index search_snapshot_expiry on search_snapshot (expires_at)",
  ],
  "015-signatures": [
    `create table signature (
       id text primary key, tenant text not null, signer text not null, subject text, purpose text not null,
       state text not null, document_mac text not null, certificate text,
       created_at int8 not null, expires_at int8 not null, submitted_at int8, settled_at int8, due_at int8,
       document_id text, document_version int, terms bytea not null, content bytea not null, container bytea)`,
    // the same bytes are signed once by one person (E-28)
    "create unique index signature_once on signature (tenant, signer, document_mac) where state = 'signed'",
    "create index signature_due on signature (due_at) where state = 'verification-pending'",
    "create index signature_signer on signature (signer, created_at)",
    "create index signature_document on signature (tenant, document_id) where state = 'signed'",
    `create table signature_evidence (
       signature_id text not null, n int not null, at int8 not null, verdict text not null, report bytea not null,
       primary key (signature_id, n))`,
    `create function evidence_is_immutable() returns trigger language plpgsql as $$
       begin
         raise exception 'evidence of a signature is immutable' using errcode = 'insufficient_privilege';
       end $$`,
    `create trigger immutable before update or delete or truncate on signature_evidence
       for each statement execute function evidence_is_immutable()`,
    `create table signing_certificate (
       person text not null, fingerprint text not null, not_after int8 not null, bound_at int8 not null,
       lost_at int8, noticed_days int, certificate bytea not null, contact bytea,
       primary key (person, fingerprint))`,
    "create index signing_certificate_end on signing_certificate (not_after) where lost_at is null",
  ],
  "014-one-time-code": [
    `create table one_time_code (
       owner text primary key, purpose text not null, target text not null, code_mac text not null,
       sent_at int8 not null, expires_at int8 not null, wrong int not null, locked_until int8 not null)`,
  ],
  "016-outbox-dead": ["create index outbox_dead on outbox (system, created_at) where state = 'dead'"],
  "017-dictionaries": [
    `create table dictionary (
       id int generated always as identity primary key, url text not null, version text not null,
       title text not null, aliases text[] not null, hierarchical boolean not null, concepts int not null,
       loaded_at int8 not null, checked_at int8 not null, is_current boolean not null, diff text,
       unique (url, version))`,
    "create unique index dictionary_current on dictionary (url) where is_current",
    `create table concept (
       dictionary int not null references dictionary on delete cascade, code text not null, n int not null,
       display text not null, folded text not null, parent text, starts text, ends text, active boolean not null,
       primary key (dictionary, code))`,
    "create index concept_parent on concept (dictionary, parent)",
  ],
  // a row of its own per access cost twice the time of one per group: the index was most of it
  "018-journal-lines": [
    "alter table journal_group add column lines text",
    "alter table journal_group disable trigger seal_once",
    `update journal_group set lines = coalesce(
       (select string_agg(mac || row, e'\\n' order by n) from journal where group_id = id), '')`,
    "drop trigger seal_once on journal_group",
    "alter table journal_group alter column lines set not null",
    "drop table journal",
    `create trigger seal_once before update on journal_group for each row
       when (old.position is not null or (new.id, new.row_count, new.digest, new.mac, new.lines)
         is distinct from (old.id, old.row_count, old.digest, old.mac, old.lines))
       execute function journal_is_append_only()`,
    // a line is the row's keyed hash (43 characters) and its text
    `create view journal as
       select id as group_id, line.n::int as n, substr(line.text, 44) as row, left(line.text, 43) as mac
       from journal_group, string_to_table(lines, e'\\n') with ordinality as line (text, n)`,
  ],
  "020-subscriptions": [
    `create table subscription (
       tenant text not null, id text not null, type text not null, filters text not null, state text not null,
       heartbeat_seconds int, ends_at int8, events int8 not null default 0, sent_at int8 not null default 0,
       primary key (tenant, id))`,
    "create index subscription_type on subscription (tenant, type) where state <> 'off'",
    `create table subscription_event (
       tenant text not null, subscription text not null, number int8 not null, resource_type text not null,
       resource_id text not null, version int not null, interaction text not null, at int8 not null,
       primary key (tenant, subscription, number))`,
    "create index subscription_event_at on subscription_event (at)",
  ],
  "022-deferred-requests": [
    `create table deferred_request (
       id text primary key, tenant text not null, client text not null, owner text not null,
       repeatable boolean not null, state text not null, attempts int not null default 0,
       created_at int8 not null, due_at int8 not null, expires_at int8 not null,
       subjects text[] not null, request bytea, answer bytea)`,
    "create index deferred_request_due on deferred_request (created_at) where state <> 'done'",
    "create index deferred_request_client on deferred_request (client)",
    "create index deferred_request_expiry on deferred_request (expires_at)",
  ],
  "024-registry-copy": [
    "create table registry_copy (registry text primary key, copied_at int8 not null, whole_at int8 not null)",
    `create table registry_record (
       owner text not null, type text not null, id text not null, registry text not null, seen_at int8 not null,
       primary key (owner, type, id))`,
    "create index registry_record_seen on registry_record (registry, seen_at)",
  ],
  "026-revocation-answers": [
    `create table revocation_answer (
       key text primary key, answer bytea not null, fetched_at int8 not null, produced_at int8 not null,
       this_update int8 not null, next_update int8, expires_at int8 not null)`,
    "create index revocation_answer_expiry on revocation_answer (expires_at)",
  ],
  "027-certificate-activation": ["alter table signing_certificate add column activated_at int8"],
  "028-outbox-delivered": ["create index outbox_delivered on outbox (finished_at) where state = 'delivered'"],
  "029-root-key": [
    "create table root_key (id int primary key check (id = 1), wrapped bytea)",
    // what an earlier database holds is under its master key
    "insert into root_key (id) select 1 where exists (select from data_key) or exists (select from journal_group)",
  ],
  // a person's own records are looked for in every tenant
  "030-data-key-subject": ["create index data_key_subject on data_key (subject) where subject <> ''"],
  "031-subscription-owner": ["alter table subscription add column owner text"],
  "033-co-signatures": [
    "alter table signature add column awaiting text[]",
    "create index signature_awaiting on signature (tenant, settled_at) where awaiting is not null",
  ],
  "034-signature-session": ["alter table signature add column session text"],
  "035-signed-binaries": [
    "alter table signature add column binary_id text",
    "create index signature_binary on signature (tenant, binary_id) where binary_id is not null",
  ],
  "036-signature-imprints": [
    "alter table signature_evidence add column imprint_mac text",
    "create index signature_evidence_imprint on signature_evidence (imprint_mac) where imprint_mac is not null",
  ],
  // filled behind the sealer, an older journal from its beginning
  "037-journal-index": [
    "create table journal_entry (key uuid not null, in_group int8 not null, primary key (key, in_group))",
    `create trigger append_only before update or delete or truncate on journal_entry
       for each statement execute function journal_is_append_only()`,
    `create table journal_hour (
       hour int8 not null, tenant text not null, action text not null, resource_type text not null,
       outcome text not null, count int8 not null, first_group int8 not null, last_group int8 not null,
       primary key (hour, tenant, action, resource_type, outcome))`,
    `create table journal_index (
       id int primary key default 1 check (id = 1), position int8 not null, rows int8 not null)`,
    "insert into journal_index (position, rows) values (0, 0)",
  ],
  "042-outbox-budget": [
    "alter table outbox add column replayed_at int8",
    "alter table outbox add column silent_leases int not null default 0",
  ],
  "043-retention": [
    `create index resource_history_subject on resource_history (tenant, subject)
       where subject is not null and type in ('Composition', 'DocumentReference')`,
    "create index signature_subject on signature (tenant, subject) where subject is not null",
  ],
  // what came to nothing, so that its hourly purge reads only what is due
  "044-unfinished": [
    "create index signature_prepared on signature (expires_at) where state = 'prepared'",
    `create index signature_unsigned on signature (settled_at)
       where state in ('expired', 'cancelled', 'refused') and content <> ''`,
    `create index resource_draft on resource (tenant, last_updated)
       where type = 'Consent' and version = 1`,
  ],
  // whatever rights it named, the text of a refusal forbade access to the card until then
  "045-whole-refusals": [
    `update consent_fact set rights = '{view,enter}'
       where kind = 'access' and decision = 'deny' and rights <> '{view,enter}'`,
  ],
  // so that a walk leaves out what is listed
  "046-journal-position": [
    `create or replace view journal as
       select id as group_id, line.n::int as n, substr(line.text, 44) as row, left(line.text, 43) as mac, position
       from journal_group, string_to_table(lines, e'\\n') with ordinality as line (text, n)`,
  ],
  // an organisation finds also what was done in it and to its data; of what is listed so far that is added behind a mark
  "049-journal-holders": [
    "alter table journal_hour drop constraint journal_hour_pkey",
    "alter table journal_hour add column organization text not null default ''",
    "alter table journal_hour add column holder text not null default ''",
    `alter table journal_hour add primary key
       (hour, tenant, organization, holder, action, resource_type, outcome)`,
    "alter table journal_index add column placed int8 not null default 0",
    "alter table journal_index add column unplaced_until int8 not null default 0",
    "update journal_index set unplaced_until = position",
  ],
  // what a search or a history that names nobody may concern
  "051-consents-in-reach": [
    "create index search_resource_consent on search_resource (id) where tenant = 'shared' and type = 'Consent'",
    "create index care_relation_practitioner on care_relation (practitioner, organization)",
  ],
};

/** Names the schema that `migrate` leaves. */
export const schemaDigest = createHash("sha256").update(JSON.stringify(steps)).digest("hex").slice(0, 12);

const provider: MigrationProvider = {
  getMigrations: async () =>
    Object.fromEntries(
      Object.entries(steps).map(([name, statements]): [string, Migration] => [
        name,
        {
          up: async (db) => {
            for (const statement of statements) await sql.raw(statement).execute(db);
          },
        },
      ]),
    ),
};

/**
 * Brings the database to the newest schema, or to that of a step, under a lock, in one transaction; throws what the
 * database said.
 */
export async function migrate(db: Kysely<Schema>, step?: string): Promise<void> {
  const migrator = new Migrator({ db, provider });
  const { error } = await (step === undefined ? migrator.migrateToLatest() : migrator.migrateTo(step));
  if (error) throw error;
}
