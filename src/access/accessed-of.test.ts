import type { Resource } from "@medplum/fhirtypes";
import { describe, expect, it } from "vitest";
import { accessedOf } from "./accessed-of.ts";

const clinic = "1.2.643.5.1.13.13.12.2.77.90001";
const system = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
const encounter = {
  resourceType: "Encounter",
  id: "visit",
  subject: { reference: "Patient/anna" },
  serviceProvider: { identifier: { system: "urn:ietf:rfc:3986", value: `urn:oid:${clinic}` } },
} as Resource;

describe("accessedOf", () => {
  it("names type, id, subject and maker", () => {
    expect(accessedOf(encounter, "1.2.3")).toEqual({
      type: "Encounter",
      id: "visit",
      subject: "anna",
      organization: clinic,
      label: "N",
    });
  });

  it("takes the organisation that stores it for the maker when none is named", () => {
    const condition = { resourceType: "Condition", subject: { reference: "Patient/anna" } } as Resource;
    expect(accessedOf(condition, clinic)).toMatchObject({ organization: clinic });
    expect(accessedOf(condition)).not.toHaveProperty("organization");
  });

  it.each([
    ["Condition/x", true],
    ["DocumentReference/x/_history/2", true],
    ["Appointment/x", true],
    ["Consent/x", true],
    ["Task/x", undefined],
    ["Slot/x", undefined],
    ["Organization/x", undefined],
  ])("a Provenance over %s that names nobody is a patient's: %s", (reference, subjectUnnamed) => {
    const provenance = { resourceType: "Provenance", target: [{ reference }] } as Resource;
    expect(accessedOf(provenance, clinic).subjectUnnamed).toBe(subjectUnnamed);
    const named = { ...provenance, target: [{ reference }, { reference: "Patient/anna" }] } as Resource;
    expect(accessedOf(named, clinic)).toEqual({
      ...{ type: "Provenance", subject: "anna", organization: clinic, label: "N" },
      id: undefined,
    });
  });

  it.each([
    ["Task", "for", { focus: { reference: "Condition/x" } }, true],
    ["Task", "for", { basedOn: [{ reference: "ServiceRequest/x/_history/2" }] }, true],
    ["Task", "for", { input: [{ valueReference: { reference: "Observation?identifier=a|b" } }] }, true],
    ["Task", "for", { focus: { reference: "https://elsewhere.example/fhir/Binary/x" } }, true],
    ["Task", "for", { focus: { reference: "Appointment/x" } }, true],
    ["Task", "for", { basedOn: [{ reference: "Coverage/x" }] }, true],
    ["Task", "for", { focus: { reference: "Consent/x" } }, true],
    ["Task", "for", { focus: { reference: "Slot/x" } }, undefined],
    ["Task", "for", { focus: { reference: "HealthcareService/x" }, owner: { reference: "#a" } }, undefined],
    ["Task", "for", {}, undefined],
    ["Communication", "subject", { about: [{ reference: "DocumentReference/x" }] }, true],
    ["Communication", "subject", { recipient: [{ reference: "Patient/anna" }] }, true],
    ["Communication", "subject", { recipient: [{ reference: "Practitioner/x" }] }, undefined],
    ["CommunicationRequest", "subject", { payload: [{ contentReference: { reference: "Binary/x" } }] }, true],
  ])("a %s without %s that refers to %j is a patient's: %s", (resourceType, element, refers, isPatients) => {
    const work = { resourceType, ...refers } as Resource;
    expect(accessedOf(work, clinic).subjectUnnamed).toBe(isPatients);
    const named = { ...work, [element]: { reference: "Patient/anna" } } as Resource;
    expect(accessedOf(named, clinic)).toMatchObject({ subject: "anna" });
    expect(accessedOf(named, clinic)).not.toHaveProperty("subjectUnnamed");
  });

  it("a consent is judged by whom it names, not by who stores it", () => {
    const organization = { identifier: { system: "urn:ietf:rfc:3986", value: `urn:oid:${clinic}` } };
    const actor = [{ reference: { reference: "Practitioner/doctor" } }, { reference: organization }];
    const consent = { resourceType: "Consent", patient: { reference: "Patient/anna" } } as Resource;
    expect(accessedOf({ ...consent, provision: { actor } } as Resource, "1.2.3")).toMatchObject({
      subject: "anna",
      agent: "doctor",
      organization: clinic,
    });
    expect(accessedOf(consent, clinic)).not.toHaveProperty("organization");
  });

  it.each([
    ["draft", true],
    ["proposed", true],
    ["active", undefined],
    ["inactive", undefined],
  ])("a consent that is %s is unconfirmed: %s", (status, unconfirmed) => {
    expect(accessedOf({ resourceType: "Consent", status } as Resource).unconfirmed).toBe(unconfirmed);
  });

  it.each([
    [[], "N"],
    [[{ system, code: "R" }], "R"],
    [[{ system, code: "L" }], "N"],
    [
      [
        { system, code: "V" },
        { system, code: "N" },
      ],
      "V",
    ],
    [[{ system: "http://example.test", code: "V" }], "N"],
    // nobody knows it, so nobody may count on it
    [[{ system, code: "SECRET" }], "V"],
    [[{ system, code: "toString" }], "V"],
    [[{ system }], "V"],
  ])("labels %j are %s", (security, label) => {
    expect(accessedOf({ ...encounter, meta: { security } })).toMatchObject({ label });
  });
});
