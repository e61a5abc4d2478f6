import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalBase } from "../../core/canonical.ts";
import { readGuide } from "../../fhir/guide.ts";
import { createValidator } from "../../fhir/validation/validator.ts";
import { fromConsent, toConsent } from "./consent-resource.ts";
import { type ConsentTerms, requireFitting, rightsOf, type StoredConsent } from "./consent-terms.ts";
import { consentText } from "./consent-text.ts";

const now = Date.UTC(2026, 10, 22);
const terms: ConsentTerms = {
  kind: "access",
  decision: "permit",
  patient: { id: "anna", name: "Примерова Анна Тестовна" },
  grantee: { practitioner: { id: "doctor", name: "Врачев Иван Примерович" } },
  rights: ["view"],
};
const stored = (change: Partial<StoredConsent> = {}): StoredConsent => ({
  ...terms,
  id: "consent",
  status: "active",
  grantor: "anna",
  text: consentText(terms),
  preparedAt: now,
  ...change,
});

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const named = fc.record(
  { id: fc.uuid(), name: fc.string({ minLength: 1, maxLength: 20 }) },
  { requiredKeys: ["id"] },
);
const time = fc.integer({ min: 0, max: 4e12 });
const anyConsent: fc.Arbitrary<StoredConsent> = fc
  .record({
    id: fc.uuid(),
    kind: fc.constantFrom("processing", "treatment", "access", "prescription"),
    decision: fc.constantFrom("permit", "deny"),
    status: fc.constantFrom("draft", "active", "inactive"),
    patient: named,
    grantor: fc.uuid(),
    grantee: maybe(
      fc.oneof(
        fc.record({ practitioner: named, organization: named }),
        fc.record({ organization: named }),
        fc.record({ booked: fc.constant(true) }),
      ),
    ),
    rights: fc.subarray(["view", "enter"] as const),
    types: maybe(fc.subarray(["Condition", "Observation"], { minLength: 1 })),
    labels: maybe(fc.subarray(["R", "V"] as const, { minLength: 1 })),
    from: maybe(time),
    until: maybe(time),
    preparedAt: time,
    grantedAt: maybe(time),
    withdrawnAt: maybe(time),
    text: fc.record({ version: fc.constant("2026-11-23"), title: fc.string(), body: fc.string() }),
  })
  .map((consent) => consent as StoredConsent);

describe("Consent", () => {
  it("comes back from FHIR as it was written", () => {
    fc.assert(
      fc.property(anyConsent, (consent) => {
        expect(fromConsent(JSON.parse(JSON.stringify(toConsent(consent))))).toEqual(consent);
      }),
    );
  });

  it("view is the FHIR action access, enter is collect and correct", () => {
    const actions = (rights: StoredConsent["rights"]) =>
      toConsent(stored({ rights })).provision?.action?.map(({ coding }) => coding?.[0]?.code);
    expect(actions(["view"])).toEqual(["access"]);
    expect(actions(["view", "enter"])).toEqual(["access", "collect", "correct"]);
  });

  it("an action that is only half of a right gives no right", () => {
    const resource = toConsent(stored({ rights: ["enter"] }));
    resource.provision?.action?.pop();
    expect(fromConsent(resource).rights).toEqual([]);
  });

  it("a refusal under a text that forbade access forbids both, whatever rights it named", () => {
    const rightsUnder = (version: string, decision: "permit" | "deny") =>
      fromConsent(toConsent(stored({ decision, text: { ...stored().text, version } }))).rights;
    expect(rightsUnder("2026-11-22", "deny")).toEqual(["view", "enter"]);
    expect(rightsUnder("2026-11-23", "deny")).toEqual(["view"]);
    expect(rightsUnder("2026-11-22", "permit")).toEqual(["view"]);
  });

  it("keeps the four kinds apart and the text word for word", () => {
    for (const kind of ["processing", "treatment", "access", "prescription"] as const) {
      const resource = toConsent(stored({ kind }));
      expect(resource.category?.[0]?.coding?.[0]?.code).toBe(kind);
      expect(Buffer.from(resource.sourceAttachment?.data ?? "", "base64").toString()).toBe(
        stored().text.body,
      );
      expect(resource.policyRule?.coding?.[0]?.code).toBe(stored().text.version);
    }
  });
});

describe("the profile of each kind", () => {
  const validator = createValidator(readGuide(new URL("../../../fhir/", import.meta.url)));
  const profile = (kind: string) => `${canonicalBase}/StructureDefinition/gateway-consent-${kind}`;

  it.each([
    ["access", stored()],
    ["access", stored({ decision: "deny", grantee: undefined })],
    ["access", stored({ status: "inactive", grantedAt: now, withdrawnAt: now + 1 })],
    ["processing", stored({ kind: "processing", grantee: undefined, rights: [], grantedAt: now })],
  ])("takes what the gateway makes of %s", (kind, consent) => {
    const issues = validator.validate(toConsent(consent), { profiles: [profile(kind)] });
    // a narrative is wished for, not due
    expect(issues.filter(({ severity }) => severity !== "information")).toEqual([]);
  });
});

describe("what the person reads", () => {
  it("names whom, what and until when", () => {
    const { title, body } = consentText({ ...terms, rights: ["view", "enter"], until: Date.UTC(2027, 0, 1) });
    expect(title).toBe("Разрешение на доступ к медицинской карте");
    expect(body).toContain("Врачев Иван Примерович");
    expect(body).toContain("внесение данных");
    expect(body).toContain("до 01.01.2027");
    expect(body).toContain("323-ФЗ, ст. 13, ч. 4");
  });

  it("names in a refusal just what is refused", () => {
    const refusal = (rights: ConsentTerms["rights"]) =>
      consentText({ ...terms, decision: "deny", rights }).body;
    expect(refusal(["view", "enter"])).toContain(
      "Я запрещаю просмотр моей медицинской карты и внесение данных в мою медицинскую карту медицинскому",
    );
    expect(refusal(["view"])).not.toContain("внесение");
  });
});

describe("terms", () => {
  const access = (change: Partial<ConsentTerms>): ConsentTerms => ({ ...terms, ...change });
  const organization = { id: "1.2.643.5" };
  it.each<[string, ConsentTerms]>([
    ["decision", access({ kind: "processing", decision: "deny", grantee: undefined, rights: [] })],
    ["grantee", access({ grantee: undefined })],
    ["grantee", access({ grantee: {} })],
    ["grantee", access({ grantee: { practitioner: { id: "doctor" }, booked: true } })],
    ["grantee", access({ decision: "deny", grantee: { booked: true } })],
    ["grantee", access({ kind: "treatment", grantee: undefined })],
    ["grantee", access({ kind: "prescription" })],
    ["types", access({ kind: "treatment", grantee: { organization }, types: ["Condition"] })],
    ["labels", access({ kind: "treatment", grantee: { organization }, labels: ["V"] })],
    ["grantee/booked", access({ grantee: { booked: true }, types: ["Condition"] })],
    ["until", access({ kind: "processing", grantee: undefined, until: now + 1 })],
    ["until", access({ until: now })],
    ["until", access({ from: now + 10, until: now + 5 })],
  ])("of another kind are refused at %s", (field, wrong) => {
    expect(() => requireFitting(wrong, now)).toThrow(
      expect.objectContaining({ code: "validation-failed", field }),
    );
  });

  it("that suit their kind pass", () => {
    const fitting: ConsentTerms[] = [
      terms,
      access({ grantee: { booked: true }, until: now + 1 }),
      access({ decision: "deny", grantee: undefined }),
      access({ kind: "treatment", grantee: { organization } }),
      access({ kind: "processing", grantee: undefined }),
    ];
    for (const each of fitting) expect(() => requireFitting(each, now)).not.toThrow();
    const permit = (kind: ConsentTerms["kind"]) => ({ kind, decision: "permit" as const });
    expect(rightsOf(permit("access"), undefined)).toEqual(["view"]);
    expect(rightsOf({ ...permit("access"), decision: "deny" }, undefined)).toEqual(["view", "enter"]);
    expect(rightsOf(permit("prescription"), ["view"])).toEqual(["enter"]);
    expect(rightsOf(permit("processing"), ["view"])).toEqual([]);
  });
});
