import { type RawBuilder, sql } from "kysely";
import type { Comparison, Condition } from "./range.ts";

/** The resources that meet a criterion: those of a query that gives `rid`, or all but them. */
export interface RidSet {
  /** gives rows of one column, rid */
  readonly query: RawBuilder<unknown>;
  readonly negated: boolean;
  /** ranges of one index: its beginning costs little, however long it is */
  readonly direct?: boolean;
  /** its size is anybody's guess, so it is looked up first beside a list, too */
  readonly unguessed?: boolean;
  /** a single term: PostgreSQL reads it in order of rid */
  readonly term?: string;
  /** a single reference */
  readonly reference?: { readonly parameter: string; readonly target: string };
}

const levelsOfHierarchy = 8;

export const positive = (query: RawBuilder<unknown>): RidSet => ({ query, negated: false });

/** A set that ranges of one index give. */
export const direct = (query: RawBuilder<unknown>): RidSet => ({ query, negated: false, direct: true });

export function ofTerms(terms: readonly string[]): RidSet {
  const [term] = terms;
  if (term !== undefined && terms.length === 1)
    return { query: sql`select rid from search_term where term = ${term}::uuid`, negated: false, term };
  return {
    query: sql`select rid from search_term where term = any(${uuids(terms)})`,
    negated: false,
    direct: true,
  };
}

/** Hexadecimal digits only, so an array's text needs no quoting and both engines read it alike. */
export const uuids = (values: readonly string[]): RawBuilder<unknown> =>
  sql`${`{${values.join(",")}}`}::text::uuid[]`;

/** A set of several indexes, with none or most of a type in it. */
export const unguessed = (query: RawBuilder<unknown>): RidSet => ({ ...direct(query), unguessed: true });

/** The rows of several queries of rid; of none there are none. */
export function union(queries: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  const [only] = queries;
  if (!only) return sql`select 0::int8 as rid where false`;
  return queries.length === 1 ? only : sql.join(queries, sql` union all `);
}

export const ranges = (parameter: string, conditions: readonly Condition[]): RawBuilder<unknown> =>
  sql`select rid from search_range where parameter = ${parameter}::uuid and ${conjunction(conditions, (column) => sql.ref(column))}`;

type ColumnOf = (column: Comparison["column"]) => RawBuilder<unknown>;

const compared = ({ column, operator, value }: Comparison, columnOf: ColumnOf) =>
  sql`${columnOf(column)} ${sql.raw(operator)} ${value}::float8`;

export function conjunction(conditions: readonly Condition[], columnOf: ColumnOf): RawBuilder<unknown> {
  const all = conditions.map((condition) =>
    "any" in condition
      ? sql`(${disjunction(condition.any.map((each) => conjunction(each, columnOf)))})`
      : compared(condition, columnOf),
  );
  return sql.join(all, sql` and `);
}

export const disjunction = (all: readonly RawBuilder<unknown>[]): RawBuilder<unknown> =>
  all.length > 0
    ? sql.join(
        all.map((one) => sql`(${one})`),
        sql` or `,
      )
    : sql`false`;

/** What refers to the target by the same parameter, over some levels up or down (FHIR R4 3.1.1.4.9.2). */
export function inHierarchy(
  parameter: string,
  targets: readonly string[],
  modifier: "above" | "below",
): RawBuilder<unknown> {
  const step =
    modifier === "below"
      ? sql`select s.key, tree.level + 1 from tree join search_reference x on x.parameter = ${parameter}::uuid
              and x.target = tree.key join search_resource s on s.rid = x.rid`
      : sql`select x.target, tree.level + 1 from tree join search_resource s on s.key = tree.key
              join search_reference x on x.rid = s.rid and x.parameter = ${parameter}::uuid`;
  return sql`with recursive tree (key, level) as (
      select key, 0 from unnest(${uuids(targets)}) as start (key)
      union ${step} where tree.level < ${levelsOfHierarchy})
    select s.rid from tree join search_resource s on s.key = tree.key`;
}
