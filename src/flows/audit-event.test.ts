import { describe, expect, it } from "vitest";
import { rowOf } from "../../test/store/journal-rows.ts";
import { claimedPatterns } from "../../test/support/balp.ts";
import type { JournalRow } from "../store/journal-format.ts";
import { toAuditEvent } from "./audit-event.ts";

const eventOf = (fields: Partial<JournalRow>) =>
  toAuditEvent({ place: { group: 1, n: 1 }, row: rowOf(1, fields) }, "https://gw.example");

const address = "192.0.2.7";
const ofPatient = { resourceType: "Observation", resourceId: "o1", subject: "p1", address };
const doctor = { onBehalfOf: "d1", role: "r1", token: "jti-1" };
const inPerson = { actorKind: "patient", actorId: "p1", tenant: "" };

describe("an event claims the pattern of BALP whose every field it has", () => {
  it.each([
    ["read", "PatientRead"],
    ["vread", "PatientRead"],
    ["create", "PatientCreate"],
    ["update", "PatientUpdate"],
    ["patch", "PatientUpdate"],
    ["delete", "PatientDelete"],
    ["search", "PatientQuery"],
  ])(
    "%s of a patient's data is a %s, by a system, a worker behind it and people in person",
    (action, pattern) => {
      const row = { ...ofPatient, action, ...(action === "search" && { query: "Observation?code=1" }) };
      expect(claimedPatterns(eventOf(row))).toEqual([pattern]);
      expect(claimedPatterns(eventOf({ ...row, ...doctor }))).toEqual([
        pattern,
        "OAUTHaccessTokenUse.Minimal",
      ]);
      expect(claimedPatterns(eventOf({ ...row, ...inPerson }))).toEqual([pattern]);
      expect(claimedPatterns(eventOf({ ...row, holder: "1.2.643.5.1" }))).toEqual([pattern]);
    },
  );

  it("without a patient it is the pattern for others", () => {
    expect(claimedPatterns(eventOf({ action: "read", address }))).toEqual(["Read"]);
    const search = { action: "search", address, query: "Location?name=x", resourceType: "Location" };
    expect(claimedPatterns(eventOf({ ...search, resourceId: undefined, subject: undefined }))).toEqual([
      "Query",
    ]);
    // what a worker sees of themselves is no patient's
    const own = { actorKind: "practitioner", actorId: "d1", resourceType: "MeasureReport", subject: "d1" };
    expect(claimedPatterns(eventOf({ ...own, action: "read", address }))).toEqual(["Read"]);
  });

  it.each<[string, Partial<JournalRow>]>([
    ["a refusal", { outcome: "access-denied" }],
    ["a row of before, which has no address", { address: undefined }],
    ["a search whose query is not shown", { action: "search", query: undefined }],
    ["a read that names no resource", { resourceId: undefined }],
    ["what BALP has no pattern for", { action: "history-instance" }],
    ["what was left out", { action: "hidden read" }],
    ["a member of every object", { action: "constructor" }],
  ])("%s claims none", (_name, fields) => {
    expect(claimedPatterns(eventOf({ ...ofPatient, action: "read", ...fields }))).toEqual([]);
  });

  it("the query is what was asked, and one that was cut says so", () => {
    const queryOf = (query: string) => eventOf({ ...ofPatient, action: "search", query }).entity?.[0];
    const asked = "Patient?name=%D0%A2%D0%B5%D1%81%D1%82";
    expect(Buffer.from(queryOf(asked)?.query ?? "", "base64").toString()).toBe(asked);
    expect(queryOf(asked)?.description).toBe("Observation");
    expect(queryOf("Patient?name=…")?.description).toMatch(/beginning only/);
  });
});
