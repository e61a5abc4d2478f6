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

/** Every `Reference.reference` in a resource, in order of appearance, contained resources' too. */
export function referencesIn(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === "reference" && typeof value === "string" ? [value] : referencesIn(value),
  );
}
