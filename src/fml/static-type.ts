import type { Name } from "./ast.ts";
import {
  findElement,
  isForbiddenName,
  isSubtype,
  type ResolvedElement,
  systemTypeOf,
  type TypeDefinition,
} from "./types.ts";
import { type Place, report } from "./unit.ts";

/** An element as the compiler met it; `known` is false where no model describes the owner. */
export interface StaticElement {
  readonly property: string;
  readonly known: boolean;
  readonly types: readonly string[];
  readonly array: boolean;
  readonly choice: boolean;
  /** a FHIR primitive, whose id and extension stand in `_property` */
  readonly companion: boolean;
}

/** Looks an element up in its owner's type; an unknown one is a problem with a suggestion. */
export function elementAt(place: Place, owner: string | undefined, name: Name): StaticElement | undefined {
  const { types } = place.unit.linked;
  if (isForbiddenName(name.text)) {
    report(place, "forbidden-name", `no element is named ${name.text}`, name.position);
    return undefined;
  }
  const definition = owner === undefined ? undefined : types.get(owner);
  // only the document tells the type of a Resource, so its elements are looked up then
  if (owner === undefined || definition === undefined || isOpenResource(definition)) {
    return { property: name.text, known: false, types: [], array: false, choice: false, companion: false };
  }
  const found = findElement(definition, name.text);
  if (found === undefined) {
    const near = nearest(name.text, Object.keys(definition.elements));
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    report(place, "unknown-element", `${shortName(owner)} has no element ${name.text}${hint}`, name.position);
    return undefined;
  }
  if (definition.kind === "logical") {
    place.unit.linked.touched.add(`${owner}.${found.property}`);
  }
  return staticElement(place, owner, found);
}

const isOpenResource = ({ kind, abstract }: TypeDefinition) => kind === "resource" && abstract === true;

function staticElement(place: Place, owner: string, found: ResolvedElement): StaticElement {
  const { types } = place.unit.linked;
  const [only] = found.types;
  const isPrimitive = only !== undefined && types.get(only)?.kind === "primitive";
  return {
    property: found.property,
    known: true,
    types: found.types,
    array: found.array,
    choice: found.choice !== undefined,
    companion: isPrimitive && found.choice === undefined && types.get(owner)?.kind !== "logical",
  };
}

/** A type's name for people: without the URL of its model. */
export function shortName(type: string): string {
  return type.slice(type.indexOf("#") + 1);
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The known name that a misspelt one most likely meant. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const lower = name.toLowerCase();
  const ranked = known
    .map((candidate) => ({ candidate, cost: distance(lower, candidate.toLowerCase()) }))
    .filter(({ cost }) => cost <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.cost - b.cost);
  return ranked[0]?.candidate;
}

const isText = (type: string) => type === "String";
const isTime = (type: string) => type === "Date" || type === "DateTime" || type === "Time";

/** How a value of one type gets into an element of another: as it is, after a look at its text, or not at all. */
export function fitOf(place: Place, from: string, to: string): "same" | "check" | undefined {
  const { types } = place.unit.linked;
  if (from === to || isSubtype(types, from, to)) {
    return "same";
  }
  const [source, target] = [systemTypeOf(types, from), systemTypeOf(types, to)];
  if (source === undefined || target === undefined) {
    const compound = from === "System.Quantity" && isSubtype(types, to, "Quantity");
    return compound ? "check" : undefined;
  }
  if (isTime(target)) {
    return fitTime(source, target, from, to);
  }
  const isSame = source === target || (source === "Integer" && target === "Decimal");
  return isSame ? "same" : undefined;
}

function fitTime(source: string, target: string, from: string, to: string): "same" | "check" | undefined {
  if (isText(source)) {
    return "check";
  }
  if (source === target) {
    return to === "instant" && from !== "instant" ? "check" : "same";
  }
  return source === "Date" && to === "dateTime" ? "same" : undefined;
}
