import { LRUCache } from "lru-cache";

/** One subject's generation as this replica knows it; entries hold the cell itself, so a check is one comparison. */
export interface Cell {
  readonly hash: string;
  /** -1: not known, no entry made under it is served */
  generation: number;
}

/** Generations of the subjects that an answer depends on, taken together while they could be trusted. */
export interface Stamp {
  cells: readonly Cell[];
  generations: readonly number[];
  /** the life of the store of generations; numbers of two lives can't be compared */
  epoch: string;
}

export interface Generations {
  /** May generations held in this process be trusted now? */
  trusted(): boolean;
  /** undefined when nobody can say which generation is current */
  capture(subjects: readonly string[]): Promise<Stamp | undefined>;
  /** Resolves when no replica can give an answer of before; throws GatewayError `store-unavailable` otherwise. */
  bump(subject: string): Promise<void>;
  close(): Promise<void>;
}

/** True while each subject still has the generation that it had when the stamp was taken. */
export function isCurrent({ cells, generations }: Stamp): boolean {
  for (let index = 0; index < cells.length; index++) {
    if (cells[index]?.generation !== generations[index]) return false;
  }
  return true;
}

export function stampOf(cells: readonly Cell[], epoch: string): Stamp {
  return { cells, generations: cells.map((cell) => cell.generation), epoch };
}

/** Bounded set of cells; one that is dropped is made unknown, so that entries made under it die with it. */
export function createCells(max = 200_000): LRUCache<string, Cell> {
  return new LRUCache({
    // counted as size: a plain `max` allocates room for all of them at once
    maxSize: max,
    sizeCalculation: () => 1,
    dispose: (cell) => {
      cell.generation = -1;
    },
  });
}

/** Generations of a single replica: always trusted. */
export class LocalGenerations implements Generations {
  readonly #cells = createCells();
  // never reused: a cell that was dropped and made again must not fit an old entry
  #last = 0;

  trusted(): boolean {
    return true;
  }

  async capture(subjects: readonly string[]): Promise<Stamp> {
    return stampOf(
      subjects.map((subject) => this.#cellOf(subject)),
      "local",
    );
  }

  async bump(subject: string): Promise<void> {
    this.#cellOf(subject).generation = ++this.#last;
  }

  async close(): Promise<void> {}

  #cellOf(subject: string): Cell {
    let cell = this.#cells.get(subject);
    if (!cell) {
      cell = { hash: subject, generation: ++this.#last };
      this.#cells.set(subject, cell);
    }
    return cell;
  }
}
