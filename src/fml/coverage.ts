import { type LogicalModel, modelTypeName } from "./logical-model.ts";

/**
 * The paths of a model's elements that a map never touches, apart from those listed (with all that is below them).
 * Types count once: an element that is read in one place of its type is read in all.
 */
export function uncovered(
  model: LogicalModel,
  touched: ReadonlySet<string>,
  listed: ReadonlySet<string>,
): readonly string[] {
  const below = (type: string, path: readonly string[], above: ReadonlySet<string>): readonly string[] =>
    Object.entries(model.types[type] ?? {}).flatMap(([name, element]) => {
      const own = [...path, name];
      if (isListed(own)) {
        return [];
      }
      if (!touched.has(`${modelTypeName(model, type)}.${name}`)) {
        return [own.join(".")];
      }
      // a type that holds itself is looked at once
      return above.has(element.type) ? [] : below(element.type, own, new Set([...above, element.type]));
    });
  // a list may begin at the document's element inside the root
  const isListed = (path: readonly string[]) =>
    listed.has(path.join(".")) || listed.has(path.slice(1).join("."));
  return below(model.root, [], new Set([model.root]));
}
