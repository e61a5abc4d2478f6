/** The oldest steps of `migrations.ts`, under its rules. */
export const firstMigrations: Readonly<Record<string, readonly string[]>> = {
  "001-resources": [
    `create table resource (
       tenant text not null, type text not null, id text not null, version int not null,
       last_updated int8 not null, deleted boolean not null, source text, content jsonb,
       primary key (tenant, type, id))`,
    "create table resource_history (like resource, primary key (tenant, type, id, version))",
  ],
  "002-identity-map": [
    `create table identity_map (
       tenant text not null, kind text not null, value_mac text not null, logical_id text not null,
       value_sealed bytea not null, created_at int8 not null,
       primary key (tenant, kind, value_mac), unique (tenant, logical_id))`,
  ],
  "003-journal": [
    `create table journal_group (
       id int8 generated always as identity primary key, row_count int not null, digest text not null,
       mac text not null, position int8 unique, rows_before int8, chain text)`,
    "create index journal_group_unsealed on journal_group (id) where position is null",
    // the row is text, not json: its bytes are what the hashes cover
    `create table journal (
       group_id int8 not null, n int not null, row text not null, mac text not null, primary key (group_id, n))`,
    `create table journal_head (
       id int primary key default 1 check (id = 1), position int8 not null, rows int8 not null,
       chain text not null, at int8 not null, signature text not null)`,
    "insert into journal_head (position, rows, chain, at, signature) values (0, 0, '', 0, '')",
    `create function journal_is_append_only() returns trigger language plpgsql as $$
       begin
         raise exception 'the journal is append-only' using errcode = 'insufficient_privilege';
       end $$`,
    `create trigger append_only before update or delete or truncate on journal
       for each statement execute function journal_is_append_only()`,
    `create trigger append_only before delete or truncate on journal_group
       for each statement execute function journal_is_append_only()`,
    `create trigger seal_once before update on journal_group for each row
       when (old.position is not null or
         (new.id, new.row_count, new.digest, new.mac) is distinct from (old.id, old.row_count, old.digest, old.mac))
       execute function journal_is_append_only()`,
  ],
  "004-outbox": [
    `create table outbox (
       id text primary key, tenant text not null, system text not null, kind text not null,
       deduplication_id text not null, state text not null, payload bytea, attempts int not null default 0,
       due_at int8 not null, created_at int8 not null, finished_at int8, last_error text,
       unique (tenant, system, deduplication_id))`,
    "create index outbox_due on outbox (system, due_at) where state = 'pending'",
    "create table job_lease (job text primary key, holder text not null, expires_at int8 not null)",
  ],
  "005-one-time-value": [
    "create table one_time_value (hash text primary key, expires_at int8 not null)",
    "create index one_time_value_expiry on one_time_value (expires_at)",
  ],
  "006-sessions": [
    `create table session (
       id text primary key, owner text not null, kind text not null, device_hash text not null,
       created_at int8 not null, seen_at int8 not null, rotated_at int8 not null, expires_at int8 not null,
       facts bytea not null)`,
    "create index session_owner on session (owner)",
    "create index session_expiry on session (expires_at)",
    `create table session_token (
       hash text primary key, session_id text not null references session on delete cascade,
       issued_at int8 not null, retired_at int8)`,
    "create index session_token_session on session_token (session_id)",
    `create table sign_in (
       session_id text primary key, owner text not null, at int8 not null, device_hash text not null,
       new_device boolean not null, seen_at int8, circumstances bytea not null)`,
    "create index sign_in_owner on sign_in (owner, at)",
    `create table terms_acceptance (
       owner text not null, version text not null, at int8 not null, primary key (owner, version))`,
    "create table worker_verification (owner text primary key, at int8 not null, facts bytea not null)",
  ],
  "007-resource-subject": [
    "alter table resource add column subject text",
    "alter table resource_history add column subject text",
    "create index resource_subject on resource (tenant, subject, type, last_updated) where subject is not null",
  ],
  "008-idempotency": [
    `create table idempotency (
       key_mac text primary key, request_mac text not null, holder text, lease_until int8 not null,
       answer bytea, expires_at int8 not null)`,
    "create index idempotency_expiry on idempotency (expires_at)",
  ],
  "009-failed-message": [
    `create table failed_message (
       id text primary key, at int8 not null, tenant text not null, request_id text not null,
       system text not null, operation text not null, code text not null, map text, line int,
       source_path text, target_path text, bytes int not null, content bytea not null)`,
    "create index failed_message_at on failed_message (at)",
  ],
  "010-data-keys": [
    `create table data_key (
       tenant text not null, subject text not null, key_id text, wrapped bytea, created_at int8 not null,
       shredded_at int8, primary key (tenant, subject),
       check ((wrapped is null) = (shredded_at is not null) and (key_id is null) = (wrapped is null)))`,
    `create table retention_hold (
       tenant text not null, subject text not null, reason text not null, until int8 not null,
       primary key (tenant, subject, reason))`,
    // sealed under the one key of before; no release has written any
    "delete from resource",
    "delete from resource_history",
    "alter table resource drop column content",
    "alter table resource add column content bytea",
    "alter table resource_history drop column content",
    "alter table resource_history add column content bytea",
    "alter table resource_history add column sequence int8 generated always as identity",
    "create index resource_history_order on resource_history (tenant, sequence)",
    "create index resource_history_type on resource_history (tenant, type, sequence)",
  ],
  "013-access-facts": [
    `create table consent_fact (
       tenant text not null, id text not null, kind text not null, decision text not null, patient text not null,
       rights text[] not null, practitioner text, organization text, booked boolean not null, types text[],
       labels text[], starts_at int8, ends_at int8, granted_at int8 not null, primary key (tenant, id))`,
    "create index consent_fact_patient on consent_fact (patient)",
    "create index consent_fact_practitioner on consent_fact (practitioner) where practitioner is not null",
    "create index consent_fact_organization on consent_fact (organization) where organization is not null",
    `create table care_relation (
       tenant text not null, type text not null, id text not null, kind text not null, patient text not null,
       practitioner text not null, organization text not null, ends_at int8,
       primary key (tenant, type, id, practitioner))`,
    "create index care_relation_patient on care_relation (patient, practitioner)",
    `create table representation (
       tenant text not null, id text not null, kind text not null, patient text not null,
       representative text not null, ends_at int8, primary key (tenant, id))`,
    "create index representation_representative on representation (representative, patient)",
  ],
};
