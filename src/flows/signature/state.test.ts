import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isInForce, next, type SignatureEvent, type SignatureState } from "./state.ts";

const events: SignatureEvent[] = ["verified", "unverified", "refused", "ran-out", "cancelled", "superseded"];

/** Every state on the way, the first included; events that can't happen change nothing. */
function walk(sequence: readonly SignatureEvent[]): { states: SignatureState[]; happened: SignatureEvent[] } {
  const states: SignatureState[] = ["prepared"];
  const happened: SignatureEvent[] = [];
  for (const event of sequence) {
    const after = next(states.at(-1) ?? "prepared", event);
    if (!after) continue;
    states.push(after);
    happened.push(event);
  }
  return { states, happened };
}

const walks = fc.array(fc.constantFrom(...events), { maxLength: 30 });

describe("next", () => {
  it("is in force only while the last thing that happened is a verification", () => {
    fc.assert(
      fc.property(walks, (sequence) => {
        const { states, happened } = walk(sequence);
        expect(isInForce(states.at(-1) ?? "prepared")).toBe(happened.at(-1) === "verified");
      }),
    );
  });

  it("leaves an end never: refused, expired, cancelled and superseded stay what they are", () => {
    fc.assert(
      fc.property(walks, (sequence) => {
        const ends = ["refused", "expired", "cancelled", "superseded"];
        const { states } = walk(sequence);
        const end = states.findIndex((state) => ends.includes(state));
        expect(end === -1 || end === states.length - 1).toBe(true);
      }),
    );
  });

  it("is verified at most once, and superseded only after that", () => {
    fc.assert(
      fc.property(walks, (sequence) => {
        const { happened } = walk(sequence);
        expect(happened.filter((event) => event === "verified").length).toBeLessThanOrEqual(1);
        if (happened.includes("superseded"))
          expect(happened.indexOf("superseded")).toBeGreaterThan(happened.indexOf("verified"));
      }),
    );
  });

  it("what waits for revocation is never frozen for another try, and never runs out", () => {
    fc.assert(
      fc.property(walks, (sequence) => {
        const { states } = walk(sequence);
        const waiting = states.indexOf("verification-pending");
        if (waiting >= 0) expect(states.slice(waiting)).not.toContain("prepared");
        if (waiting >= 0) expect(states.slice(waiting)).not.toContain("expired");
      }),
    );
  });
});
