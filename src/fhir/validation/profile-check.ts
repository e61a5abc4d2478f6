import { isDeepStrictEqual } from "node:util";
import { isObject, nodeOf } from "../../fml/fhirpath-node.ts";
import { bindCodes, checkCodes } from "./codes.ts";
import { type Frame, Invariants } from "./invariants.ts";
import type { Findings } from "./issues.ts";
import { holdsPattern, type Profile, type ProfileElement, type Slice } from "./profile.ts";
import { checkReference } from "./references.ts";
import type { Shapes } from "./shapes.ts";

type Json = Readonly<Record<string, unknown>>;

/** A value that stands under an element, with its type and place. */
interface Item {
  readonly value: unknown;
  readonly type: string;
  readonly path: string;
}

/** Checks what a profile says beyond its type; the type's own structure is the walk's. */
export class ProfileCheck {
  readonly #shapes: Shapes;
  readonly #findings: Findings;
  readonly #invariants: Invariants;
  readonly #frame: Frame;

  constructor(shapes: Shapes, findings: Findings, frame: Frame) {
    this.#shapes = shapes;
    this.#findings = findings;
    this.#frame = frame;
    this.#invariants = new Invariants(shapes.rules.types, findings);
  }

  /** `value` is the resource or the data type that the profile constrains. */
  check({ root, type }: Profile, value: Json, path: string): void {
    this.#item({ value, type, path }, root);
  }

  #item(item: Item, rule: ProfileElement): void {
    const { value, type, path } = item;
    const { types, fixed, pattern, codes, dictionary, targets } = rule;
    if (types && !types.includes(type))
      this.#findings.add({ kind: "type-not-allowed", path, detail: `one of ${types.join(", ")}` });
    if (!isAsSaid(value, rule))
      this.#findings.add({ kind: "fixed-value", path, detail: JSON.stringify(fixed ?? pattern) });
    if (codes) checkCodes(value, codes, path, this.#findings);
    if (dictionary) bindCodes(value, dictionary, path, this.#findings);
    if (targets && isObject(value)) this.#target(value, targets, path);
    this.#invariants.check(rule.constraints, nodeOf(type, value), path, this.#frame);
    if (isObject(value)) for (const child of rule.children) this.#element(item, value, child);
  }

  #element({ type, path }: Item, value: Json, rule: ProfileElement): void {
    const items = this.#itemsOf(value, type, rule.element, path);
    this.#count(items.length, rule, `${path}.${rule.element}`, rule.element);
    for (const item of items) this.#item(item, rule);
    if (rule.slices.length > 0) this.#slices(items, rule, `${path}.${rule.element}`);
  }

  #slices(items: readonly Item[], { slices, closed }: ProfileElement, path: string): void {
    const unmatched = new Set(items);
    for (const slice of slices) {
      const found = items.filter(({ value }) => isOfSlice(value, slice));
      for (const item of found) {
        unmatched.delete(item);
        this.#item(item, slice);
      }
      this.#count(found.length, slice, path, `${slice.element}, ${slice.name}`);
    }
    if (closed)
      for (const item of unmatched)
        this.#findings.add({
          kind: "slice-unmatched",
          path: item.path,
          detail: slices.map(({ name }) => name).join(", "),
        });
  }

  #count(count: number, { min, max }: ProfileElement, path: string, name: string): void {
    if (count < min)
      this.#findings.add({ kind: "missing-element", path, detail: `${name}: at least ${min}` });
    if (count > max) this.#findings.add({ kind: "too-many", path, detail: `${name}: at most ${max}` });
  }

  #itemsOf(owner: Json, type: string, element: string, path: string): readonly Item[] {
    const properties = [...(this.#shapes.of(type)?.properties ?? [])];
    return properties
      .filter(([, property]) => property.element === element && !property.companion)
      .flatMap(([name, { step, type: of }]) => {
        const value = owner[name];
        const place = `${path}.${step}`;
        if (Array.isArray(value)) return value.map((one, i) => itemOf(one, of, `${place}[${i}]`));
        return value === undefined || value === null ? [] : [itemOf(value, of, place)];
      });
  }

  #target(value: Json, targets: readonly string[], path: string): void {
    const root = this.#frame.root.value as Json;
    const isResource = (type: string) => this.#shapes.isResource(type);
    checkReference(value, { path, targets, root, isResource }, this.#findings);
  }
}

const isAsSaid = (value: unknown, { fixed, pattern }: ProfileElement): boolean =>
  (fixed === undefined || isDeepStrictEqual(value, fixed)) &&
  (pattern === undefined || holdsPattern(value, pattern));

// a resource says itself of which type it is
function itemOf(value: unknown, type: string, path: string): Item {
  return { value, type: nodeOf(type, value).type ?? type, path };
}

const isOfSlice = (value: unknown, { marks }: Slice): boolean =>
  marks.every(({ path, pattern }) => pattern !== undefined && anyAt(value, path, pattern));

function anyAt(value: unknown, path: readonly string[], pattern: unknown): boolean {
  if (Array.isArray(value)) return value.some((item) => anyAt(item, path, pattern));
  const [step, ...rest] = path;
  if (step === undefined) return holdsPattern(value, pattern);
  return isObject(value) && anyAt(value[step], rest, pattern);
}
