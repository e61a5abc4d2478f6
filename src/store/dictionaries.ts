import { type Kysely, type Selectable, sql } from "kysely";
import type { Schema } from "./schema.ts";

export type DictionaryRow = Omit<Selectable<Schema["dictionary"]>, "is_current">;

/** A concept; days are ISO dates, both inclusive. */
export interface Concept {
  code: string;
  display: string;
  parent?: string;
  starts?: string;
  ends?: string;
  active: boolean;
}

export interface NewDictionary {
  url: string;
  version: string;
  title: string;
  aliases: readonly string[];
  concepts: readonly (Concept & { folded: string })[];
}

export interface ConceptQuery {
  /** words of a folded display, each of them somewhere in it; or the beginning of a code */
  filter?: string;
  /** only this concept and those below it */
  root?: string;
  /** only those in force on this ISO date */
  activeOn?: string;
  offset: number;
  count: number;
}

/** What a new version changes for those who hold codes of the one before. */
export interface DictionaryDiff {
  from: string;
  added: number;
  renamed: number;
  /** codes that are no more, or whose last day is now known; at most 1000 */
  ending: { code: string; display: string; ends?: string }[];
}

const keptVersions = 3;
const rowsAtATime = 5_000;
const mostEnding = 1_000;

/** Dictionaries of НСИ as stored copies: concepts by version, the newest one current. */
export class Dictionaries {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** Keeps a version and makes it current; of older ones the last two stay. A version that is there is kept as it is. */
  async save(dictionary: NewDictionary, now: number): Promise<DictionaryDiff | undefined> {
    const { url, version } = dictionary;
    return this.#db.transaction().execute(async (trx) => {
      const before = await currentOf(trx, url);
      const known = await find(trx, url, version);
      const id = known?.id ?? (await insert(trx, dictionary, now));
      await trx.updateTable("dictionary").set({ is_current: false }).where("url", "=", url).execute();
      const diff = before && before.id !== id ? await diffOf(trx, before, id) : undefined;
      await trx
        .updateTable("dictionary")
        .set({ is_current: true, checked_at: now, ...(diff && { diff: JSON.stringify(diff) }) })
        .where("id", "=", id)
        .execute();
      await dropOld(trx, url);
      return diff;
    });
  }

  /** The source has said that the current version is still the newest. */
  async confirm(url: string, now: number): Promise<void> {
    await this.#db
      .updateTable("dictionary")
      .set({ checked_at: now })
      .where("url", "=", url)
      .where("is_current", "=", true)
      .execute();
  }

  /** A dictionary by its url or an alias, its current version unless one is named. */
  async find(url: string, version?: string): Promise<DictionaryRow | undefined> {
    return find(this.#db, url, version);
  }

  /** The current version of each, by url. */
  async list(): Promise<DictionaryRow[]> {
    return this.#db
      .selectFrom("dictionary")
      .select(columns)
      .where("is_current", "=", true)
      .orderBy("url")
      .execute();
  }

  async versions(url: string): Promise<string[]> {
    const rows = await this.#db
      .selectFrom("dictionary")
      .select("version")
      .where("url", "=", url)
      .orderBy("id", "desc")
      .execute();
    return rows.map(({ version }) => version);
  }

  async concept(dictionary: number, code: string): Promise<Concept | undefined> {
    const row = await concepts(this.#db, dictionary).where("code", "=", code).executeTakeFirst();
    return row && toConcept(row);
  }

  /** One page, in the dictionary's order, and how many there are in all. */
  async search(dictionary: number, query: ConceptQuery): Promise<{ total: number; concepts: Concept[] }> {
    const { filter, root, activeOn, offset, count } = query;
    const inTree = root === undefined ? undefined : await this.subtree(dictionary, root);
    const found = concepts(this.#db, dictionary)
      .$if(filter !== undefined, (q) => q.where(matches(filter ?? "")))
      .$if(inTree !== undefined, (q) => q.where("code", "=", sql<string>`any(${inTree})`))
      .$if(activeOn !== undefined, (q) => q.where(inForceOn(activeOn ?? "")));
    const { total } = await found
      .clearSelect()
      .select((each) => each.fn.countAll<number>().as("total"))
      .executeTakeFirstOrThrow();
    const rows = await found.orderBy("n").offset(offset).limit(count).execute();
    return { total: Number(total), concepts: rows.map(toConcept) };
  }

  /** The code and all below it; a cycle of parents ends where it closes. */
  async subtree(dictionary: number, code: string): Promise<string[]> {
    const { rows } = await sql<{ code: string }>`
      with recursive tree (code) as (
        select code from concept where dictionary = ${dictionary} and code = ${code}
        union
        select child.code from concept as child join tree on child.parent = tree.code
        where child.dictionary = ${dictionary})
      select code from tree`.execute(this.#db);
    return rows.map((row) => row.code);
  }

  /** The code and all above it, the nearest first. */
  async ancestors(dictionary: number, code: string): Promise<string[]> {
    const { rows } = await sql<{ code: string }>`
      with recursive line (code, parent) as (
        select code, parent from concept where dictionary = ${dictionary} and code = ${code}
        union
        select above.code, above.parent from concept as above join line on above.code = line.parent
        where above.dictionary = ${dictionary})
      select code from line`.execute(this.#db);
    return rows.map((row) => row.code);
  }
}

const columns = [
  "id",
  "url",
  "version",
  "title",
  "aliases",
  "hierarchical",
  "concepts",
  "loaded_at",
  "checked_at",
  "diff",
] as const;

const concepts = (db: Kysely<Schema>, dictionary: number) =>
  db
    .selectFrom("concept")
    .select(["code", "display", "parent", "starts", "ends", "active"])
    .where("dictionary", "=", dictionary);

type ConceptRow = Awaited<ReturnType<ReturnType<typeof concepts>["executeTakeFirstOrThrow"]>>;

const toConcept = ({ code, display, parent, starts, ends, active }: ConceptRow): Concept => ({
  code,
  display,
  active,
  ...(parent !== null && { parent }),
  ...(starts !== null && { starts }),
  ...(ends !== null && { ends }),
});

const literal = (text: string) => text.replace(/[\\%_]/g, "\\$&");

function matches(filter: string) {
  const words = filter.split(" ").map((word) => sql<boolean>`folded like ${`%${literal(word)}%`}`);
  return sql<boolean>`((${sql.join(words, sql` and `)}) or lower(code) like ${`${literal(filter)}%`})`;
}

const inForceOn = (day: string) =>
  sql<boolean>`(active and coalesce(starts, '') <= ${day} and coalesce(ends, '9999') >= ${day})`;

async function find(
  db: Kysely<Schema>,
  url: string,
  version: string | undefined,
): Promise<DictionaryRow | undefined> {
  return db
    .selectFrom("dictionary")
    .select(columns)
    .where(sql<boolean>`(url = ${url} or ${url} = any(aliases))`)
    .$if(version === undefined, (q) => q.where("is_current", "=", true))
    .$if(version !== undefined, (q) => q.where("version", "=", version ?? ""))
    .executeTakeFirst();
}

const currentOf = (db: Kysely<Schema>, url: string) => find(db, url, undefined);

async function insert(db: Kysely<Schema>, dictionary: NewDictionary, now: number): Promise<number> {
  const { url, version, title, aliases, concepts: rows } = dictionary;
  const { id } = await db
    .insertInto("dictionary")
    .values({
      url,
      version,
      title,
      aliases: [...aliases],
      hierarchical: rows.some(({ parent }) => parent !== undefined),
      concepts: rows.length,
      loaded_at: now,
      checked_at: now,
      is_current: false,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  for (let from = 0; from < rows.length; from += rowsAtATime) {
    const part = rows.slice(from, from + rowsAtATime).map((row, i) => ({ ...row, n: from + i }));
    await sql`insert into concept (dictionary, code, n, display, folded, parent, starts, ends, active)
      select ${id}::int, code, n, display, folded, parent, starts, ends, active
      from jsonb_to_recordset(${JSON.stringify(part)}::jsonb) as row (
        code text, n int, display text, folded text, parent text, starts text, ends text, active boolean)
      on conflict do nothing`.execute(db);
  }
  return id;
}

async function diffOf(db: Kysely<Schema>, before: DictionaryRow, after: number): Promise<DictionaryDiff> {
  const { rows } = await sql<{ kind: string; code: string; display: string; ends: string | null }>`
    select case when new.code is null or not new.active and old.active
        or new.ends is distinct from old.ends and new.ends is not null then 'ending'
      when old.code is null then 'added' else 'renamed' end as kind,
      coalesce(old.code, new.code) as code, coalesce(old.display, new.display) as display, new.ends
    from (select * from concept where dictionary = ${before.id}) as old
    full join (select * from concept where dictionary = ${after}) as new using (code)
    where (old.display, old.ends, old.active) is distinct from (new.display, new.ends, new.active)`.execute(
    db,
  );
  const of = (kind: string) => rows.filter((row) => row.kind === kind);
  return {
    from: before.version,
    added: of("added").length,
    renamed: of("renamed").length,
    ending: of("ending")
      .slice(0, mostEnding)
      .map(({ code, display, ends }) => ({ code, display, ...(ends !== null && { ends }) })),
  };
}

async function dropOld(db: Kysely<Schema>, url: string): Promise<void> {
  await db
    .deleteFrom("dictionary")
    .where("url", "=", url)
    .where("is_current", "=", false)
    .where(
      "id",
      "not in",
      db
        .selectFrom("dictionary")
        .select("id")
        .where("url", "=", url)
        .orderBy("is_current", "desc")
        .orderBy("id", "desc")
        .limit(keptVersions),
    )
    .execute();
}
