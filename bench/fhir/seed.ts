import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Resource } from "@medplum/fhirtypes";
import pg from "pg";
import { systemClock } from "../../src/core/clock.ts";
import type { DataKey } from "../../src/crypto/envelope.ts";
import { masterKeyProvider } from "../../src/crypto/key-providers.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { entriesOf } from "../../src/fhir/search/entries.ts";
import { Terms } from "../../src/fhir/search/terms.ts";
import { DataKeys } from "../../src/store/data-keys.ts";
import type { OpenDatabase } from "../../src/store/database.ts";
import { sealContent } from "../../src/store/resource-content.ts";
import { patientOf, referralOf, tenant, type World } from "./world.ts";

export const keyring = createKeyring(new Uint8Array(32).fill(3));
export const baseUrl = "http://127.0.0.1/fhir";

const tables = {
  resource: "tenant, type, id, version, last_updated, deleted, source, content, subject",
  search_resource: "rid, key, tenant, type, id, last_updated",
  search_term: "term, rid",
  search_reference: "parameter, target, rid",
  search_range: "parameter, low, high, rid",
  search_text: "parameter, value, rid",
} as const;
type Table = keyof typeof tables;

/** Fills an empty store by COPY with what writes would have made of the world: sealed resources and their index. */
export async function seed({ db }: OpenDatabase, url: string, world: World): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "gateway-seed-"));
  await chmod(folder, 0o755);
  const files = new Map(
    (Object.keys(tables) as Table[]).map((table) => [table, createWriteStream(join(folder, table))]),
  );
  const write = async (table: Table, fields: readonly unknown[]) => {
    const file = files.get(table);
    if (file && !file.write(`${fields.map((field) => field ?? "\\N").join("\t")}\n`))
      await once(file, "drain");
  };
  const dataKeys = new DataKeys({ keys: masterKeyProvider(keyring), clock: systemClock });
  const terms = new Terms(keyring);
  const keys = new Map<string, DataKey>();
  let rid = 0;
  const add = async (resource: Resource & { id: string }, subject: string) => {
    rid += 1;
    const { resourceType: type, id, ...content } = resource;
    const key = keys.get(subject) ?? (await dataKeys.of(db, { tenant, subject }));
    keys.set(subject, key);
    const sealed = sealContent(key, { resourceType: type, ...content }, { tenant, type, id, version: 1 });
    const hex = `\\\\x${Buffer.from(sealed).toString("hex")}`;
    await write("resource", [tenant, type, id, 1, rid, "f", undefined, hex, subject]);
    await write("search_resource", [rid, terms.target(tenant, `${type}/${id}`), tenant, type, id, rid]);
    const entries = entriesOf({ terms, baseUrl }, tenant, resource);
    for (const term of entries.terms) await write("search_term", [term, rid]);
    for (const [parameter, targets] of entries.references)
      for (const target of targets) await write("search_reference", [parameter, target, rid]);
    for (const { parameter, low, high } of entries.ranges)
      await write("search_range", [parameter, low, high, rid]);
    for (const { parameter, value } of entries.texts) await write("search_text", [parameter, value, rid]);
  };
  for (let n = 0; n < world.patients; n++) await add(patientOf(n), patientOf(n).id);
  for (let n = 0; n < world.referrals; n++) await add(referralOf(n, world), patientOf(n % world.patients).id);
  for (const file of files.values()) await new Promise((resolve) => file.end(resolve));
  await load(url, folder);
  await rm(folder, { recursive: true });
}

/** Indexes are made after the rows, as a bulk load does; on a connection of its own, which waits for as long as it takes. */
async function load(url: string, folder: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("set maintenance_work_mem = '512MB'");
  const { rows: indexes } = await client.query<{
    name: string;
    text: string;
    table: string;
    primary: boolean;
  }>(`
    select c.relname as name, pg_get_indexdef(i.indexrelid) as text, t.relname as table, i.indisprimary as primary
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
    where t.relname in ('search_term', 'search_reference', 'search_range', 'search_text')`);
  for (const { table, name, primary } of indexes)
    await client.query(primary ? `alter table ${table} drop constraint ${name}` : `drop index ${name}`);
  for (const [table, columns] of Object.entries(tables))
    await client.query(`copy ${table} (${columns}) from '${join(folder, table)}'`);
  for (const { text } of indexes) await client.query(text);
  for (const { table, name } of indexes.filter(({ primary }) => primary))
    await client.query(`alter table ${table} add primary key using index ${name}`);
  for (const table of Object.keys(tables)) await client.query(`vacuum analyze ${table}`);
  await client.end();
}
