import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate } from "../../fml/fhirpath.ts";
import { nodeOf } from "../../fml/fhirpath-node.ts";
import { parseFhirPath } from "../../fml/fhirpath-parser.ts";
import { readRules } from "./rules.ts";
import { createValidator } from "./validator.ts";

const validator = createValidator();
const { types } = readRules();

const found = (resource: unknown) =>
  validator
    .validate(resource)
    .filter(({ severity }) => severity !== "information")
    .map(({ details, expression }) => `${details?.coding?.[0]?.code} ${expression?.[0]}`);

const patient = (more: object) => ({ resourceType: "Patient", ...more });
const observation = (more: object) => ({
  resourceType: "Observation",
  status: "final",
  code: { text: "пульс" },
  ...more,
});

describe("validation against R4", () => {
  it("accepts what is right", () => {
    const right = patient({
      id: "p1",
      contained: [{ resourceType: "Organization", id: "o", name: "ГБУЗ" }],
      text: { status: "generated", div: '<div xmlns="http://www.w3.org/1999/xhtml">Иванов</div>' },
      name: [{ family: "Иванов", given: ["Иван", null], _given: [null, { extension: [reason] }] }],
      gender: "male",
      birthDate: "1980-02-29",
      managingOrganization: { reference: "#o" },
      multipleBirthInteger: 2,
      _multipleBirthInteger: { id: "m" },
    });
    expect(found(right)).toEqual([]);
  });

  it.each([
    ["no resource", null, ["unknown-type Resource"]],
    ["an array", [], ["unknown-type Resource"]],
    ["an unknown type", { resourceType: "Nurse" }, ["unknown-type Resource"]],
    ["an abstract type", { resourceType: "DomainResource" }, ["unknown-type Resource"]],
    ["a name of every object", { resourceType: "constructor" }, ["unknown-type Resource"]],
    ["an unknown element", patient({ snils: "1" }), ["unknown-element Patient.snils"]],
    ["an element of every object", patient({ constructor: "1" }), ["unknown-element Patient.constructor"]],
    ["a companion of what is no primitive", patient({ _name: [{}] }), ["unknown-element Patient._name"]],
    ["one where many may be", patient({ name: { family: "А" } }), ["wrong-shape Patient.name"]],
    ["many where one may be", patient({ gender: ["male"] }), ["wrong-shape Patient.gender"]],
    ["text for an object", patient({ name: ["Иванов"] }), ["wrong-shape Patient.name[0]"]],
    ["an object for text", patient({ birthDate: {} }), ["wrong-value Patient.birthDate"]],
    ["null", patient({ birthDate: null }), ["empty-element Patient.birthDate"]],
    ["an empty array", patient({ name: [] }), ["empty-element Patient.name"]],
    ["an empty object", patient({ name: [{}] }), ["empty-element Patient.name[0]"]],
    ["an id alone", patient({ name: [{ id: "n" }] }), ["empty-element Patient.name[0]"]],
    ["a companion with an id alone", patient({ _gender: { id: "g" } }), ["empty-element Patient.gender"]],
    [
      "a gap on both sides",
      patient({ name: [{ given: ["А", null] }] }),
      ["empty-element Patient.name[0].given[1]"],
    ],
    ["a date that is none", patient({ birthDate: "2001-02-29" }), ["wrong-value Patient.birthDate"]],
    ["a date with a time", patient({ birthDate: "2001-02-28T00:00:00Z" }), ["wrong-value Patient.birthDate"]],
    ["text for a boolean", patient({ active: "true" }), ["wrong-value Patient.active"]],
    ["an id of other signs", patient({ id: "п1" }), ["wrong-value Patient.id"]],
    [
      "a control character",
      patient({ name: [{ family: "А\u0000" }] }),
      ["wrong-value Patient.name[0].family"],
    ],
    ["a code with spaces at its end", patient({ language: "ru " }), ["wrong-value Patient.language"]],
    ["a code of no set", patient({ gender: "мужской" }), ["code-not-allowed Patient.gender"]],
    [
      "a coding of no set",
      {
        resourceType: "Encounter",
        status: "finished",
        class: { code: "AMB" },
        statusHistory: [{ status: "done", period: { start: "2024" } }],
      },
      ["code-not-allowed Encounter.statusHistory[0].status"],
    ],
    [
      "a mandatory element",
      { resourceType: "Observation", code: { text: "пульс" } },
      ["missing-element Observation.status"],
    ],
    [
      "two types of one choice",
      observation({ valueString: "1", valueInteger: 1 }),
      ["too-many Observation.value"],
    ],
    [
      "a type that the choice has not",
      observation({ valueMoney: { value: 1 } }),
      ["unknown-element Observation.valueMoney"],
    ],
    [
      "a decimal as text",
      observation({ valueQuantity: { value: "1" } }),
      ["wrong-value Observation.value.ofType(Quantity).value"],
    ],
    [
      "a broken rule of the resource",
      observation({ valueString: "1", dataAbsentReason: { text: "нет" } }),
      ["broken-rule Observation"],
    ],
    [
      "a broken rule of an element",
      patient({ contact: [{ relationship: [{ text: "мать" }] }] }),
      ["broken-rule Patient.contact[0]"],
    ],
    [
      "a broken rule of a data type",
      patient({ telecom: [{ value: "1" }] }),
      ["broken-rule Patient.telecom[0]"],
    ],
    [
      "a reference to nowhere",
      patient({ managingOrganization: { reference: "больница" } }),
      ["reference-form Patient.managingOrganization.reference"],
    ],
    [
      "a reference to another type",
      patient({ managingOrganization: { reference: "Patient/1" } }),
      ["reference-target Patient.managingOrganization.reference"],
    ],
    [
      "a full address of another type",
      patient({ managingOrganization: { reference: "https://host/fhir/Patient/1/_history/2" } }),
      ["reference-target Patient.managingOrganization.reference"],
    ],
    [
      "a type that may not be referred to",
      patient({ managingOrganization: { type: "Group", display: "А" } }),
      ["reference-target Patient.managingOrganization.type"],
    ],
    [
      "a contained resource that is not there",
      patient({ managingOrganization: { reference: "#o" } }),
      ["reference-unresolved Patient.managingOrganization.reference"],
    ],
    [
      "a contained resource that nothing refers to",
      patient({ contained: [{ resourceType: "Organization", id: "o", name: "А" }] }),
      ["broken-rule Patient.contained[0]"],
    ],
    [
      "a fault in a contained resource",
      patient({
        contained: [{ resourceType: "Organization", id: "o", name: 1 }],
        managingOrganization: { reference: "#o" },
      }),
      ["wrong-value Patient.contained[0].name"],
    ],
    [
      "a fault in an entry of a Bundle",
      {
        resourceType: "Bundle",
        type: "collection",
        entry: [
          { fullUrl: "urn:uuid:0190a7c4-7a5e-4000-8000-000000000001", resource: patient({ gender: "m" }) },
        ],
      },
      ["code-not-allowed Bundle.entry[0].resource.gender"],
    ],
    [
      "an extension with value and extensions",
      patient({ extension: [{ url: "https://a.example/x" }] }),
      ["broken-rule Patient.extension[0]"],
    ],
  ])("finds %s", (_name, resource, expected) => {
    expect(found(resource)).toEqual(expected);
  });

  it.each([
    ["a script", "<script>alert(1)</script>", "txt-1"],
    ["an event attribute", '<p onclick="a()">А</p>', "txt-1"],
    ["a link that runs", '<a href="javascript:a()">А</a>', "txt-1"],
    ["nothing", " ", "txt-2"],
    ["an open tag", "<p>А", "not well-formed"],
  ])("refuses a narrative with %s", (_name, content, rule) => {
    const div = `<div xmlns="http://www.w3.org/1999/xhtml">${content}</div>`;
    const [issue] = validator.validate(patient({ text: { status: "generated", div } }));
    expect(issue).toMatchObject({ code: "invalid", expression: ["Patient.text.div"] });
    expect(issue?.diagnostics).toContain(rule);
  });

  it("an issue tells code, Russian text, English diagnostics, place and what to do", () => {
    expect(validator.validate(patient({ text, gender: "мужской" }))).toEqual([
      {
        severity: "error",
        code: "code-invalid",
        details: {
          coding: [
            {
              system: "https://cabinet-gateway.example/fhir/CodeSystem/validation-issue",
              code: "code-not-allowed",
              display: "The code is not of the required value set",
            },
          ],
          text: "Код не входит в обязательный набор значений",
        },
        diagnostics:
          "The code is not of the required value set: administrative-gender has male, female, other, unknown. Take a code of the value set that the detail names",
        expression: ["Patient.gender"],
      },
    ]);
  });

  it("the expression of an issue finds the element", () => {
    const resource = observation({
      component: [{ code: { text: "А" }, valueQuantity: { value: 1, comparator: "~" } }],
    });
    const [issue] = validator.validate(resource).filter(({ severity }) => severity === "error");
    const path = issue?.expression?.[0] ?? "";
    expect(path).toBe("Observation.component[0].value.ofType(Quantity).comparator");
    const nodes = evaluate(parseFhirPath(path), [nodeOf(undefined, resource)], { types });
    expect(nodes.map(({ value }) => value)).toEqual(["~"]);
  });

  it("tells a hundred issues and says that there are more", () => {
    const issues = validator.validate(patient({ name: Array.from({ length: 5_000 }, () => ({})) }));
    expect(issues).toHaveLength(101);
    expect(issues.at(-1)?.details?.coding?.[0]?.code).toBe("too-many-issues");
  });

  it("an issue does not repeat a type that a caller invented", () => {
    const invented = patient({
      contained: [{ resourceType: "Секретов", id: "o" }],
      managingOrganization: { reference: "#o" },
    });
    expect(found(invented)).toEqual(["unknown-type Patient.contained[0]"]);
    expect(JSON.stringify(validator.validate(invented))).not.toContain("Секретов");
  });

  it("a nesting without end is refused", () => {
    let extension: object = { url: "https://a.example/x", valueString: "1" };
    for (let i = 0; i < 5_000; i += 1) extension = { url: "https://a.example/x", extension: [extension] };
    expect(found(patient({ extension: [extension] }))).toContainEqual(expect.stringMatching(/^too-deep /));
  });

  it("never throws, whatever stands in the members of a resource", () => {
    const names = [
      "id",
      "contained",
      "text",
      "name",
      "_birthDate",
      "deceasedBoolean",
      "link",
      "extension",
      "meta",
    ];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), fc.jsonValue()), (members) => {
        validator.validate(patient(members));
      }),
    );
  });
});

const reason = {
  url: "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
  valueCode: "unknown",
};
const text = { status: "generated", div: '<div xmlns="http://www.w3.org/1999/xhtml">Иванов</div>' };
