import type { Clock } from "../core/clock.ts";
import { TokenBucket } from "../core/token-bucket.ts";

interface Repeat<T> {
  bucket: TokenBucket;
  held: { count: number; last: T } | undefined;
}

// of one kind: five at once, then one in ten seconds
const rate = { requests: 6, perSeconds: 60, burst: 5 };

/** Lets few lines of one kind through; the last of those held back is written later, with how many it stands for. */
export class Repeats<T> {
  readonly #clock: Clock;
  readonly #write: (line: T, suppressed: number) => void;
  readonly #kinds = new Map<string, Repeat<T>>();
  readonly #closed = new AbortController();

  constructor(clock: Clock, write: (line: T, suppressed: number) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  /** Writes the line, or keeps it in place of the one held before it. */
  offer(kind: string, line: T): void {
    let repeat = this.#kinds.get(kind);
    if (!repeat) {
      repeat = { bucket: new TokenBucket(rate, this.#clock), held: undefined };
      this.#kinds.set(kind, repeat);
    }
    if (repeat.held) repeat.held = { count: repeat.held.count + 1, last: line };
    else if (repeat.bucket.take()) this.#write(line, 0);
    else this.#hold(repeat, line);
  }

  /** Writes what is held back. */
  close(): void {
    this.#closed.abort();
    for (const repeat of this.#kinds.values()) this.#tell(repeat);
  }

  #hold(repeat: Repeat<T>, line: T): void {
    repeat.held = { count: 1, last: line };
    const ready = this.#clock.sleep(repeat.bucket.waitMs(1), this.#closed.signal);
    ready.then(
      () => this.#tell(repeat),
      () => {},
    );
  }

  #tell(repeat: Repeat<T>): void {
    const { held, bucket } = repeat;
    if (!held) return;
    repeat.held = undefined;
    bucket.take();
    this.#write(held.last, held.count - 1);
  }
}
