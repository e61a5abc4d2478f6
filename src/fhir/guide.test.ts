import type { ImplementationGuide, Resource } from "@medplum/fhirtypes";
import { describe, expect, it } from "vitest";
import { readGuide, readResources } from "./guide.ts";
import { createValidator, hasErrors } from "./validation/validator.ts";

const folder = new URL("../../fhir/", import.meta.url);
const guide = readGuide(folder);
const validator = createValidator(guide);
const examples = readResources(new URL("examples/", folder));
const errors = (resource: unknown, profiles?: string[]) =>
  validator
    .validate(resource, { profiles })
    .filter(({ severity }) => severity !== "information")
    .map(
      ({ details, expression, diagnostics }) =>
        `${details?.coding?.[0]?.code} ${expression?.[0]} ${diagnostics}`,
    );
const example = (id: string) =>
  structuredClone(examples.find((each) => each.id === id)) as unknown as Record<string, never>;

describe("the implementation guide", () => {
  it.each([...guide.structures, ...guide.codeSystems, ...guide.valueSets].map((each) => [each.url, each]))(
    "%s is right by R4",
    (_url, resource) => expect(errors(resource)).toEqual([]),
  );

  it.each(examples.map((each) => [each.id, each]))("the example %s follows its profile", (_id, resource) => {
    expect((resource as Resource).meta?.profile).toHaveLength(1);
    expect(errors(resource)).toEqual([]);
  });

  it("its ImplementationGuide is right by R4 and lists each of its resources once", () => {
    const [listing] = readResources(folder) as ImplementationGuide[];
    expect(errors(listing)).toEqual([]);
    const parts = ["profiles", "extensions", "terminology", "examples"].flatMap((part) =>
      readResources(new URL(`${part}/`, folder)),
    );
    const listed = listing?.definition?.resource.map(({ reference }) => reference.reference);
    expect(listed?.sort()).toEqual(parts.map(({ resourceType, id }) => `${resourceType}/${id}`).sort());
    const exampleOf = (id: string) =>
      listing?.definition?.resource.find(({ reference }) => reference.reference?.endsWith(`/${id}`));
    for (const { id = "", meta } of examples)
      expect([id, exampleOf(id)?.exampleCanonical]).toEqual([id, meta?.profile?.[0]]);
  });

  it("every profile has an example", () => {
    const claimed = new Set(examples.flatMap(({ meta }) => meta?.profile ?? []));
    const bases = new Set(guide.structures.map(({ baseDefinition }) => baseDefinition));
    const profiles = guide.structures.filter(({ kind, url }) => kind === "resource" && !bases.has(url));
    expect(profiles.filter(({ url }) => !claimed.has(url ?? ""))).toEqual([]);
  });
});

describe("a resource that breaks its profile", () => {
  const without = (id: string, ...names: string[]) => {
    const resource = example(id);
    for (const name of names) delete resource[name];
    return resource;
  };
  const changed = (id: string, more: object) => ({ ...example(id), ...more });
  const codesOf = (resource: unknown) =>
    errors(resource).map((issue) => issue.split(" ").slice(0, 2).join(" "));
  const base = "https://cabinet-gateway.example/fhir";
  const kind = (code: string) => [{ coding: [{ system: `${base}/CodeSystem/consent-kind`, code }] }];

  it.each([
    ["no SNILS", without("doctor", "identifier"), "missing-element Practitioner.identifier"],
    [
      "SNILS with spaces",
      changed("doctor", { identifier: [{ system: "urn:oid:1.2.643.100.3", value: "900-000-002 83" }] }),
      "broken-rule Practitioner.identifier[0].value",
    ],
    [
      "two SNILS",
      changed("doctor", {
        identifier: [1, 2].map(() => ({ system: "urn:oid:1.2.643.100.3", value: "90000000283" })),
      }),
      "too-many Practitioner.identifier",
    ],
    ["no name", without("doctor", "name"), "missing-element Practitioner.name"],
    [
      "a post without its code",
      changed("doctor-role", { code: [{ text: "врач" }] }),
      "broken-rule PractitionerRole.code[0]",
    ],
    [
      "a kind of work of no set",
      changed("doctor-role", {
        extension: [
          {
            url: `${base}/StructureDefinition/position-type`,
            valueCodeableConcept: {
              coding: [{ system: `${base}/CodeSystem/position-type`, code: "part-time" }],
            },
          },
        ],
      }),
      "code-not-allowed PractitionerRole.extension[0].value.ofType(CodeableConcept)",
    ],
    [
      "a rate as text",
      changed("doctor-role", {
        extension: [{ url: `${base}/StructureDefinition/position-rate`, valueString: "1" }],
      }),
      "type-not-allowed PractitionerRole.extension[0].value.ofType(string)",
    ],
    [
      "an extension of ours that there is not",
      changed("doctor-role", { extension: [{ url: `${base}/StructureDefinition/rate`, valueDecimal: 1 }] }),
      "extension-unknown PractitionerRole.extension[0].url",
    ],
    [
      "a licence without its number",
      changed("clinic", {
        extension: [
          {
            url: `${base}/StructureDefinition/medical-licence`,
            extension: [{ url: "work", valueCoding: { code: "27" } }],
          },
        ],
      }),
      "missing-element Organization.extension[0].extension",
    ],
    [
      "a licence with what it has not",
      changed("clinic", {
        extension: [
          {
            url: `${base}/StructureDefinition/medical-licence`,
            extension: [
              { url: "number", valueString: "1" },
              { url: "colour", valueString: "red" },
            ],
          },
        ],
      }),
      "slice-unmatched Organization.extension[0].extension[1]",
    ],
    ["a prescription without its document", without("prescription", "focus"), "missing-element Task.focus"],
    [
      "a prescription about another resource",
      changed("prescription", { focus: { reference: "Patient/patient" } }),
      "reference-target Task.focus.reference",
    ],
    [
      "a prescription of four medicines",
      changed("prescription", {
        input: [1, 2, 3, 4].map((n) => ({
          type: { text: "позиция" },
          valueReference: { reference: `MedicationRequest/${n}` },
        })),
      }),
      "too-many Task.input",
    ],
    [
      "a line that is called a prescription",
      changed("line", {
        code: { coding: [{ system: `${base}/CodeSystem/task-kind`, code: "prescription" }] },
      }),
      "fixed-value Task.code",
    ],
    [
      "a consent of another kind",
      changed("consent-treatment", { category: kind("access") }),
      "missing-element Consent.category",
    ],
    [
      "a consent of two kinds",
      changed("consent-treatment", { category: [...kind("treatment"), ...kind("access")] }),
      "too-many Consent.category",
    ],
    [
      "a consent without its date",
      without("consent-treatment", "dateTime"),
      "missing-element Consent.dateTime",
    ],
    ["access without its end", without("consent-access", "provision"), "missing-element Consent.provision"],
    [
      "a profile that is not known",
      changed("patient", { meta: { profile: [`${base}/StructureDefinition/none`] } }),
      "profile-unknown Patient",
    ],
    [
      "a profile of another type",
      changed("patient", { meta: { profile: [`${base}/StructureDefinition/gateway-organization`] } }),
      "profile-of-other-type Patient",
    ],
  ])("%s is found", (_name, resource, expected) => {
    expect(codesOf(resource)).toContain(expected);
  });

  it("a profile that is asked for is checked once more to those claimed", () => {
    const { meta: _, ...plain } = example("clinic");
    const asked = [`${base}/StructureDefinition/gateway-organization`];
    expect(errors(plain, asked)).toEqual([]);
    expect(errors({ ...plain, name: undefined, identifier: undefined }, asked)).toHaveLength(3);
    expect(hasErrors(validator.validate({ ...plain, alias: 1 }))).toBe(true);
  });
});
