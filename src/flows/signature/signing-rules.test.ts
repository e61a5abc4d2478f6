import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { signingRulesIn } from "./signing-rules.ts";

const rules = signingRulesIn();
const [doctor, head] = ["109", "4"];
const certificate = rules.kind("125");

describe("who signs a document", () => {
  it("each takes the role that is still awaited and that the post may take", () => {
    expect(rules.roleFor(certificate, { posts: [doctor], signed: [] })).toBe("1");
    expect(rules.roleFor(certificate, { posts: [head], signed: ["1"] })).toBe("6");
    expect(rules.roleFor(certificate, { posts: [head], signed: [] })).toBe("6");
    expect(rules.roleFor(certificate, { posts: [doctor], signed: ["6"] })).toBe("1");
    expect(rules.awaited(certificate, [])).toEqual(["1", "6"]);
    expect(rules.awaited(certificate, ["6"])).toEqual(["1"]);
    expect(rules.awaited(certificate, ["1", "6"])).toEqual([]);
  });

  it("refuses a post that takes no role, one whose role is taken, and a kind that is not in the table", () => {
    const refused = expect.objectContaining({ code: "signer-role-mismatch" });
    const roleOf = (posts: string[], signed: string[]) => () => rules.roleFor(certificate, { posts, signed });
    expect(roleOf(["159"], [])).toThrow(refused);
    expect(roleOf([], [])).toThrow(refused);
    expect(roleOf([doctor], ["1"])).toThrow(refused);
    expect(() => rules.kind("9999")).toThrow(expect.objectContaining({ code: "document-kind-unknown" }));
  });

  it("signatures until nobody is awaited are never more than the kind takes", () => {
    const kinds = fc.constantFrom("92", "125", "147", "148", "167", "206");
    fc.assert(
      fc.property(
        kinds,
        fc.array(fc.constantFrom(doctor, head, "7", "159"), { maxLength: 12 }),
        (code, posts) => {
          const kind = rules.kind(code);
          const signed: string[] = [];
          for (const post of posts)
            try {
              signed.push(rules.roleFor(kind, { posts: [post], signed }));
            } catch {}
          for (const { role, max } of kind.signers)
            expect(signed.filter((one) => one === role).length).toBeLessThanOrEqual(max);
          expect(rules.awaited(kind, signed).length).toBe(
            kind.signers.filter(({ role }) => !signed.includes(role)).length,
          );
        },
      ),
    );
  });

  it("refuses a table with an unknown role, with more due than taken, or of another shape", () => {
    const file = join(mkdtempSync(join(tmpdir(), "rules-")), "rules.json");
    const of = (signers: object[], more = {}) => {
      const kinds = { 1: { type: "1", name: "Вид", signers } };
      const roles = { 1: { code: "DOCTOR", name: "Врач" } };
      writeFileSync(file, JSON.stringify({ source: "test", roles, kinds, ...more }));
      return () => signingRulesIn(file);
    };
    expect(of([{ role: "1", min: 1, max: 1 }])).not.toThrow();
    expect(of([{ role: "2", min: 1, max: 1 }])).toThrow(TypeError);
    expect(of([{ role: "1", min: 2, max: 1 }])).toThrow(TypeError);
    expect(of([])).toThrow(TypeError);
    expect(of([{ role: "1", min: 1, max: 1 }], { more: true })).toThrow(TypeError);
  });
});
