/** Lets work about the same names go one after another in this process, in the order in which it came. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Does the work once all earlier work about any of the names has ended; what it throws is thrown. */
  async take<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    const earlier = names.map((name) => this.#last.get(name));
    const { promise: turn, resolve: end } = openTurn();
    for (const name of names) this.#last.set(name, turn);
    try {
      await Promise.all(earlier);
      return await work();
    } finally {
      end();
      for (const name of names) if (this.#last.get(name) === turn) this.#last.delete(name);
    }
  }
}

function openTurn(): { promise: Promise<void>; resolve(): void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
