import { describe, expect, it } from "vitest";
import type { Actor } from "../core/context.ts";
import type { AccessAction, AccessedResource, AccessFacts, ConsentFact } from "./access-facts.ts";
import { decide } from "./decide.ts";
import { postTableIn } from "./post-rights.ts";

const at = Date.UTC(2026, 10, 1);
const clinic = "1.2.643.5.1.13.13.12.2.77.90001";
const doctor: Actor = {
  kind: "practitioner",
  id: "doctor",
  tenant: clinic,
  scopes: [],
  role: "role",
  organization: clinic,
  purpose: "TREAT",
};
const citizen: Actor = { kind: "patient", id: "patient", tenant: "", scopes: [], purpose: "PATRQT" };
const client: Actor = { kind: "client", id: "mis", tenant: clinic, scopes: ["system/*.cruds"] };
const card: AccessedResource = { type: "Condition", subject: "patient", organization: clinic };
const post = postTableIn().rightsOf(["109"]);
const ready: AccessFacts = { at, activeWorker: true, post, signature: "qualified" };
const consent: ConsentFact = {
  kind: "access",
  decision: "permit",
  patient: "patient",
  rights: ["view"],
  practitioner: "doctor",
};

function reasonOf(
  facts: Partial<AccessFacts>,
  {
    actor = doctor,
    action = "read",
    ...resource
  }: Partial<AccessedResource> & { actor?: Actor; action?: AccessAction } = {},
): string {
  return decide(actor, action, { ...card, ...resource }, { ...ready, ...facts }).reason.code;
}

const assigned = {
  kind: "assigned",
  patient: "patient",
  practitioner: "doctor",
  organization: clinic,
  rights: ["view", "enter"],
} as const;

describe("decide", () => {
  it("denies a patient's data without care relation or consent and says what is missing", () => {
    expect(decide(doctor, "read", card, ready)).toEqual({
      permit: false,
      reason: expect.objectContaining({ code: "no-ground" }),
      missing: ["consent-access", "care-relation", "legal-ground"],
    });
  });

  it("M-25 lets a consent open the card to whom it names, as far and as long as it says", () => {
    expect(reasonOf({ consents: [consent] })).toBe("consent-access");
    expect(reasonOf({ consents: [{ ...consent, practitioner: "another" }] })).toBe("no-ground");
    expect(reasonOf({ consents: [{ ...consent, practitioner: undefined }] })).toBe("no-ground");
    expect(reasonOf({ consents: [{ ...consent, patient: "another" }] })).toBe("no-ground");
    expect(reasonOf({ consents: [{ ...consent, until: at }] })).toBe("no-ground");
    expect(reasonOf({ consents: [{ ...consent, from: at + 1 }] })).toBe("no-ground");
    expect(reasonOf({ consents: [{ ...consent, types: ["Observation"] }] })).toBe("no-ground");
    const wholeClinic = { ...consent, practitioner: undefined, organization: clinic };
    expect(reasonOf({ consents: [wholeClinic] })).toBe("consent-access");
    expect(reasonOf({ consents: [{ ...wholeClinic, practitioner: "another" }] })).toBe("no-ground");
    expect(reasonOf({ consents: [{ ...wholeClinic, organization: "another" }] })).toBe("no-ground");
    expect(reasonOf({ consents: [{ ...consent, organization: "another" }] })).toBe("no-ground");
  });

  it("M-26 a consent to view does not permit to enter", () => {
    expect(reasonOf({ consents: [consent] }, { action: "create" })).toBe("no-ground");
    expect(reasonOf({ consents: [{ ...consent, rights: ["enter"] }] }, { action: "create" })).toBe(
      "consent-access",
    );
  });

  it("no other kind of consent stands for access", () => {
    for (const kind of ["processing", "treatment", "prescription"] as const)
      expect(reasonOf({ consents: [{ ...consent, kind }] })).toBe("no-ground");
  });

  it("an electronic prescription and a procedure each need a consent of their own kind", () => {
    const facts = { relations: [assigned] };
    const prescribe = { action: "create", type: "MedicationRequest" } as const;
    const agreed = { ...consent, kind: "prescription", rights: ["enter"] } as const;
    expect(reasonOf(facts, prescribe)).toBe("prescription-consent-missing");
    expect(reasonOf({ ...facts, consents: [agreed] }, prescribe)).toBe("care-assigned");
    const operate = { action: "create", type: "Procedure" } as const;
    expect(reasonOf({ ...facts, consents: [agreed] }, operate)).toBe("treatment-consent-missing");
    expect(reasonOf({ ...facts, consents: [{ ...agreed, kind: "treatment" }] }, operate)).toBe(
      "care-assigned",
    );
    expect(reasonOf({ grounds: ["323-13-4-1"] }, operate)).toBe("323-13-4-1");
  });

  it("M-07, M-27 care relations open the card to their doctor, as far as they say", () => {
    expect(reasonOf({ relations: [assigned] })).toBe("care-assigned");
    expect(reasonOf({ relations: [{ ...assigned, organization: "another" }] })).toBe("no-ground");
    expect(reasonOf({ relations: [{ ...assigned, practitioner: "another" }] })).toBe("no-ground");
    expect(reasonOf({ relations: [{ ...assigned, patient: "another" }] })).toBe("no-ground");
    const booked = { ...assigned, kind: "booked", rights: ["view"] } as const;
    expect(reasonOf({ relations: [booked] })).toBe("care-booked");
    expect(reasonOf({ relations: [{ ...booked, rights: [] }] })).toBe("no-ground");
    expect(reasonOf({ relations: [{ ...booked, practitioner: "another" }] })).toBe("no-ground");
    expect(reasonOf({ relations: [{ ...booked, until: at }] })).toBe("no-ground");
    expect(reasonOf({ relations: [{ ...booked, until: at + 1 }] })).toBe("care-booked");
    expect(reasonOf({ relations: [booked] }, { action: "create" })).toBe("no-ground");
  });

  it("a patient's refusal stops relation and consent, never what the law grounds", () => {
    const refusal = { ...consent, decision: "deny", practitioner: undefined } as const;
    expect(reasonOf({ relations: [assigned], consents: [consent, refusal] })).toBe("refused-by-patient");
    const law = { consents: [refusal], grounds: ["323-13-4-8"] } as const;
    expect(reasonOf(law)).toBe("323-13-4-8");
    expect(reasonOf(law, { actor: { ...doctor, purpose: "HPAYMT" } })).toBe("refused-by-patient");
    expect(reasonOf(law, { action: "create" })).toBe("no-ground");
  });

  it("labels are reached only by grounds that go so far", () => {
    const booked = { ...assigned, kind: "booked" } as const;
    expect(reasonOf({ relations: [booked] }, { label: "R" })).toBe("label-too-high");
    expect(reasonOf({ relations: [assigned] }, { label: "R" })).toBe("care-assigned");
    expect(reasonOf({ relations: [assigned] }, { label: "V" })).toBe("label-too-high");
    const opened = { ...consent, labels: ["V"] } as const;
    expect(reasonOf({ relations: [assigned], consents: [opened] }, { label: "V" })).toBe("consent-access");
  });

  it("M-41 a dismissed worker is refused whatever the patient permits", () => {
    const facts = { consents: [consent], relations: [assigned], activeWorker: false };
    expect(reasonOf(facts)).toBe("worker-inactive");
    expect(reasonOf({ ...facts, activeWorker: undefined })).toBe("worker-inactive");
  });

  it("people see their own data and manage their own consents from 15 years on", () => {
    expect(reasonOf({}, { actor: citizen, label: "V" })).toBe("own-data");
    expect(reasonOf({}, { actor: citizen, subject: "another" })).toBe("no-ground");
    expect(reasonOf({}, { actor: citizen, action: "update" })).toBe("no-ground");
    const grant = { actor: citizen, action: "create", type: "Consent" } as const;
    expect(reasonOf({ patientAge: 15 }, grant)).toBe("own-data");
    expect(reasonOf({ patientAge: 14 }, grant)).toBe("no-ground");
    expect(reasonOf({}, grant)).toBe("no-ground");
  });

  it("a parent acts for a child under 15, a guardian for an incapable person", () => {
    const parent = { ...citizen, id: "parent" };
    const representations = [{ kind: "parent", patient: "patient" }] as const;
    expect(reasonOf({ representations, patientAge: 14 }, { actor: parent })).toBe("representative");
    expect(reasonOf({ representations, patientAge: 15 }, { actor: parent })).toBe("no-ground");
    expect(reasonOf({ representations }, { actor: parent })).toBe("no-ground");
    const guardian = [{ kind: "guardian-of-incapable", patient: "patient" }] as const;
    expect(reasonOf({ representations: guardian }, { actor: parent })).toBe("representative");
    expect(reasonOf({ representations: guardian }, { actor: parent, action: "create" })).toBe("no-ground");
  });

  it("emergency access is off by default, wants a reason, only views and raises an alert", () => {
    const emergency = { ...doctor, purpose: "BTG" } as const;
    expect(reasonOf({}, { actor: emergency })).toBe("no-ground");
    expect(reasonOf({ breakGlass: { reason: " " } }, { actor: emergency })).toBe("no-ground");
    expect(reasonOf({ breakGlass: { reason: "без сознания" } })).toBe("no-ground");
    const facts = { ...ready, breakGlass: { reason: "без сознания" } };
    expect(decide(emergency, "read", card, facts)).toMatchObject({ permit: true, alert: true });
    expect(decide(emergency, "create", card, facts)).toMatchObject({ permit: false });
  });

  it("a client system keeps places, services and subscriptions of its organisation, a person does not", () => {
    const place = { type: "Location", subject: undefined };
    expect(reasonOf({}, { actor: client, ...place, action: "create" })).toBe("own-directory");
    expect(reasonOf({}, { ...place, action: "create" })).toBe("no-ground");
  });

  it("a client system that names no human gets system data only", () => {
    expect(reasonOf({ relations: [assigned] }, { actor: client })).toBe("human-unnamed");
    expect(reasonOf({}, { actor: client, type: "Practitioner", subject: undefined })).toBe("system-data");
    expect(reasonOf({}, { actor: client, type: "Practitioner", action: "update" })).toBe("no-ground");
    const named = {
      ...client,
      onBehalfOf: "doctor",
      role: "role",
      organization: clinic,
      purpose: "TREAT",
    } as const;
    expect(reasonOf({ relations: [assigned] }, { actor: named })).toBe("care-assigned");
    // a client system never speaks as the patient
    expect(reasonOf({}, { actor: { ...named, onBehalfOf: "patient" } })).toBe("no-ground");
  });

  it("the journal is open to its people and to the security duty, to be read", () => {
    const row = { type: "AuditEvent", agent: "doctor" };
    expect(reasonOf({}, row)).toBe("own-data");
    expect(reasonOf({}, { ...row, actor: citizen })).toBe("own-data");
    expect(reasonOf({}, { ...row, actor: client })).toBe("human-unnamed");
    const desk = { ...client, duties: ["security"] } as const;
    expect(reasonOf({}, { ...row, actor: desk })).toBe("security-duty");
    const officer = { ...doctor, duties: ["security"] } as const;
    const others = { type: "AuditEvent", agent: "another" };
    expect(reasonOf({ activeWorker: true }, { ...others, actor: officer })).toBe("security-duty");
    expect(reasonOf({ activeWorker: false }, { ...others, actor: officer })).toBe("no-ground");
    const weak = { ...officer, singleFactor: true } as const;
    expect(reasonOf({ activeWorker: true }, { ...others, actor: weak })).toBe("no-ground");
    expect(reasonOf({}, { ...row, actor: desk, action: "delete" })).toBe("no-ground");
    expect(reasonOf({}, { actor: desk })).toBe("human-unnamed");
  });

  it("support sees how people were verified, a regulator what happened in its remit; neither sees anything else", () => {
    const row = { type: "AuditEvent", id: "1.1", organization: "1.2.77.1" };
    const support = { ...client, duties: ["support"] } as const;
    expect(reasonOf({}, { ...row, actor: support, verification: true })).toBe("support-duty");
    expect(reasonOf({}, { ...row, actor: support, verification: false })).toBe("no-ground");
    expect(reasonOf({}, { actor: support })).toBe("human-unnamed");
    const remit = (...oids: string[]) => ({ ...client, duties: ["regulator"], remit: oids }) as const;
    expect(reasonOf({}, { ...row, actor: remit("1.2.78", "1.2.77") })).toBe("regulator-duty");
    expect(reasonOf({}, { ...row, actor: remit("1.2.77.1") })).toBe("regulator-duty");
    for (const elsewhere of [remit("1.2.7"), remit("1.2.77.12"), remit()])
      expect(reasonOf({}, { ...row, actor: elsewhere })).toBe("no-ground");
    expect(reasonOf({}, { ...row, actor: { ...client, remit: ["1.2.77"] } })).toBe("human-unnamed");
    expect(reasonOf({}, { actor: remit("1.2.77") })).toBe("human-unnamed");
  });

  it("E-01 signatures have three levels, a higher one does for a lower one", () => {
    const facts = { relations: [assigned] };
    const write = (signature: AccessFacts["signature"], type: string) =>
      reasonOf({ ...facts, signature }, { action: "create", type });
    expect(write("simple", "Observation")).toBe("signature-level");
    expect(write("enhanced", "Observation")).toBe("care-assigned");
    expect(write("qualified", "Observation")).toBe("care-assigned");
    expect(write("enhanced", "ServiceRequest")).toBe("signature-level");
    expect(write("qualified", "ServiceRequest")).toBe("care-assigned");
    expect(reasonOf({ ...facts, signature: "enhanced" })).toBe("signature-level");
  });

  it("a record of another organisation is not changed", () => {
    const theirs = { action: "update", organization: "another" } as const;
    expect(reasonOf({ relations: [assigned] }, theirs)).toBe("other-organization");
    expect(reasonOf({ relations: [assigned] }, { ...theirs, organization: clinic })).toBe("care-assigned");
  });

  it("a consent is seen by whom it names", () => {
    const look = { type: "Consent", organization: undefined } as const;
    expect(reasonOf({ signature: "simple" }, { ...look, agent: "doctor" })).toBe("named-in-consent");
    expect(reasonOf({}, { ...look, agent: "another" })).toBe("no-ground");
    expect(reasonOf({}, { ...look, agent: "another", organization: clinic })).toBe("no-ground");
    expect(reasonOf({}, { ...look, agent: "doctor", organization: "another" })).toBe("no-ground");
    expect(reasonOf({}, { ...look, organization: clinic })).toBe("named-in-consent");
    expect(reasonOf({}, look)).toBe("no-ground");
    expect(reasonOf({}, { ...look, agent: "doctor", action: "update" })).toBe("post-unfit");
  });

  it("a consent that was not confirmed is seen by its writer only", () => {
    const draft = { type: "Consent", unconfirmed: true, agent: "doctor" } as const;
    const facts = { relations: [assigned], consents: [consent], breakGlass: { reason: "без сознания" } };
    expect(reasonOf(facts, { ...draft, unconfirmed: undefined })).toBe("named-in-consent");
    expect(reasonOf(facts, draft)).toBe("no-ground");
    expect(reasonOf(facts, { ...draft, actor: { ...doctor, purpose: "BTG" } })).toBe("no-ground");
    expect(reasonOf({ grounds: ["323-13-4-8"] }, draft)).toBe("no-ground");
    expect(reasonOf({}, { ...draft, actor: citizen })).toBe("own-data");
    const representations = [{ kind: "parent", patient: "patient" }] as const;
    const parent = { ...draft, actor: { ...citizen, id: "parent" } };
    expect(reasonOf({ representations, patientAge: 14 }, parent)).toBe("representative");
  });

  it("who treats whom is written by the organisation's registry office, not by whom it lets in", () => {
    const office: Actor = { ...doctor, purpose: "HOPERAT" };
    for (const type of ["CareTeam", "EpisodeOfCare", "Appointment", "RelatedPerson", "Patient"]) {
      const write = { type, action: "create" } as const;
      expect(reasonOf({ relations: [assigned] }, write)).toBe("no-ground");
      expect(reasonOf({}, { ...write, actor: office })).toBe("own-organization");
      expect(reasonOf({}, { ...write, actor: office, organization: "another" })).toBe("no-ground");
      expect(reasonOf({}, { type, actor: office })).toBe("no-ground");
      expect(reasonOf({ relations: [assigned] }, { type })).toBe("care-assigned");
    }
    expect(reasonOf({}, { type: "Condition", action: "create", actor: office })).toBe("no-ground");
  });

  it("a task or message with a patient is the patient's, without one the organisation's", () => {
    for (const type of ["Task", "Communication"]) {
      expect(reasonOf({}, { type, subject: undefined })).toBe("own-organization");
      expect(reasonOf({}, { type })).toBe("no-ground");
      expect(reasonOf({}, { type, actor: citizen })).toBe("own-data");
    }
  });
});
