import { quantityNode } from "./fhirpath-arithmetic.ts";
import { bool, type Node, type PathFunction, type Scope, system, systemType } from "./fhirpath-node.ts";
import { single } from "./fhirpath-singleton.ts";
import { quantityOf } from "./quantity.ts";
import { formatTemporal, parseTemporal } from "./temporal.ts";
import type { TypeTable } from "./types.ts";

type Convert = (node: Node, type: string | undefined, types: TypeTable) => Node | undefined;

const yes = new Set(["true", "t", "yes", "y", "1", "1.0"]);
const no = new Set(["false", "f", "no", "n", "0", "0.0"]);
const calendar = /^(year|month|week|day|hour|minute|second|millisecond)s?$/;

/** The text of a System value, as `toString()` gives it; undefined for complex types. */
function textOf(node: Node, type: string | undefined): string | undefined {
  if (type === "Quantity") {
    const quantity = quantityOf(node);
    return quantity && `${quantity.value} ${quantity.calendar ? quantity.unit : `'${quantity.unit}'`}`;
  }
  return type === undefined ? undefined : (node.digits ?? String(node.value));
}

function toBoolean({ value }: Node): Node | undefined {
  const written = String(value).toLowerCase();
  if (typeof value === "object" || !(yes.has(written) || no.has(written))) {
    return undefined;
  }
  return system("Boolean", yes.has(written));
}

function toInteger({ value }: Node, type: string | undefined): Node | undefined {
  const written = type === "Boolean" ? Number(value) : value;
  const isInteger = type !== "Decimal" && /^[+-]?\d{1,15}$/.test(String(written));
  return isInteger ? system("Integer", Number(written)) : undefined;
}

function toDecimal({ value, digits }: Node, type: string | undefined): Node | undefined {
  const written = type === "Boolean" ? Number(value) : (digits ?? value);
  if (typeof value === "object" || !/^[+-]?\d+(\.\d+)?$/.test(String(written))) {
    return undefined;
  }
  const kept = digits ?? (typeof value === "string" ? value : undefined);
  return { ...system("Decimal", Number(written)), ...(kept === undefined ? {} : { digits: kept }) };
}

function toTemporal(kind: "Date" | "DateTime" | "Time"): Convert {
  const sources = kind === "Time" ? ["String", "Time"] : ["String", "Date", "DateTime"];
  return ({ value }, type) => {
    const isSource = typeof value === "string" && sources.includes(type ?? "");
    const found = isSource ? parseTemporal(value, kind === "Time" ? kind : undefined) : undefined;
    if (found === undefined || (found.kind === "Time") !== (kind === "Time")) {
      return undefined;
    }
    const fields = kind === "Date" ? found.fields.slice(0, 3) : found.fields;
    return system(kind, formatTemporal({ ...found, kind, fields }));
  };
}

function parseQuantity(written: string): Node | undefined {
  const [, amount, quoted, word] = /^([+-]?\d+(?:\.\d+)?)\s*(?:'([^']+)'|([a-z]+))?$/.exec(written) ?? [];
  if (amount === undefined || (word !== undefined && !calendar.test(word))) {
    return undefined;
  }
  const unit = quoted ?? word ?? "1";
  return quantityNode({ value: Number(amount), unit, calendar: word !== undefined });
}

function toQuantity(node: Node, type: string | undefined): Node | undefined {
  if (type === "String") {
    return parseQuantity(String(node.value));
  }
  if (type === "Boolean") {
    return quantityNode({ value: Number(node.value), unit: "1", calendar: false });
  }
  const quantity = quantityOf(node);
  return quantity === undefined ? undefined : quantityNode(quantity);
}

const conversions: Readonly<Record<string, Convert>> = {
  Boolean: toBoolean,
  Integer: toInteger,
  Decimal: toDecimal,
  Date: toTemporal("Date"),
  DateTime: toTemporal("DateTime"),
  Time: toTemporal("Time"),
  Quantity: toQuantity,
  String: (node, type) => {
    const written = textOf(node, type);
    return written === undefined ? undefined : system("String", written);
  },
};

/** Converts one item to a System type as `toX()` does; undefined if it does not convert. */
export function convertNode(to: string, node: Node, types: TypeTable): Node | undefined {
  return conversions[to]?.(node, systemType(types, node), types);
}

function converted(to: string, input: readonly Node[], { types }: Scope): Node | undefined {
  const node = single(input);
  return node === undefined ? undefined : convertNode(to, node, types);
}

const entries = Object.keys(conversions).flatMap((type): [string, PathFunction][] => [
  [
    `to${type}`,
    {
      min: 0,
      max: type === "Quantity" ? 1 : 0,
      run: (input, _args, scope) => [converted(type, input, scope)].filter((node) => node !== undefined),
    },
  ],
  [
    `convertsTo${type}`,
    {
      min: 0,
      max: type === "Quantity" ? 1 : 0,
      run: (input, _args, scope) =>
        input.length === 0 ? [] : bool(converted(type, input, scope) !== undefined),
    },
  ],
]);

/** FHIRPath 2.0 section 5.5: `toX` and `convertsToX` of every System type. */
export const conversionFunctions: Readonly<Record<string, PathFunction>> = Object.fromEntries(entries);
