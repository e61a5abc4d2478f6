import { GatewayError } from "../../core/errors.ts";
import type { Provider, SearchRequest } from "../provider.ts";
import { patientCompartment } from "./parameter-table.ts";

// FHIR R4 compartmentdefinition-encounter, -practitioner and -relatedperson: a type a line, of those that are stored
const written = {
  Encounter: `
CareTeam encounter
Communication encounter
Composition encounter
Condition encounter
DiagnosticReport encounter
DocumentReference encounter
MedicationRequest encounter
Observation encounter
Procedure encounter
ServiceRequest encounter`,
  Practitioner: `
Appointment actor
CareTeam participant
Communication sender,recipient
Composition subject,author,attester
Condition asserter
CoverageEligibilityRequest enterer,provider
CoverageEligibilityResponse requestor
DiagnosticReport performer
DocumentReference subject,author,authenticator
Encounter practitioner,participant
EpisodeOfCare care-manager
MedicationDispense performer,receiver
MedicationRequest requester
Observation performer
Patient general-practitioner
Procedure performer
Provenance agent
Schedule actor
ServiceRequest performer,requester`,
  RelatedPerson: `
Appointment actor
CareTeam participant
Communication sender,recipient
Composition author
Condition asserter
Coverage policy-holder,subscriber,payor
DocumentReference author
Encounter participant
Observation performer
Patient link
Procedure performer
Provenance agent
Schedule actor
ServiceRequest performer`,
};

const linesOf = (text: string): ReadonlyMap<string, readonly string[]> =>
  new Map(
    text
      .trim()
      .split("\n")
      .map((line) => {
        const [type = "", parameters = ""] = line.split(" ");
        return [type, parameters.split(",")];
      }),
  );

const compartments: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>> = new Map(
  Object.entries({ Patient: patientCompartment, ...written }).map(([type, text]) => [type, linesOf(text)]),
);

/** Types whose resources have a compartment here. */
export const compartmentTypes: readonly string[] = [...compartments.keys()];

/** Whose compartment: type and logical id. */
export interface CompartmentOwner {
  type: string;
  id: string;
}

/** Of a compartment (FHIR R4 2.1.5.1); throws `unsupported-type` for a type that has no place in it. */
export function inCompartment(
  provider: Provider,
  { type, id }: CompartmentOwner,
): NonNullable<SearchRequest["compartment"]> {
  const parameters = provider.indexed && compartments.get(type)?.get(provider.type);
  if (!parameters) throw new GatewayError("unsupported-type", { field: provider.type });
  return { target: `${type}/${id}`, parameters };
}
