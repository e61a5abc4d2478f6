import type { Name } from "./ast.ts";
import { elementAt, type StaticElement } from "./static-type.ts";
import { choiceProperty, isTimed } from "./types.ts";
import {
  type Binding,
  constant,
  newName,
  nodeCode,
  type Place,
  pathCode,
  property,
  quote,
  report,
  site,
  sourceBinding,
} from "./unit.ts";

/** Code that opens and closes around each item of a source: loops, conditions, the item's variable. */
export interface Walk {
  readonly open: readonly string[];
  readonly close: readonly string[];
  readonly item: Binding;
  readonly place: Place;
}

/** Walks from a variable along elements; each repeat on the way is a loop, each optional one a condition. */
export function walkPath(
  place: Place,
  from: Binding,
  elements: readonly Name[],
  type?: Name,
): Walk | undefined {
  let walk: Walk = { open: [], close: [], item: from, place };
  for (const [i, name] of elements.entries()) {
    const next = hop(walk.place, walk.item, name, i === elements.length - 1 ? type : undefined);
    if (next === undefined) {
      return undefined;
    }
    walk = { ...next, open: [...walk.open, ...next.open], close: [...next.close, ...walk.close] };
  }
  return walk;
}

function hop(place: Place, owner: Binding, name: Name, type: Name | undefined): Walk | undefined {
  const js = newName(place.unit, name.text);
  const path = `${owner.path}.${name.text}`;
  const primitive =
    owner.form === "primitive" || (owner.type !== undefined && isPrimitive(place, owner.type));
  if (owner.form === "node" || owner.form === "cell" || primitive) {
    return hopDynamically(place, owner, name, js);
  }
  const element = elementAt(place, owner.type, name);
  if (element === undefined) {
    return undefined;
  }
  const base = { name: name.text, js, path, mode: "source" as const };
  if (!element.known) {
    const item = { ...base, form: "raw" as const, type: undefined };
    const list = newName(place.unit, "list");
    return looped(place, owner, item, {
      before: `const ${list} = items(${owner.js}, ${quote(name.text)});`,
      list,
    });
  }
  const chosen = type === undefined || !element.choice ? element : chosenVariant(place, element, name, type);
  return chosen === undefined ? undefined : hopTo(place, owner, chosen, base);
}

function isPrimitive(place: Place, type: string): boolean {
  return place.unit.linked.types.get(type)?.kind === "primitive" || type.startsWith("System.");
}

// the evaluator knows how to go on from a value whose type or parts only the document tells
function hopDynamically(place: Place, owner: Binding, name: Name, js: string): Walk {
  const node = nodeCode(owner);
  const item = sourceBinding({
    name: name.text,
    js,
    form: "node",
    type: undefined,
    path: `${owner.path}.${name.text}`,
  });
  const list = newName(place.unit, "list");
  return looped(place, owner, item, {
    before: `const ${list} = children(${node}, ${quote(name.text)});`,
    list,
  });
}

function chosenVariant(
  place: Place,
  element: StaticElement,
  name: Name,
  type: Name,
): StaticElement | undefined {
  if (!element.types.includes(type.text)) {
    const known = element.types.join(", ");
    report(place, "type", `${name.text} is never a ${type.text}; it may be ${known}`, type.position);
    return undefined;
  }
  return {
    ...element,
    property: choiceProperty(name.text, type.text),
    types: [type.text],
    choice: false,
    companion: isPrimitive(place, type.text),
  };
}

type Named = Pick<Binding, "name" | "js" | "path" | "mode">;

function hopTo(place: Place, owner: Binding, element: StaticElement, base: Named): Walk {
  const { js } = base;
  const at = property(owner.js, element.property);
  const guarded: Place = { ...place, guards: place.guards + 1 };
  const [type] = element.types;
  if (element.choice) {
    const variants = element.types.map((t) => [choiceProperty(element.property, t), t]);
    const table = constant(place.unit, "V", JSON.stringify(variants));
    const item: Binding = { ...base, form: "node", type: undefined, choices: element.types };
    const open = [`const ${js} = choice(${owner.js}, ${table});`, `if (${js} !== undefined) {`];
    return { open: [...open, ...pathLine(place, owner, item)], close: ["}"], item, place: guarded };
  }
  const item: Binding = { ...base, form: element.companion ? "primitive" : "raw", type };
  if (element.array) {
    return element.companion
      ? pairLoop(place, owner, item, element.property)
      : looped(place, owner, item, listOf(place, at, item));
  }
  const beside = element.companion ? `, ${js}_ = ${property(owner.js, `_${element.property}`)}` : "";
  const there = element.companion ? `${js} != null || ${js}_ != null` : `${js} != null`;
  return {
    open: [
      `const ${js} = ${at}${beside};`,
      `if (${there}) {`,
      ...kindCheck(place, item),
      ...pathLine(place, owner, item),
    ],
    close: ["}"],
    item,
    place: guarded,
  };
}

function listOf(place: Place, at: string, { js, path }: Named): Listed {
  const list = `${js}_list`;
  return { before: `const ${list} = array(${at}, ${site(place, path, "")});`, list };
}

function looped(place: Place, owner: Binding, item: Binding, { before, list }: Listed): Walk {
  const index = `${item.js}_i`;
  return {
    open: [
      before,
      `for (let ${index} = 0; ${index} < ${list}.length; ${index}++) {`,
      `const ${item.js} = ${list}[${index}];`,
      ...(item.form === "node" ? [] : [`if (${item.js} == null) continue;`]),
      ...kindCheck(place, item),
      ...pathLine(place, owner, item, index),
    ],
    close: ["}"],
    item,
    place: { ...place, loops: place.loops + 1, guards: place.guards + 1 },
  };
}

interface Listed {
  readonly before: string;
  readonly list: string;
}

// FHIR JSON keeps ids and extensions of repeating primitives in a second array with the same indices
function pairLoop(place: Place, owner: Binding, item: Binding, name: string): Walk {
  const { js } = item;
  const where = site(place, item.path, "");
  return {
    open: [
      `const ${js}_list = array(${property(owner.js, name)}, ${where}), ${js}_more = array(${property(owner.js, `_${name}`)}, ${where});`,
      `for (let ${js}_i = 0; ${js}_i < Math.max(${js}_list.length, ${js}_more.length); ${js}_i++) {`,
      `const ${js} = ${js}_list[${js}_i], ${js}_ = ${js}_more[${js}_i];`,
      `if (${js} == null && ${js}_ == null) continue;`,
      ...kindCheck(place, item),
      ...pathLine(place, owner, item, `${js}_i`),
    ],
    close: ["}"],
    item,
    place: { ...place, loops: place.loops + 1, guards: place.guards + 1 },
  };
}

function pathLine(place: Place, owner: Binding, item: Binding, index?: string): readonly string[] {
  const rest = index === undefined ? "" : `, ${index}`;
  return place.unit.traced
    ? [`const ${item.js}_p = step(${pathCode(owner)}, ${quote(item.name)}${rest});`]
    : [];
}

/** A document that does not keep to its model is refused where it is read. */
export function kindCheck(place: Place, { js, type, form, path }: Binding): readonly string[] {
  if (type === undefined || form === "node") {
    return [];
  }
  const definition = place.unit.linked.types.get(type);
  const kind =
    definition?.kind === "primitive" ? definition.json : definition === undefined ? undefined : "object";
  if (kind === undefined) {
    return [];
  }
  // nobody has looked at the dates of a wire format yet
  if (form === "raw" && isTimed(type)) {
    return [`${type}(${js}, ${site(place, path, "")});`];
  }
  const absent = form === "primitive" ? `${js} != null && ` : "";
  const isOther = kind === "object" ? `!isObject(${js})` : `typeof ${js} !== "${kind}"`;
  return [`if (${absent}${isOther}) fail("wrong-type", ${site(place, path, "")}, kindOf(${js}));`];
}
