import fc from "fast-check";
import { expect, it } from "vitest";
import type { CareRelation, ConsentFact } from "./access-facts.ts";
import { sections } from "./access-facts.ts";
import { decide } from "./decide.ts";
import { holdingsOf } from "./holders.ts";

const at = 2;
const [patient, organization] = ["patient", "clinic"];
const right = fc.constantFrom("view" as const, "enter" as const);
const worker = fc.constantFrom("anna", "boris");
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const time = maybe(fc.integer({ min: 0, max: 4 }));
const consents: fc.Arbitrary<ConsentFact[]> = fc.array(
  fc.record({
    kind: fc.constant("access" as const),
    decision: fc.constantFrom("permit", "deny"),
    patient: fc.constant(patient),
    rights: fc.uniqueArray(right),
    practitioner: maybe(worker),
    organization: maybe(fc.constant(organization)),
    types: maybe(fc.subarray(["Condition", "Observation", "Patient"])),
    from: time,
    until: time,
  }),
  { maxLength: 4 },
);
const relations: fc.Arbitrary<CareRelation[]> = fc.array(
  fc.record({
    kind: fc.constantFrom("assigned" as const, "booked" as const),
    ...{ patient: fc.constant(patient), organization: fc.constant(organization) },
    practitioner: worker,
    rights: fc.uniqueArray(right),
    until: time,
  }),
  { maxLength: 2 },
);
const every = new Set(sections);

it("who is listed with a right has it by decide(), and who has it is listed", () => {
  fc.assert(
    fc.property(consents, relations, worker, right, (known, links, who, which) => {
      const actor = {
        ...({ kind: "practitioner", id: who, tenant: organization, organization } as const),
        ...({ role: "role", scopes: [], purpose: "TREAT" } as const),
      };
      const facts = {
        ...({ at, consents: known, relations: links, activeWorker: true, signature: "qualified" } as const),
        post: { view: every, enter: every },
      };
      const action = which === "view" ? "read" : "update";
      const asked = { type: "Condition", subject: patient, organization };
      const { permit } = decide(actor, action, asked, facts);
      const holdings = holdingsOf({ patient, organization, relations: links, consents: known }, at);
      const theirs = holdings.filter(
        ({ practitioner = who, rights, types = ["Condition"] }) =>
          practitioner === who && rights.includes(which) && types.includes("Condition"),
      );
      if (permit) expect(theirs.length).toBeGreaterThan(0);
      else expect(theirs.filter(({ types, except = [] }) => !types && !except.includes(who))).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

it("a refusal of some types narrows what is listed, of one worker excepts them", () => {
  const permit: ConsentFact = {
    ...({ kind: "access", decision: "permit", patient, organization, rights: ["view"] } as const),
  };
  const refusal: ConsentFact = { ...permit, decision: "deny", organization: undefined, types: ["Condition"] };
  const listed = (...known: ConsentFact[]) =>
    holdingsOf({ patient, organization, relations: [], consents: known }, at);
  expect(listed(permit)).toEqual([expect.not.objectContaining({ types: expect.anything() })]);
  const [narrowed] = listed(permit, refusal);
  expect(narrowed?.types).toContain("Observation");
  expect(narrowed?.types).not.toContain("Condition");
  expect(listed(permit, { ...refusal, practitioner: "anna" })).toMatchObject([{ except: ["anna"] }]);
  expect(listed(permit, { ...refusal, types: undefined })).toEqual([]);
  expect(listed({ ...permit, until: at })).toEqual([]);
});
