import type { Section } from "./access-facts.ts";
import type { DataClass } from "./data-classes.ts";

const ofPatient: Partial<Record<Section, readonly string[]>> = {
  records: [
    "AdverseEvent",
    "AllergyIntolerance",
    "CarePlan",
    "ClinicalImpression",
    "Condition",
    "DetectedIssue",
    "Encounter",
    "FamilyMemberHistory",
    "Flag",
    "Goal",
    "ImmunizationRecommendation",
    "List",
    "MedicationStatement",
    "QuestionnaireResponse",
    "RiskAssessment",
  ],
  measurements: ["Observation", "Specimen"],
  care: ["Immunization", "MedicationAdministration", "Procedure"],
  examinations: ["DiagnosticReport", "ImagingStudy", "Media"],
  orders: ["DeviceRequest", "NutritionOrder", "RequestGroup", "ServiceRequest", "Task"],
  documents: ["Binary", "Composition", "DocumentManifest", "DocumentReference", "Provenance"],
  prescriptions: ["MedicationRequest"],
  dispensing: ["MedicationDispense"],
  correspondence: ["Communication", "CommunicationRequest"],
};

const byType: ReadonlyMap<string, Section> = new Map(
  Object.entries(ofPatient).flatMap(([section, types]) => types.map((type) => [type, section as Section])),
);

const schedule = new Set(["Schedule", "Slot"]);

/** The section of a type in its class; undefined for what no post opens or closes. */
export function sectionOf(type: string, kind: DataClass | undefined): Section | undefined {
  switch (kind) {
    case "patient":
      return byType.get(type);
    case "registration":
      return "registration";
    case "consent":
      return "consents";
    case "work":
      return schedule.has(type) ? "schedule" : "work";
    default:
      return undefined;
  }
}
