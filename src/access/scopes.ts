/**
 * SMART App Launch 2.x scopes: `system/Practitioner.rs`, with the older `.read` and `.write` accepted, and granular
 * ones, `system/Observation.rs?category=laboratory`, which open what their query finds.
 */
export interface Scope {
  level: "system" | "user" | "patient";
  type: string;
  /** letters of `cruds` */
  interactions: string;
  /** search criteria; absent: everything of the type */
  query?: string;
}

const grammar =
  /^(system|user|patient)\/(\*|[A-Z][A-Za-z]+)\.(read|write|\*|c?r?u?d?s?)(?:\?([!-~]{1,500}))?$/;
const oldSpellings: Readonly<Record<string, string>> = { read: "rs", write: "cud", "*": "cruds" };

/** Reads one scope; undefined when it is not of the SMART grammar or grants nothing. */
export function parseScope(text: string): Scope | undefined {
  const match = grammar.exec(text);
  if (!match) return undefined;
  const [, level, type = "", letters = "", query] = match;
  const interactions = oldSpellings[letters] ?? letters;
  // a query narrows what is seen of one type; what is written is judged by decide()
  const isGrantable =
    interactions !== "" && (query === undefined || (type !== "*" && /^[rs]+$/.test(interactions)));
  if (!isGrantable) return undefined;
  return { level: level as Scope["level"], type, interactions, ...(query !== undefined && { query }) };
}

/** True when one of the granted scopes covers every interaction of the asked one. */
export function coversScope(granted: readonly Scope[], asked: Scope): boolean {
  return granted.some(
    (scope) =>
      scope.level === asked.level &&
      (scope.type === "*" || scope.type === asked.type) &&
      (scope.query === undefined || scope.query === asked.query) &&
      [...asked.interactions].every((letter) => scope.interactions.includes(letter)),
  );
}

/**
 * True when the scopes let a client system do one interaction (`c r u d s`) on everything of a type. Scopes of a user
 * or patient never do: they speak of one person's own data.
 */
export function permits(granted: readonly Scope[], type: string, interaction: string): boolean {
  return granted.some((scope) => opens(scope, type, interaction) && scope.query === undefined);
}

/**
 * Queries of which one must find a resource of the type before the interaction may touch it: none when a scope opens the
 * whole type, undefined when no scope opens any of it.
 */
export function queriesOf(
  granted: readonly Scope[],
  type: string,
  interaction: string,
): readonly string[] | undefined {
  if (permits(granted, type, interaction)) return [];
  const queries = granted.flatMap((scope) => (opens(scope, type, interaction) && scope.query) || []);
  return queries.length > 0 ? queries : undefined;
}

const opens = (scope: Scope, type: string, interaction: string): boolean =>
  scope.level === "system" &&
  (scope.type === "*" || scope.type === type) &&
  scope.interactions.includes(interaction);
