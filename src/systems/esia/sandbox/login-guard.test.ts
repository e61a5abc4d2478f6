import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../core/clock.ts";
import { LoginGuard } from "./login-guard.ts";

const minute = 60_000;
const wrong = (code: string) => (code === "000000" ? "000001" : "000000");

type Step = "wait" | "new code" | "wrong code" | "right code" | "old code" | "bad form";
const steps: Step[] = ["wait", "new code", "wrong code", "right code", "old code", "bad form"];

describe("the guard of the sign-in", () => {
  it("over any course of events accepts only the newest code, in its 5 minutes, and never under a lock", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...steps), { maxLength: 30 }), async (course) => {
        const clock = new ManualClock();
        const guard = new LoginGuard(clock);
        // the model: what a person with a watch would expect
        let code: string | undefined;
        let old = "";
        let issuedAt = 0;
        let lockedUntil = 0;
        for (const step of course) {
          const isLocked = clock.now() < lockedUntil;
          if (step === "wait") await clock.advance(2 * minute);
          else if (step === "new code") {
            const next = guard.issueCode("doctor");
            expect(next === undefined).toBe(isLocked);
            if (next === undefined) continue;
            old = code ?? old;
            [code, issuedAt] = [next, clock.now()];
          } else {
            const good = step === "right code" && code !== undefined;
            const typed = good
              ? (code ?? "")
              : step === "old code" && old !== code
                ? old || "000000"
                : wrong(code ?? "");
            const { outcome } = guard.code("doctor", step === "bad form" ? "12 345" : typed);
            if (isLocked) expect(outcome).toBe("locked");
            else if (step === "bad form") expect(outcome).toBe("format");
            else if (good && clock.now() < issuedAt + 5 * minute) {
              expect(outcome).toBe("accepted");
              code = undefined;
            } else expect(outcome).not.toBe("accepted");
            if (!isLocked && outcome === "locked") lockedUntil = clock.now() + 15 * minute;
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("locks at the third wrong password and forgets failures after a right one", () => {
    const guard = new LoginGuard(new ManualClock());
    const outcomes = [false, false, true, false, false, false, true].map(
      (right) => guard.password("doctor", right).outcome,
    );
    expect(outcomes).toEqual(["wrong", "wrong", "accepted", "wrong", "wrong", "locked", "locked"]);
    expect(guard.password("nurse", true).outcome).toBe("accepted");
  });

  it("accepts a code once", () => {
    const guard = new LoginGuard(new ManualClock());
    const code = guard.issueCode("doctor") ?? "";
    expect([guard.code("doctor", code).outcome, guard.code("doctor", code).outcome]).toEqual([
      "accepted",
      "wrong",
    ]);
  });
});
