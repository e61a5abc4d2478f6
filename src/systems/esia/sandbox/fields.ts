import { EsiaRefusal } from "./refusal.ts";

/** Parameters of a request, each given once. */
export type Fields = Readonly<Record<string, string | undefined>>;

/** Reads parameters of a query or a form; a repeated one is 007003. Throws EsiaRefusal. */
export function fieldsOf(source: unknown): Fields {
  const entries = Object.entries((source ?? {}) as Record<string, unknown>);
  const repeated = entries.filter(([, value]) => typeof value !== "string").map(([name]) => name);
  if (repeated.length > 0) throw new EsiaRefusal("007003", repeated);
  return Object.fromEntries(entries) as Fields;
}

/** Throws 007014 with the names of those that are absent or empty. */
export function demand(fields: Fields, names: readonly string[]): void {
  const absent = names.filter((name) => !fields[name]);
  if (absent.length > 0) throw new EsiaRefusal("007014", absent);
}
