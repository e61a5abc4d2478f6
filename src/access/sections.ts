import { classOf } from "./data-classes.ts";

/** Parts of the work with patients that are opened to a post one by one (Z-05). */
export const sections = [
  "registration",
  "schedule",
  "consents",
  "records",
  "measurements",
  "care",
  "examinations",
  "orders",
  "documents",
  "prescriptions",
  "dispensing",
  "correspondence",
  "work",
] as const;

export type Section = (typeof sections)[number];

/** What somebody's post opens to view and to enter. */
export interface PostRights {
  view: ReadonlySet<Section>;
  enter: ReadonlySet<Section>;
}

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

/** The section of a type, given whose the resource is; undefined for what no post opens or closes. */
export function sectionOf(type: string, subject?: string): Section | undefined {
  switch (classOf(type, subject)) {
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
