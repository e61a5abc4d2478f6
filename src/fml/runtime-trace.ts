import { isObject } from "./fhirpath-node.ts";
import type { TraceEntry } from "./trace-entry.ts";

/** A step from a source element to one of its children; strings are made only when a trace is read. */
export interface SourcePath {
  readonly parent: SourcePath | undefined;
  readonly name: string;
  readonly index: number | undefined;
}

/** A write: the place of its value, the source element, the rule. */
export interface Note {
  readonly owner: object;
  /** undefined where the place tells it */
  readonly key: string | undefined;
  /** what was written, if it is an object: it may be moved, or leave the result when it stays empty */
  readonly item: object | undefined;
  readonly list: readonly unknown[] | undefined;
  /** of an item of a list, when it was written; later items may be inserted before it */
  index: number | undefined;
  readonly source: SourcePath;
  readonly site: number;
}

/** A row of the module's table of places: map, line, column, rule, source path, target path, property that is noted. */
export type SiteRow = readonly [string, number, number, string, string, string, string?];

export const noPath: SourcePath = { parent: undefined, name: "", index: undefined };

/** Writes a source path as FHIRPath: `card.education[1].date`. */
function pathText({ parent, name, index }: SourcePath): string {
  const own = index === undefined ? name : `${name}[${index}]`;
  return parent === undefined || parent === noPath ? own : `${pathText(parent)}.${own}`;
}

/** What a conversion wrote, and the output that it was written into. */
export interface Recording {
  readonly root: unknown;
  readonly notes: readonly Note[];
}

/** Collects what a traced conversion writes. */
export class TraceRecorder {
  readonly #sites: readonly SiteRow[];
  #root: unknown;
  #notes: Note[] = [];
  #placed: { readonly list: readonly unknown[]; readonly at: number } | undefined;

  constructor(sites: readonly SiteRow[]) {
    this.#sites = sites;
  }

  /** Begins a conversion into an output. */
  begin(root: unknown): void {
    this.#root = root;
    this.#notes = [];
  }

  /** Hands over what the conversion noted, also of one that failed. */
  take(): Recording {
    const recording = { root: this.#root, notes: this.#notes };
    this.begin(undefined);
    return recording;
  }

  /** Notes the value that now stands under the property of a place or beside it, if there is one. */
  note(owner: Record<string, unknown>, own: unknown, source: SourcePath, site: number): void {
    if ((own ?? owner[`_${this.#sites[site]?.[6]}`]) !== undefined) {
      this.#add(own, owner, undefined, source, site);
    }
  }

  /** The same for a property that only the document told. */
  noteProperty(owner: Record<string, unknown>, key: string, source: SourcePath, site: number): void {
    const own = owner[key];
    if ((own ?? owner[`_${key}`]) !== undefined) {
      this.#add(own, owner, key, source, site);
    }
  }

  /** An item comes to stand at a place of a list, so that those behind it move on. */
  placed(list: readonly unknown[], at: number): void {
    this.#placed = { list, at };
    for (const note of this.#notes) {
      if (note.list === list && note.index !== undefined && note.index >= at) {
        note.index += 1;
      }
    }
  }

  // biome-ignore lint/complexity/useMaxParams: an object for each note would cost more than the note
  #add(own: unknown, owner: object, key: string | undefined, source: SourcePath, site: number): void {
    const list = Array.isArray(own) ? own : undefined;
    const index = list && (this.#placed?.list === list ? this.#placed.at : list.length - 1);
    const written: unknown = list === undefined ? own : list[index ?? 0];
    this.#placed = undefined;
    const item = isObject(written) ? written : undefined;
    this.#notes.push({ owner, key, item, list, index, source, site });
  }

  /** The trace of a conversion, in the order of its writes; elements that left the result are not in it. */
  entries({ root, notes }: Recording): readonly TraceEntry[] {
    const paths = new Map<object, string>();
    locate(root, nameOf(root), paths);
    return notes.flatMap((note) => {
      const row = this.#sites[note.site];
      const target = targetText(note, row?.[6], paths);
      return target === undefined || row === undefined
        ? []
        : [{ target, source: pathText(note.source), map: row[0], line: row[1], rule: row[3] }];
    });
  }
}

function targetText(
  { owner, key, item, index }: Note,
  property: string | undefined,
  paths: ReadonlyMap<object, string>,
): string | undefined {
  const path = paths.get(owner);
  if (item !== undefined || path === undefined) {
    return item && paths.get(item);
  }
  const element = `${path}.${key ?? property}`;
  return index === undefined ? element : `${element}[${index}]`;
}

function nameOf(root: unknown): string {
  const type = (root as { resourceType?: unknown } | undefined)?.resourceType;
  return typeof type === "string" ? type : "result";
}

function locate(value: unknown, path: string, paths: Map<object, string>): void {
  if (typeof value !== "object" || value === null) {
    return;
  }
  paths.set(value, path);
  for (const [key, child] of Object.entries(value)) {
    if (Array.isArray(child)) {
      for (const [index, item] of child.entries()) {
        locate(item, `${path}.${key}[${index}]`, paths);
      }
    } else {
      locate(child, `${path}.${key}`, paths);
    }
  }
}
