import { GatewayError } from "./errors.ts";

// each holds the body of its request
const longestLine = 64;

interface Line {
  /** ends with the last work in it */
  end: Promise<void>;
  length: number;
}

/** Lets work about the same names go one after another in this process, in the order in which it came. */
export class Turns {
  readonly #lines = new Map<string, Line>();

  /**
   * Does the work once all earlier work about any of the names has ended; what it throws is thrown. Throws `overloaded`
   * when 64 wait about one name already.
   */
  async take<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    const earlier = names.map((name) => this.#lines.get(name));
    if (earlier.some((line) => line && line.length >= longestLine))
      throw new GatewayError("overloaded", { detail: "too many changes of the same wait" });
    const done = Promise.all(earlier.map((line) => line?.end)).then(work);
    const end = done.then(
      () => {},
      () => {},
    );
    for (const [n, name] of names.entries())
      this.#lines.set(name, { end, length: (earlier[n]?.length ?? 0) + 1 });
    try {
      return await done;
    } finally {
      for (const name of names) this.#leave(name, end);
    }
  }

  #leave(name: string, end: Promise<void>): void {
    const line = this.#lines.get(name);
    if (line?.end === end) this.#lines.delete(name);
    else if (line) line.length -= 1;
  }
}
