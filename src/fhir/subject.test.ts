import type { Resource } from "@medplum/fhirtypes";
import { expect, it } from "vitest";
import { subjectOf } from "./subject.ts";

it.each<[string, object, string | undefined]>([
  ["Patient", { id: "p1" }, "p1"],
  ["Observation", { subject: { reference: "Patient/p1" } }, "p1"],
  ["Observation", { subject: { reference: "Patient/p1/_history/3" } }, "p1"],
  ["Observation", { subject: { reference: "https://here.example/fhir/Patient/p1" } }, "p1"],
  ["Observation", { subject: { reference: "Group/p1" } }, undefined],
  ["Observation", { subject: { reference: "#p1" }, performer: [{ reference: "Patient/p2" }] }, undefined],
  ["Consent", { patient: { reference: "Patient/p1" } }, "p1"],
  ["Coverage", { beneficiary: { reference: "Patient/p1" } }, "p1"],
  ["Task", { for: { reference: "Patient/p1" } }, "p1"],
  [
    "Appointment",
    {
      participant: [{ actor: { reference: "Practitioner/x" } }, { actor: { reference: "Patient/p1" } }],
    },
    "p1",
  ],
  ["Provenance", { target: [{ reference: "Composition/x" }, { reference: "Patient/p1" }] }, "p1"],
  ["Schedule", { actor: [{ reference: "Practitioner/x" }] }, undefined],
  ["Slot", { schedule: { reference: "Schedule/x" } }, undefined],
  ["Condition", { subject: "Patient/p1" }, undefined],
])("%s %j is about %s", (resourceType, content, subject) => {
  expect(subjectOf({ resourceType, ...content } as unknown as Resource)).toBe(subject);
});
