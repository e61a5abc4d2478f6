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
// most are in force at the moment asked for
const time = (least: number, most: number) => maybe(fc.integer({ min: least, max: most }));
const consents: fc.Arbitrary<ConsentFact[]> = fc.array(
  fc.record({
    kind: fc.constant("access" as const),
    decision: fc.constantFrom("permit", "deny"),
    patient: fc.constant(patient),
    rights: fc.uniqueArray(right, { minLength: 1 }),
    practitioner: maybe(worker),
    organization: maybe(fc.constant(organization)),
    types: maybe(fc.subarray(["Condition", "Observation", "Patient"])),
    from: time(0, 3),
    until: time(1, 5),
  }),
  { minLength: 1, maxLength: 4 },
);
const relations: fc.Arbitrary<CareRelation[]> = fc.array(
  fc.record({
    kind: fc.constantFrom("assigned" as const, "booked" as const),
    ...{ patient: fc.constant(patient), organization: fc.constant(organization) },
    practitioner: worker,
    rights: fc.uniqueArray(right),
    until: time(1, 5),
  }),
  { maxLength: 2 },
);
const every = new Set(sections);

const actorOf = (id: string) =>
  ({
    ...({ kind: "practitioner", id, tenant: organization, organization } as const),
    ...({ role: "role", scopes: [], purpose: "TREAT" } as const),
  }) as const;

it("a worker is listed with a right to a type exactly when decide() gives it to them", () => {
  const asked = [
    ...(["Condition", "Observation", "Patient"] as const).map((type) => ["read", "view", type] as const),
    ...(["Condition", "Observation"] as const).map((type) => ["update", "enter", type] as const),
  ];
  fc.assert(
    fc.property(consents, relations, worker, (known, links, who) => {
      const facts = {
        ...({ at, consents: known, relations: links, activeWorker: true, signature: "qualified" } as const),
        post: { view: every, enter: every },
      };
      const holdings = holdingsOf({ patient, organization, relations: links, consents: known }, at);
      for (const [action, right, type] of asked) {
        const { permit } = decide(actorOf(who), action, { type, subject: patient, organization }, facts);
        const isListed = holdings.some(
          ({ practitioner = who, except = [], rights, types = [type] }) =>
            practitioner === who && !except.includes(who) && rights.includes(right) && types.includes(type),
        );
        expect([action, type, isListed]).toEqual([action, type, permit]);
      }
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
  const [others, hers] = listed(permit, { ...refusal, practitioner: "anna" });
  expect(others).toMatchObject({ rights: ["view"], except: ["anna"] });
  expect(others?.types).toBeUndefined();
  expect(hers).toMatchObject({ practitioner: "anna", rights: ["view"] });
  expect(hers?.types).toEqual(narrowed?.types);
  expect(listed(permit, { ...refusal, types: undefined })).toEqual([]);
  expect(listed({ ...permit, until: at })).toEqual([]);
});

it("a refusal to enter leaves a worker of a permitted organisation to view; of all, nothing", () => {
  const permit: ConsentFact = {
    ...({ kind: "access", decision: "permit", patient, organization, rights: ["view", "enter"] } as const),
  };
  const refusal: ConsentFact = { ...permit, decision: "deny", organization: undefined, practitioner: "anna" };
  const listed = (...known: ConsentFact[]) =>
    holdingsOf({ patient, organization, relations: [], consents: known }, at);
  const reason = expect.objectContaining({ code: "consent-access" });
  const others = expect.objectContaining({ reason, rights: ["view", "enter"], except: ["anna"] });
  expect(listed(permit, { ...refusal, rights: ["enter"] })).toEqual([
    others,
    expect.objectContaining({ practitioner: "anna", reason, rights: ["view"] }),
  ]);
  expect(listed(permit, refusal)).toEqual([others]);
  // for all: each right with what it reaches
  const some = { ...refusal, practitioner: undefined, rights: ["enter" as const], types: ["Condition"] };
  const [view, enter] = listed(permit, some);
  expect([view?.rights, view?.types, enter?.rights]).toEqual([["view"], undefined, ["enter"]]);
  expect(enter?.types).not.toContain("Condition");
  expect(enter?.types).toContain("Observation");
});
