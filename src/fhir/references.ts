/** A copy of a resource with every `Reference.reference` in it as `rewrite` wants it. */
export function withReferences<T>(node: T, rewrite: (reference: string) => string): T {
  return rewritten(node, rewrite) as T;
}

function rewritten(node: unknown, rewrite: (reference: string) => string): unknown {
  if (Array.isArray(node)) return node.map((item) => rewritten(item, rewrite));
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      key === "reference" && typeof value === "string" ? rewrite(value) : rewritten(value, rewrite),
    ]),
  );
}

/** A copy with links to the entries of one Bundle, by `fullUrl`, turned into what stands for them in the map. */
export function withLinks<T>(node: T, targets: ReadonlyMap<string, string>): T {
  return linked(node, targets) as T;
}

// elements of type uri and url, and choices of them (FHIR R4 http, transaction rules)
const linkName = /^(reference|url|uri|value(Uri|Url))$/;

function linked(node: unknown, targets: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(node)) return node.map((item) => linked(item, targets));
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      typeof value === "string" && linkName.test(key)
        ? (targets.get(value) ?? value)
        : linked(value, targets),
    ]),
  );
}

/** Whether a reference names its target by a search, `Type?query` (FHIR R4 3.1.0.11.2, conditional references). */
export const isConditional = (reference: string): boolean => /^[A-Z][A-Za-z]+\?/.test(reference);

const stored = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/\d+)?$/;

/** What a reference of ours names, in whichever version; undefined for every other reference. */
export function storedReferenceOf(reference = ""): { type: string; id: string } | undefined {
  const [, type, id] = stored.exec(reference) ?? [];
  return type === undefined || id === undefined ? undefined : { type, id };
}

/** Every `Reference.reference` in a resource, in order of appearance, contained resources' too. */
export function referencesIn(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === "reference" && typeof value === "string" ? [value] : referencesIn(value),
  );
}
