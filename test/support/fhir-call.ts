import { randomUUID } from "node:crypto";
import type { CareTeam, OperationOutcome, Resource } from "@medplum/fhirtypes";

export interface FhirAnswer<T = Resource> {
  status: number;
  headers: Headers;
  body: T;
}

interface FhirAsk {
  body?: object;
  headers?: Record<string, string>;
}

/** A call at a gateway's FHIR door with a token. */
export async function fhirCall<T = Resource>(
  { url }: { url: string },
  token: string,
  line: string,
  { body, headers }: FhirAsk = {},
): Promise<FhirAnswer<T>> {
  const [method = "GET", path] = line.split(" ");
  const answer = await fetch(`${url}/fhir${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(method !== "GET" && { "idempotency-key": randomUUID() }),
      ...(body && { "content-type": "application/fhir+json" }),
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: (text ? JSON.parse(text) : undefined) as T,
  };
}

/** The code of our error table in an outcome. */
export const outcomeCode = ({ body }: FhirAnswer<unknown>): string | undefined =>
  (body as OperationOutcome | undefined)?.issue?.[0]?.details?.coding?.[0]?.code;

/** A new patient whom the registry office assigns to a worker; the logical id. */
export async function assignedPatient(
  door: { url: string },
  office: string,
  practitioner: string,
): Promise<string> {
  const patient = { resourceType: "Patient", name: [{ family: "Вымышленный" }] };
  const { status, body } = await fhirCall(door, office, "POST /Patient", { body: patient });
  if (status !== 201) throw new Error(`no patient: ${status} ${JSON.stringify(body)}`);
  const team: CareTeam = {
    resourceType: "CareTeam",
    status: "active",
    subject: { reference: `Patient/${body.id}` },
    participant: [{ member: { reference: `Practitioner/${practitioner}` } }],
  };
  const assigned = await fhirCall(door, office, "POST /CareTeam", { body: team });
  if (assigned.status !== 201) throw new Error(`not assigned: ${JSON.stringify(assigned.body)}`);
  return body.id ?? "";
}
