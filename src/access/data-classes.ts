import type { AccessedResource } from "./access-facts.ts";

/** What kind of data a resource type holds; the rules speak of kinds, not of types. */
export type DataClass = "system" | "patient" | "registration" | "consent" | "journal" | "work";

// a patient's data when they have a subject, the organisation's own work when not
const ofPatientOrWork = new Set(["Communication", "CommunicationRequest", "Provenance", "Task"]);

// whose patient somebody is and who acts for them: it opens cards, so the organisation's registry office writes it,
// not whom it lets in
const registration = [
  "Appointment",
  "CareTeam",
  "Coverage",
  "CoverageEligibilityRequest",
  "CoverageEligibilityResponse",
  "EpisodeOfCare",
  "Patient",
  "RelatedPerson",
];

const classes: Readonly<Record<DataClass, readonly string[]>> = {
  registration,
  system: [
    "CapabilityStatement",
    "CodeSystem",
    "ConceptMap",
    "Endpoint",
    "HealthcareService",
    "ImplementationGuide",
    "Library",
    "Location",
    "Measure",
    "Medication",
    "NamingSystem",
    "OperationDefinition",
    "Organization",
    "PlanDefinition",
    "Practitioner",
    "PractitionerRole",
    "Questionnaire",
    "SearchParameter",
    "StructureDefinition",
    "StructureMap",
    "Subscription",
    "Substance",
    "ValueSet",
    "VerificationResult",
  ],
  patient: [
    "AdverseEvent",
    "AllergyIntolerance",
    "Binary",
    "CarePlan",
    "ClinicalImpression",
    "Composition",
    "Condition",
    "DetectedIssue",
    "DeviceRequest",
    "DiagnosticReport",
    "DocumentManifest",
    "DocumentReference",
    "Encounter",
    "FamilyMemberHistory",
    "Flag",
    "Goal",
    "ImagingStudy",
    "Immunization",
    "ImmunizationRecommendation",
    "List",
    "Media",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "NutritionOrder",
    "Observation",
    "Procedure",
    "QuestionnaireResponse",
    "RequestGroup",
    "RiskAssessment",
    "ServiceRequest",
    "Specimen",
  ],
  consent: ["Consent"],
  journal: ["AuditEvent"],
  work: ["MeasureReport", "Schedule", "Slot", ...ofPatientOrWork],
};

const byType: ReadonlyMap<string, DataClass> = new Map(
  Object.entries(classes).flatMap(([kind, types]) => types.map((type) => [type, kind as DataClass])),
);

const kept = new Set(["HealthcareService", "Location", "Subscription"]);

/** True for what an organisation keeps of itself; all other system data come from registries. */
export const isKeptByOrganization = (type: string): boolean => kept.has(type);

export const classifiedTypes: readonly string[] = [...byType.keys()];

/** The class of a type, given whose the resource is; undefined for a type that no rule speaks of. */
export function classOf(type: string, subject?: string): DataClass | undefined {
  return subject !== undefined && ofPatientOrWork.has(type) ? "patient" : byType.get(type);
}

/** True for a type that is always about a patient, also where a resource of it does not say about whom. */
export function isAboutPatients(type: string): boolean {
  const kind = classOf(type);
  return kind === "patient" || kind === "registration" || kind === "consent";
}

/** The class of a resource; a patient's data are theirs also when they do not say whose they are. */
export const classOfResource = ({
  type,
  subject,
  subjectUnnamed,
}: Pick<AccessedResource, "type" | "subject" | "subjectUnnamed">): DataClass | undefined =>
  subjectUnnamed ? "patient" : classOf(type, subject);
