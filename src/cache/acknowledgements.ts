interface Wait {
  replicas: readonly string[];
  number: number;
  resolve: () => void;
}

/** How far each replica has confirmed the bumps of one epoch; a confirmation covers every lower number. */
export class Acknowledgements {
  readonly #confirmed = new Map<string, number>();
  readonly #waits = new Set<Wait>();
  #epoch = "";

  /** "replica epoch number" */
  hear(ack: string): void {
    const [replica = "", epoch, number] = ack.split(" ");
    if (epoch !== this.#epoch) return;
    this.#confirmed.set(replica, Math.max(this.#confirmed.get(replica) ?? 0, Number(number)));
    for (const wait of this.#waits) this.#settle(wait);
  }

  forget(epoch: string): void {
    this.#epoch = epoch;
    this.#confirmed.clear();
  }

  /** Resolves when all of them have confirmed the number, or when the signal aborts. */
  of(replicas: readonly string[], number: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wait = { replicas, number, resolve };
      this.#waits.add(wait);
      signal.addEventListener("abort", () => this.#end(wait), { once: true });
      this.#settle(wait);
    });
  }

  #settle(wait: Wait): void {
    if (!wait.replicas.every((replica) => (this.#confirmed.get(replica) ?? 0) >= wait.number)) return;
    this.#end(wait);
  }

  #end(wait: Wait): void {
    this.#waits.delete(wait);
    wait.resolve();
  }
}
