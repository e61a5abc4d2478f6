/** What kind of data a resource type holds; the rules speak of kinds, not of types. */
export type DataClass = "system" | "patient" | "consent" | "journal" | "work";

const classes: Readonly<Record<DataClass, readonly string[]>> = {
  system: [
    "CapabilityStatement",
    "CodeSystem",
    "ConceptMap",
    "Endpoint",
    "HealthcareService",
    "Location",
    "NamingSystem",
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "StructureDefinition",
    "StructureMap",
    "ValueSet",
    "VerificationResult",
  ],
  patient: [
    "AllergyIntolerance",
    "Appointment",
    "Binary",
    "CarePlan",
    "Composition",
    "Condition",
    "Coverage",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "EpisodeOfCare",
    "ImagingStudy",
    "Immunization",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Patient",
    "Procedure",
    "QuestionnaireResponse",
    "RelatedPerson",
    "ServiceRequest",
    "Specimen",
  ],
  consent: ["Consent"],
  journal: ["AuditEvent"],
  work: ["Communication", "MeasureReport", "Schedule", "Slot"],
};

const byType: ReadonlyMap<string, DataClass> = new Map(
  Object.entries(classes).flatMap(([kind, types]) => types.map((type) => [type, kind as DataClass])),
);

export const classifiedTypes: readonly string[] = [...byType.keys()];

/** The class of a resource type; undefined for a type that no rule speaks of. */
export const classOf = (type: string): DataClass | undefined => byType.get(type);
