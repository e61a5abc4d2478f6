import { randomInt } from "node:crypto";
import type { Clock } from "../../../core/clock.ts";
import { ExpiringMap } from "./expiring-map.ts";

export type Attempt =
  | { outcome: "accepted" }
  | { outcome: "wrong"; factor: "password" | "code"; left: number }
  | { outcome: "expired" }
  /** not six digits: named and not counted */
  | { outcome: "format" }
  | { outcome: "locked"; until: number };

const codeLifeMs = 5 * 60_000;
const lockMs = 15 * 60_000;
const maxAttempts = 3;

/** Counts wrong passwords and codes of a person: three of either lock the sign-in for 15 minutes. */
export class LoginGuard {
  readonly #clock: Clock;
  readonly #locks: ExpiringMap<number>;
  readonly #failures: ExpiringMap<number>;
  readonly #codes: ExpiringMap<{ code: string; until: number }>;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#locks = new ExpiringMap(clock, lockMs);
    this.#failures = new ExpiringMap(clock, lockMs);
    // kept longer than it lives, so that an old code can be told from a wrong one
    this.#codes = new ExpiringMap(clock, 2 * codeLifeMs);
  }

  /** Milliseconds of the end of a lock that holds now. */
  lockedUntil(name: string): number | undefined {
    return this.#locks.get(name);
  }

  /** A password was typed for this name. */
  password(name: string, right: boolean): Attempt {
    const until = this.#locks.get(name);
    if (until !== undefined) return { outcome: "locked", until };
    if (!right) return this.#failed(name, "password");
    this.#failures.delete(`password ${name}`);
    return { outcome: "accepted" };
  }

  /** A fresh code of six digits for 5 minutes; the one before it is good no longer. Undefined under a lock. */
  issueCode(name: string): string | undefined {
    if (this.#locks.get(name) !== undefined) return undefined;
    const code = String(randomInt(1_000_000)).padStart(6, "0");
    this.#codes.set(name, { code, until: this.#clock.now() + codeLifeMs });
    return code;
  }

  /** The code that is good now. */
  codeOf(name: string): string | undefined {
    return this.#codes.get(name)?.code;
  }

  /** A code was typed for this name; a right one is spent. */
  code(name: string, typed: string): Attempt {
    const lockedUntil = this.#locks.get(name);
    if (lockedUntil !== undefined) return { outcome: "locked", until: lockedUntil };
    if (!/^\d{6}$/.test(typed)) return { outcome: "format" };
    const issued = this.#codes.get(name);
    if (issued?.code !== typed) return this.#failed(name, "code");
    if (this.#clock.now() >= issued.until) return { outcome: "expired" };
    this.#codes.delete(name);
    this.#failures.delete(`code ${name}`);
    return { outcome: "accepted" };
  }

  #failed(name: string, kind: "password" | "code"): Attempt {
    const key = `${kind} ${name}`;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    if (failures < maxAttempts) {
      this.#failures.set(key, failures);
      return { outcome: "wrong", factor: kind, left: maxAttempts - failures };
    }
    const until = this.#clock.now() + lockMs;
    this.#failures.delete(key);
    this.#locks.set(name, until);
    return { outcome: "locked", until };
  }
}
