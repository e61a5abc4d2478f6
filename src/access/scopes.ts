/** SMART App Launch 2.x scopes: `system/Practitioner.rs`, with the older `.read` and `.write` accepted. */
export interface Scope {
  level: "system" | "user" | "patient";
  type: string;
  /** letters of `cruds` */
  interactions: string;
}

const grammar = /^(system|user|patient)\/(\*|[A-Z][A-Za-z]+)\.(read|write|\*|c?r?u?d?s?)$/;
const oldSpellings: Readonly<Record<string, string>> = { read: "rs", write: "cud", "*": "cruds" };

/** Reads one scope; undefined when it is not of the SMART grammar or grants nothing. */
export function parseScope(text: string): Scope | undefined {
  const match = grammar.exec(text);
  if (!match) return undefined;
  const [, level, type = "", letters = ""] = match;
  const interactions = oldSpellings[letters] ?? letters;
  return interactions ? { level: level as Scope["level"], type, interactions } : undefined;
}

/** True when one of the granted scopes covers every interaction of the asked one. */
export function coversScope(granted: readonly Scope[], asked: Scope): boolean {
  return granted.some(
    (scope) =>
      scope.level === asked.level &&
      (scope.type === "*" || scope.type === asked.type) &&
      [...asked.interactions].every((letter) => scope.interactions.includes(letter)),
  );
}

/**
 * True when the scopes let a client system do one interaction (`c r u d s`) on a type. Scopes of a user or patient
 * never do: they speak of one person's own data.
 */
export function permits(granted: readonly Scope[], type: string, interaction: string): boolean {
  return granted.some(
    (scope) =>
      scope.level === "system" &&
      (scope.type === "*" || scope.type === type) &&
      scope.interactions.includes(interaction),
  );
}
