import type { Appointment, CareTeam, EpisodeOfCare, RelatedPerson } from "@medplum/fhirtypes";
import { describe, expect, it } from "vitest";
import { sessionOwnerOf } from "../access/session-owner.ts";
import { createKeyring } from "../crypto/keyring.ts";
import { relationsOf, representationOf } from "./care-relations.ts";

const keyring = createKeyring(new Uint8Array(32).fill(7));
const subject = { reference: "Patient/anna" };
const doctor = { reference: "Practitioner/doctor" };
const assigned = { kind: "assigned", patient: "anna", practitioner: "doctor", ends_at: null };
const day = 86_400_000;

describe("who is assigned", () => {
  const team: CareTeam = { resourceType: "CareTeam", subject, participant: [{ member: doctor }] };
  const episode: EpisodeOfCare = {
    resourceType: "EpisodeOfCare",
    status: "active",
    patient: subject,
    careManager: doctor,
  };

  it("everybody of a team in force, and who manages an episode", () => {
    const nurse = { member: { reference: "Practitioner/nurse" } };
    const members = [{ member: doctor }, nurse, { member: subject }];
    expect(relationsOf({ ...team, participant: members })).toEqual([
      assigned,
      { ...assigned, practitioner: "nurse" },
    ]);
    expect(relationsOf(episode)).toEqual([assigned]);
  });

  it("who holds the post that is named, and nobody for an unknown post", () => {
    const post = { reference: "PractitionerRole/surgeon" };
    const holders = new Map([["surgeon", "doctor"]]);
    const byPost = {
      ...team,
      participant: [{ member: post }, { member: { reference: "PractitionerRole/x" } }],
    };
    expect(relationsOf(byPost, holders)).toEqual([assigned]);
    expect(relationsOf(byPost)).toEqual([]);
    expect(relationsOf({ ...episode, careManager: post }, holders)).toEqual([assigned]);
    expect(relationsOf({ ...team, participant: [{ member: doctor }, { member: post }] }, holders)).toEqual([
      assigned,
    ]);
  });

  it("nobody by a team or an episode that is over, planned elsewhere, or without a patient", () => {
    for (const status of ["proposed", "suspended", "inactive", "entered-in-error"] as const)
      expect(relationsOf({ ...team, status })).toEqual([]);
    for (const status of ["finished", "cancelled", "entered-in-error", "waitlist"] as const)
      expect(relationsOf({ ...episode, status })).toEqual([]);
    expect(relationsOf({ ...team, subject: { reference: "Group/all" } })).toEqual([]);
  });

  it("as long as the period says: a day to its end, a vague date not at all", () => {
    const until = (end: string) => relationsOf({ ...team, period: { end } })[0]?.ends_at;
    expect(until("2026-11-22")).toBe(Date.UTC(2026, 10, 23) - 1);
    expect(until("2026-11-22T10:00:00+03:00")).toBe(Date.UTC(2026, 10, 22, 7));
    expect(until("2026")).toBe(0);
    expect(until("2026-11")).toBe(0);
  });

  it("who stands in the team twice has the longer stay", () => {
    const participant = [
      { member: doctor, period: { end: "2026-11-01" } },
      { member: doctor },
      { member: doctor, period: { end: "2026-12-01" } },
    ];
    expect(relationsOf({ ...team, participant })).toEqual([assigned]);
  });
});

describe("who is booked", () => {
  const end = Date.UTC(2026, 10, 22, 10);
  const appointment: Appointment = {
    resourceType: "Appointment",
    status: "booked",
    end: new Date(end).toISOString(),
    participant: [
      { actor: subject, status: "accepted" },
      { actor: doctor, status: "accepted" },
    ],
  };

  it("the doctor of a booking, until thirty days after the visit", () => {
    expect(relationsOf(appointment)).toEqual([{ ...assigned, kind: "booked", ends_at: end + 30 * day }]);
  });

  it("nobody by a booking that is proposed, cancelled, missed, without a time, or that the doctor declined", () => {
    for (const status of ["proposed", "pending", "cancelled", "noshow", "waitlist"] as const)
      expect(relationsOf({ ...appointment, status })).toEqual([]);
    expect(relationsOf({ ...appointment, end: undefined })).toEqual([]);
    const declined = appointment.participant?.map((one) => ({ ...one, status: "declined" as const }));
    expect(relationsOf({ ...appointment, participant: declined })).toEqual([]);
  });
});

describe("who represents", () => {
  const snils = "90000000586";
  const role = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
  const mother: RelatedPerson = {
    resourceType: "RelatedPerson",
    patient: subject,
    identifier: [{ system: "urn:oid:1.2.643.100.3", value: "900-000-005 86" }],
    relationship: [{ coding: [{ system: role, code: "MTH" }] }],
  };
  const coded = (system: string, code: string) => ({
    ...mother,
    relationship: [{ coding: [{ system, code }] }],
  });

  it("a parent by СНИЛС, kept as a keyed hash", () => {
    expect(representationOf(mother, keyring)).toEqual({
      kind: "parent",
      patient: "anna",
      representative: sessionOwnerOf(keyring, snils),
      ends_at: null,
    });
    expect(representationOf(coded("urn:oid:1.2.643.5.1.13.13.99.2.14", "2"), keyring)?.kind).toBe("parent");
  });

  it("a guardian of an incapable person by our own code only", () => {
    const ours = "https://cabinet-gateway.example/fhir/CodeSystem/representation";
    expect(representationOf(coded(ours, "guardian-of-incapable"), keyring)?.kind).toBe(
      "guardian-of-incapable",
    );
  });

  it.each<[string, RelatedPerson]>([
    ["another relative", coded(role, "SIB")],
    ["an unknown system", coded("toString", "MTH")],
    ["without СНИЛС", { ...mother, identifier: [] }],
    [
      "with a wrong СНИЛС",
      { ...mother, identifier: [{ system: "urn:oid:1.2.643.100.3", value: "90000000587" }] },
    ],
    ["no more active", { ...mother, active: false }],
  ])("nobody by %s", (_what, person) => {
    expect(representationOf(person, keyring)).toBeUndefined();
  });
});
