import type { Bundle, CodeableConcept, Practitioner, PractitionerRole, Resource } from "@medplum/fhirtypes";
import type { FastifyReply, FastifyRequest } from "fastify";
import { identifierSystem } from "../../core/canonical.ts";
import type { SourceStatus } from "../../core/source-status.ts";
import type { Answered } from "../../flows/identities.ts";
import type { PractitionerDirectory, WorkerCard } from "../../flows/practitioner-directory.ts";
import { requireScope } from "../../plugins/auth.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

/** `GET /cabinet/v1/practitioners/{id}/registry-card`: a worker's card from ФРМР, as JSON or as a FHIR Bundle. */
export function registryCardOperation(directory: PractitionerDirectory, fhirUrl: string) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { id } = request.params as { id: string };
    requireScope(request, "Practitioner", "r");
    request.authorize("read", { type: "Practitioner" });
    const card = await directory.cardById(id, request.ctx);
    await request.journal({ action: "read", resourceType: "Practitioner", resourceId: id, subject: id });
    return sendCard(card, fhirUrl, request, reply);
  };
}

/** The card as JSON, or, when that is asked for, as a FHIR Bundle whose resources live at `fhirUrl`. */
export function sendCard(
  card: Answered<WorkerCard>,
  fhirUrl: string,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (request.headers.accept?.includes("application/fhir+json"))
    return reply.type("application/fhir+json").send(JSON.stringify(bundleOf(card.value, fhirUrl)));
  return reply.send(cardView(card));
}

function bundleOf({ practitioner, roles, verification }: WorkerCard, fhirUrl: string): Bundle {
  const resources: Resource[] = [practitioner, ...roles, ...(verification ? [verification] : [])];
  return {
    resourceType: "Bundle",
    type: "collection",
    entry: resources.map((resource) => ({
      fullUrl: `${fhirUrl}/${resource.resourceType}/${resource.id}`,
      resource,
    })),
  };
}

function cardView({ value, sources }: Answered<WorkerCard>): View["RegistryCard"] {
  const { practitioner, roles, verification } = value;
  return {
    practitioner: personView(practitioner),
    roles: roles.map(roleView),
    qualifications: (practitioner.qualification ?? []).map(qualificationView),
    verification: verification && {
      status: verification.status ?? "",
      checkedAt: verification.statusDate ?? "",
    },
    sources: sources.map(sourceView),
  };
}

function personView(practitioner: Practitioner): View["Person"] {
  const [name] = practitioner.name ?? [];
  return {
    id: practitioner.id ?? "",
    name: [name?.family, ...(name?.given ?? [])].filter(Boolean).join(" "),
    birthDate: practitioner.birthDate,
    gender: practitioner.gender,
  };
}

/** A personal file of ФРМР as the cabinet shows it; ids and OIDs without their `urn:oid:`. */
export function roleView(role: PractitionerRole): View["Role"] {
  const { organization } = role;
  const oid =
    organization?.identifier?.system === identifierSystem.oid
      ? organization.identifier.value?.replace(/^urn:oid:/, "")
      : undefined;
  return {
    id: role.id ?? "",
    active: role.active ?? true,
    post: codedView(role.code?.[0]),
    specialty: codedView(role.specialty?.[0]),
    organization: organization && { oid, display: organization.display ?? oid ?? "" },
    start: role.period?.start,
    end: role.period?.end,
  };
}

function qualificationView(
  qualification: NonNullable<Practitioner["qualification"]>[number],
): View["Qualification"] {
  const [kind, specialty] = qualification.code?.coding ?? [];
  return {
    title: qualification.code?.text ?? kind?.display ?? "",
    specialty: specialty?.code
      ? { code: specialty.code, system: specialty.system, display: specialty.display }
      : undefined,
    number: qualification.identifier?.[0]?.value,
    start: qualification.period?.start,
    end: qualification.period?.end,
  };
}

function codedView(concept: CodeableConcept | undefined): View["Coded"] | undefined {
  const coding = concept?.coding?.[0];
  return coding?.code ? { code: coding.code, system: coding.system, display: coding.display } : undefined;
}

/** One row of `sources`, with times as instants. */
export function sourceView({ system, status, asOf, retryAfter }: SourceStatus): View["Source"] {
  return {
    system,
    status,
    asOf: asOf === undefined ? undefined : new Date(asOf).toISOString(),
    retryAfter,
  };
}
