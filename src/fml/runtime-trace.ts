/** A step from a source element to one of its children; strings are made only when a trace is read. */
export interface SourcePath {
  readonly parent: SourcePath | undefined;
  readonly name: string;
  readonly index: number | undefined;
}

/** One line of a trace: which rule made a target element from which source element. */
export interface TraceEntry {
  readonly target: string;
  readonly source: string;
  readonly map: string;
  readonly line: number;
  readonly rule: string;
}

/** A write: the place of its value, the source element, the rule. */
export interface Note {
  readonly owner: object;
  /** undefined where the place tells it */
  readonly key: string | undefined;
  readonly index: number | undefined;
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

/** Collects what a traced conversion writes. */
export class TraceRecorder {
  readonly #sites: readonly SiteRow[];
  #notes: Note[] = [];

  constructor(sites: readonly SiteRow[]) {
    this.#sites = sites;
  }

  /** Begins a new conversion and hands over what the last one noted. */
  take(): readonly Note[] {
    const notes = this.#notes;
    this.#notes = [];
    return notes;
  }

  /** Notes the value that now stands under the property of a place or beside it, if there is one. */
  note(owner: Record<string, unknown>, own: unknown, source: SourcePath, site: number): void {
    const value = own ?? owner[`_${this.#sites[site]?.[6]}`];
    if (value !== undefined) {
      this.#notes.push({ owner, key: undefined, index: lastIndex(value), source, site });
    }
  }

  /** The same for a property that only the document told. */
  noteProperty(owner: Record<string, unknown>, key: string, source: SourcePath, site: number): void {
    const value = owner[key] ?? owner[`_${key}`];
    if (value !== undefined) {
      this.#notes.push({ owner, key, index: lastIndex(value), source, site });
    }
  }

  /** The trace of a finished conversion, in the order of its writes; elements that left the result are not in it. */
  entries(notes: readonly Note[], result: unknown, root: string): readonly TraceEntry[] {
    const paths = new Map<object, string>();
    locate(result, root, paths);
    return notes.flatMap(({ owner, key, index, source, site }) => {
      const path = paths.get(owner);
      const row = this.#sites[site];
      if (path === undefined || row === undefined) {
        return [];
      }
      const element = `${path}.${key ?? row[6]}`;
      const target = index === undefined ? element : `${element}[${index}]`;
      return [{ target, source: pathText(source), map: row[0], line: row[1], rule: row[3] }];
    });
  }
}

const lastIndex = (value: unknown) => (Array.isArray(value) ? value.length - 1 : undefined);

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
