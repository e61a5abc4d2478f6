import type { TargetListMode } from "./ast.ts";
import { type Binding, type Build, newName, type Place, pathCode, property, quote, site } from "./unit.ts";

/** An object that a rule makes: written as one literal unless something must be known of it earlier. */
interface Fresh {
  readonly binding: Binding & { readonly build: Build };
  readonly properties: Map<string, string[]>;
  readonly attach: readonly string[];
}

/** How a made element is joined to its parent. */
export interface Attachment {
  readonly parent: Binding;
  readonly property: string;
  readonly array: boolean;
  readonly listMode?: TargetListMode;
}

/**
 * Collects what the targets of one rule write. Fresh objects are held back so that they become literals with all their
 * certain properties; what may be absent is written after them.
 */
export class TargetWriter {
  readonly lines: string[] = [];
  readonly #place: Place;
  #fresh: Fresh[] = [];
  #later: string[] = [];

  constructor(place: Place) {
    this.#place = place;
  }

  /** Writes what is held back; from here on the objects made so far are ordinary variables. */
  flush(): void {
    // a child's literal stands before the literal of its parent
    for (const { binding, properties } of [...this.#fresh].reverse()) {
      const body = [...properties]
        .map(([name, values]) => `${quoteKey(name)}: ${values.join("")}`)
        .join(", ");
      this.lines.push(`const ${binding.js} = { ${body} };`);
    }
    if (this.#fresh.length > 0) {
      const where = site(this.#place, "", "");
      this.lines.push(`if ((size += ${this.#fresh.length}) > maxSize) tooLarge(${where});`);
    }
    this.lines.push(...this.#fresh.flatMap(({ attach }) => attach), ...this.#later);
    this.#fresh = [];
    this.#later = [];
  }

  #freshOf(binding: Binding): Fresh | undefined {
    return this.#fresh.find((fresh) => fresh.binding.js === binding.js);
  }

  /** Adds statements after the literals. */
  later(...lines: readonly string[]): void {
    this.#later.push(...lines);
  }

  /** Makes an object with its first properties and joins it to its parent. */
  make(
    binding: Binding & { readonly build: Build },
    first: Readonly<Record<string, string>>,
    to?: Attachment,
  ): void {
    const properties = new Map(Object.entries(first).map(([name, js]) => [name, [js]]));
    const nested = to !== undefined && this.#nest(to, binding.js);
    const attach = to === undefined || nested ? [] : attachLines(this.#place, to, binding.js);
    this.#fresh.push({ binding, properties, attach });
  }

  // puts a value into the literal of a parent that this rule makes itself
  #nest({ parent, property: name, array, listMode }: Attachment, js: string): boolean {
    const fresh = this.#freshOf(parent);
    if (fresh === undefined || listMode !== undefined || parent.build?.written.has(name)) {
      return false;
    }
    if (!array) {
      fresh.properties.set(name, [js]);
      parent.build?.written.add(name);
      return true;
    }
    fresh.properties.set(name, ["[", js, "]"]);
    parent.build?.written.add(name);
    return true;
  }

  /**
   * Writes a value: into the parent's literal if it is certain, else as a statement that leaves absent ones out. The
   * notes are of what was written.
   */
  assign(to: Attachment, js: string, certain: boolean, notes: readonly string[]): void {
    const { parent } = to;
    if (certain) {
      markFilled(this.#place, parent);
      this.later(...(this.#nest(to, js) ? [] : attachLines(this.#place, to, js)), ...notes);
      return;
    }
    const name = /^[\w$]+$/.test(js) ? js : newName(this.#place.unit, "t");
    const declare = name === js ? [] : [`const ${name} = ${js};`];
    const write = attachLines({ ...this.#place, guards: this.#place.guards + 1 }, to, name);
    this.later(
      ...declare,
      `if (${name} !== undefined && ${name} !== null) { ${[...write, ...notes].join(" ")} }`,
    );
  }
}

const quoteKey = (name: string) => (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : quote(name));

/** Notes that an object surely ends with content if the write always happens. */
export function markFilled(place: Place, { build }: Binding): void {
  if (build !== undefined && build.guards === place.guards) {
    build.filled = true;
  }
}

/** Whether an element surely has no value yet, so that the first write needs not look. */
export function isAbsent(place: Place, { build }: Binding, name: string): boolean {
  return (
    build?.owned === true &&
    !build.written.has("*") &&
    !build.written.has(name) &&
    build.loops === place.loops
  );
}

/** The statements that join a value to its parent. */
export function attachLines(place: Place, to: Attachment, js: string): readonly string[] {
  const { parent, property: name, array } = to;
  const at = property(parent.js, name);
  const isFirst = isAbsent(place, parent, name);
  parent.build?.written.add(name);
  if (!array) {
    return [`${at} = ${js};`];
  }
  const insertion = insertionOf(place, to);
  if (insertion !== undefined) {
    return [`insert(${parent.js}, ${quote(name)}, ${js}, ${insertion});`];
  }
  return isFirst
    ? [`${at} = [${js}];`]
    : [
        `if (${at} === undefined) ${at} = [${js}]; else if (${at}.push(${js}) > maxSize) tooLarge(${site(place, "", "")});`,
      ];
}

/** Where an item goes in a list whose items the rules put in an order; undefined for all other elements. */
export function insertionOf(
  place: Place,
  { property: name, array, listMode }: Omit<Attachment, "parent">,
): string | undefined {
  const isOrdered = listMode === "first" || listMode === "last" || place.group.lasts.has(name);
  if (!array || !isOrdered) {
    return undefined;
  }
  place.group.usesOrder = true;
  return `inOrder(${quote(listMode ?? "")}, order)`;
}

/**
 * In the traced variant: the statement that notes which source element and rule wrote an element. `js` is what was
 * written, or the element that it was written to.
 */
export function noteLines(
  place: Place,
  { parent, property: name }: Pick<Attachment, "parent" | "property">,
  self: Binding,
  js = property(parent.js, name),
): readonly string[] {
  if (!place.unit.traced) {
    return [];
  }
  const where = site(place, self.path, `${parent.path}.${name}`, name);
  return [`note(${parent.js}, ${js}, ${pathCode(self)}, ${where});`];
}

/** A statement of a call that tells whether it wrote anything, with the note of what it wrote. */
export function noted(call: string, notes: readonly string[]): string {
  return notes.length === 0 ? `${call};` : `if (${call}) { ${notes.join(" ")} }`;
}
