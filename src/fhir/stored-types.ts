import type { ResourceType } from "@medplum/fhirtypes";

/** A resource type that is kept in our own store. */
export interface StoredType {
  type: ResourceType;
  documentation: string;
  /** describes nobody: lies in the store in clear, and its ids may be chosen by the caller */
  isPublic?: boolean;
  /** has one version for ever */
  isImmutable?: boolean;
}

const isPublic = true;

/** Everything that is not read through from a registry; a type is one row. */
export const storedTypes: readonly StoredType[] = [
  { type: "Patient", documentation: "Patients of the organisation" },
  { type: "RelatedPerson", documentation: "Representatives and relatives of a patient" },
  { type: "Location", documentation: "Buildings, rooms and other places", isPublic },
  { type: "HealthcareService", documentation: "What an organisation offers and where", isPublic },
  { type: "Schedule", documentation: "Whose time is booked", isPublic },
  { type: "Slot", documentation: "Times that may be booked", isPublic },
  { type: "Appointment", documentation: "Bookings" },
  { type: "Encounter", documentation: "Visits and stays" },
  { type: "EpisodeOfCare", documentation: "Care of one problem over time" },
  { type: "CareTeam", documentation: "Who takes care of a patient" },
  { type: "Condition", documentation: "Diagnoses and complaints" },
  { type: "Observation", documentation: "Measurements and findings" },
  { type: "DiagnosticReport", documentation: "Results of studies" },
  { type: "Procedure", documentation: "What was done" },
  { type: "ServiceRequest", documentation: "Referrals and orders" },
  { type: "MedicationRequest", documentation: "Prescription lines" },
  { type: "MedicationDispense", documentation: "What a pharmacy gave or refused" },
  { type: "DocumentReference", documentation: "Documents (СЭМД) and where their bytes are" },
  { type: "Binary", documentation: "Bytes of a document; given raw or as a resource", isImmutable: true },
  { type: "Composition", documentation: "Structure of a document" },
  { type: "Consent", documentation: "Consents and refusals of a patient" },
  { type: "Coverage", documentation: "Insurance policies" },
  { type: "CoverageEligibilityRequest", documentation: "Questions about a policy" },
  { type: "CoverageEligibilityResponse", documentation: "Answers about a policy" },
  { type: "Task", documentation: "Work that someone is to do, prescriptions among it" },
  { type: "Communication", documentation: "Messages" },
  { type: "Provenance", documentation: "Who made or signed a resource" },
  { type: "Subscription", documentation: "What a client system wants to hear of" },
];

const byType: ReadonlyMap<string, StoredType> = new Map(storedTypes.map((row) => [row.type, row]));

/** The row of a type; undefined for one that is not kept in our store. */
export const storedTypeOf = (type: string): StoredType | undefined => byType.get(type);
