export interface Waiter {
  tenant: string;
  grant: () => void;
}

/** First come, first served within a tenant; tenants take turns, so a busy one delays only itself. */
export class FairQueue {
  readonly #tenants = new Map<string, Set<Waiter>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(waiter: Waiter): void {
    const line = this.#tenants.get(waiter.tenant) ?? new Set();
    this.#tenants.set(waiter.tenant, line.add(waiter));
    this.#size += 1;
  }

  remove(waiter: Waiter): void {
    const line = this.#tenants.get(waiter.tenant);
    if (!line?.delete(waiter)) return;
    this.#size -= 1;
    if (line.size === 0) this.#tenants.delete(waiter.tenant);
  }

  next(): Waiter | undefined {
    for (const [tenant, line] of this.#tenants) {
      for (const waiter of line) {
        this.remove(waiter);
        // to the end of the round
        if (this.#tenants.delete(tenant)) this.#tenants.set(tenant, line);
        return waiter;
      }
    }
    return undefined;
  }
}
