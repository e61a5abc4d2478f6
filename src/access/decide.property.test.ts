import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Actor } from "../core/context.ts";
import type { AccessAction, AccessedResource, AccessFacts, ConsentFact } from "./access-facts.ts";
import { signatureLevels } from "./access-facts.ts";
import { classifiedTypes, classOf } from "./data-classes.ts";
import { decide } from "./decide.ts";
import { postTableIn } from "./post-rights.ts";
import { type LegalGround, permitReasons } from "./reasons.ts";

const postTable = postTableIn();
const actions: readonly AccessAction[] = ["read", "search", "history", "create", "update", "delete"];
// few names, so that random facts often meet
const name = fc.constantFrom("anna", "boris", "vera");
const organization = fc.constantFrom("clinic", "hospital");
const right = fc.constantFrom("view" as const, "enter" as const);
const label = fc.constantFrom("N" as const, "R" as const, "V" as const);
const time = fc.integer({ min: 0, max: 4 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const actor: fc.Arbitrary<Actor> = fc.record({
  kind: fc.constantFrom("client", "practitioner", "patient", "system"),
  id: name,
  tenant: organization,
  scopes: fc.constant([]),
  role: maybe(fc.constant("role")),
  organization: maybe(organization),
  onBehalfOf: maybe(name),
  purpose: maybe(fc.constantFrom("TREAT", "PATRQT", "HPAYMT", "HOPERAT", "BTG", "SYSADMIN")),
  duties: maybe(fc.subarray(["security", "support", "regulator"] as const)),
  remit: maybe(fc.array(organization, { maxLength: 1 })),
  singleFactor: maybe(fc.constant(true as const)),
});
const resource: fc.Arbitrary<AccessedResource> = fc.record({
  type: fc.constantFrom(...classifiedTypes, "Basic", "Device"),
  subject: maybe(name),
  agent: maybe(name),
  organization: maybe(organization),
  label: maybe(label),
  verification: maybe(fc.boolean()),
  unconfirmed: maybe(fc.boolean()),
});
const consent: fc.Arbitrary<ConsentFact> = fc.record({
  kind: fc.constantFrom("processing", "treatment", "access", "prescription"),
  decision: fc.constantFrom("permit", "deny"),
  patient: name,
  rights: fc.uniqueArray(right),
  practitioner: maybe(name),
  organization: maybe(organization),
  types: maybe(fc.subarray([...classifiedTypes])),
  labels: maybe(fc.uniqueArray(label)),
  from: maybe(time),
  until: maybe(time),
});
const relation = fc.record({
  kind: fc.constantFrom("assigned" as const, "booked" as const),
  patient: name,
  practitioner: name,
  organization,
  rights: fc.uniqueArray(right),
  until: maybe(time),
});
const legalGrounds = Object.keys(permitReasons).filter((code): code is LegalGround => /^323-/.test(code));
const facts: fc.Arbitrary<AccessFacts> = fc.record({
  at: time,
  activeWorker: maybe(fc.boolean()),
  post: maybe(fc.constantFrom(...["109", "159", "179", "231"].map((one) => postTable.rightsOf([one])))),
  relations: maybe(fc.array(relation, { maxLength: 3 })),
  consents: maybe(fc.array(consent, { maxLength: 4 })),
  grounds: maybe(fc.subarray(legalGrounds, { maxLength: 2 })),
  representations: maybe(
    fc.array(
      fc.record({
        kind: fc.constantFrom("parent" as const, "guardian-of-incapable" as const),
        patient: name,
        until: maybe(time),
      }),
      { maxLength: 2 },
    ),
  ),
  patientAge: maybe(fc.integer({ min: 0, max: 90 })),
  signature: maybe(fc.constantFrom(...signatureLevels)),
  breakGlass: maybe(fc.record({ reason: fc.constantFrom("", "unconscious") })),
});
const action = fc.constantFrom(...actions);
const one = fc.tuple(actor, action, resource, facts);
const permits = (...[who, what, which, known]: Parameters<typeof decide>) =>
  decide(who, what, which, known).permit;
const runs = { numRuns: 5_000 };

describe("decide, whatever the facts", () => {
  it("adding a refusal never permits", () => {
    fc.assert(
      fc.property(one, consent, ([who, what, which, known], extra) => {
        const refusal: ConsentFact = { ...extra, decision: "deny" };
        const more = { ...known, consents: [...(known.consents ?? []), refusal] };
        return permits(who, what, which, known) || !permits(who, what, which, more);
      }),
      runs,
    );
  });

  it("L-43 a worker's login of one factor opens nothing of people, and never more than one of two", () => {
    fc.assert(
      fc.property(one, ([who, what, which, known]) => {
        const weak: Actor = { ...who, singleFactor: true };
        const opened = permits(weak, what, which, known);
        const kind = classOf(which.type, which.subject);
        const isOfPeople = kind !== "system" && kind !== "journal";
        const isWorkers =
          who.kind === "practitioner" || (who.kind === "client" && who.onBehalfOf !== undefined);
        if (isWorkers && isOfPeople) return !opened;
        return !opened || permits({ ...who, singleFactor: undefined }, what, which, known);
      }),
      runs,
    );
  });

  it("taking a permitting fact away never permits more", () => {
    const names = Object.keys({
      activeWorker: 0,
      post: 0,
      relations: 0,
      grounds: 0,
      representations: 0,
      patientAge: 0,
      signature: 0,
      breakGlass: 0,
    });
    fc.assert(
      fc.property(one, fc.constantFrom(...names), ([who, what, which, known], lost) => {
        const less = { ...known, [lost]: undefined };
        return permits(who, what, which, known) || !permits(who, what, which, less);
      }),
      runs,
    );
    fc.assert(
      fc.property(one, fc.nat(3), ([who, what, which, known], index) => {
        const consents = known.consents?.filter(
          ({ decision }, place) => decision === "deny" || place !== index,
        );
        return permits(who, what, which, known) || !permits(who, what, which, { ...known, consents });
      }),
      runs,
    );
  });

  it("people always see their own data, refusals or not", () => {
    fc.assert(
      fc.property(one, ([who, , which, known]) => {
        // factors are asked of workers only
        const self: Actor = { ...who, kind: "patient", purpose: "PATRQT", singleFactor: undefined };
        return (
          classOf(which.type) === undefined || permits(self, "read", { ...which, subject: self.id }, known)
        );
      }),
      runs,
    );
  });

  it("a consent that was not confirmed is opened to no worker but the one whose own it is", () => {
    fc.assert(
      fc.property(one, ([who, what, which, known]) => {
        const draft: AccessedResource = { ...which, type: "Consent", unconfirmed: true };
        return who.kind === "patient" || draft.subject === who.id || !permits(who, what, draft, known);
      }),
      runs,
    );
  });

  it("a person without purpose, or a worker who is not active, sees no patient", () => {
    const patients = classifiedTypes.filter((type) => classOf(type) === "patient");
    fc.assert(
      fc.property(one, fc.constantFrom(...patients), ([who, what, which, known], type) => {
        expect(permits({ ...who, purpose: undefined }, what, { ...which, type }, known)).toBe(false);
        const inactive = { ...known, activeWorker: false };
        expect(permits({ ...who, kind: "practitioner" }, what, { ...which, type }, inactive)).toBe(false);
      }),
      runs,
    );
  });

  it("what is permitted is reached for a reason: every type x action x actor without facts is denied", () => {
    const kinds: readonly Actor["kind"][] = ["client", "practitioner", "patient", "system"];
    const permitted: string[] = [];
    for (const kind of kinds)
      for (const what of actions)
        for (const type of [...classifiedTypes, "Basic"]) {
          const who: Actor = { kind, id: "anna", tenant: "clinic", scopes: ["*"], purpose: "TREAT" };
          const stranger = { type, subject: "boris" };
          if (permits(who, what, stranger, { at: 0 })) permitted.push(`${kind} ${what} ${type}`);
        }
    const systemTypes = classifiedTypes.filter((type) => classOf(type) === "system");
    const expected = kinds.flatMap((kind) =>
      (["read", "search", "history"] as const).flatMap((what) =>
        systemTypes.map((type) => `${kind} ${what} ${type}`),
      ),
    );
    // what a client system keeps of its organisation
    const directory = (["create", "update", "delete"] as const).flatMap((what) =>
      ["HealthcareService", "Location", "Subscription"].map((type) => `client ${what} ${type}`),
    );
    expect(permitted.sort()).toEqual([...expected, ...directory].sort());
  });
});
