import { randomUUID } from "node:crypto";
import type { Bundle, Patient, Resource } from "@medplum/fhirtypes";
import { identifierSystem } from "../src/core/canonical.ts";
import { topicOf } from "../src/flows/subscriptions/shape.ts";
import type { ActingWorker } from "../test/support/acting.ts";
import type { TestGateway } from "../test/support/gateway.ts";
import type { Outgoing } from "./canary-calls.ts";
import type { Canary } from "./canary-people.ts";

/** Who keeps cards in the run: one worker treats everybody, another one nobody. */
export interface CardDoors {
  gateway: Pick<TestGateway, "url" | "sandboxUrl">;
  doctor: ActingWorker;
  stranger: ActingWorker;
  outgoing: Outgoing;
}

/** Tokens of a while: of the doctor who treats and who registers, and of the stranger. */
export interface CardTokens {
  treating: string;
  office: string;
  stranger: string;
}

export const cardTokens = async ({ doctor, stranger }: CardDoors): Promise<CardTokens> => ({
  treating: await doctor.token("TREAT"),
  office: await doctor.token("HOPERAT"),
  stranger: await stranger.token("TREAT"),
});

export function patientOf({ person, card }: Canary): Patient {
  const { family, given, middle, snils, phone, email } = person;
  return {
    resourceType: "Patient",
    identifier: [
      { system: identifierSystem.snils, value: snils },
      { system: identifierSystem.enp, value: card.enp },
    ],
    name: [{ family, given: [given, middle], text: `${family} ${given} ${middle}` }],
    telecom: [
      { system: "phone", value: phone },
      { system: "email", value: email },
    ],
  };
}

/** The diagnosis wherever a resource may tell it, the person's name beside it. */
export function clinicalOf({ person, card }: Canary, reference: string): Resource[] {
  const { code: value, diagnosis: text } = card;
  const subject = { reference, display: person.family };
  const code = { text, coding: [{ system: "https://codes.canary.example", code: value, display: text }] };
  return [
    {
      resourceType: "Condition",
      subject,
      code,
      onsetString: text,
      note: [{ text: `${text}. `.repeat(200) }],
    },
    { resourceType: "Observation", status: "final", subject, code, valueString: `подозрение: ${text}` },
    {
      resourceType: "DocumentReference",
      status: "current",
      subject,
      description: text,
      content: [{ attachment: { contentType: "text/plain", title: text } }],
    },
    {
      resourceType: "Composition",
      status: "final",
      type: code,
      subject,
      author: [subject],
      date: "2026-11-22",
      title: `${person.family}: ${text}`,
    },
  ];
}

export const prescriptionOf = ({ person, card }: Canary, reference: string): Resource => ({
  resourceType: "MedicationRequest",
  status: "active",
  intent: "order",
  subject: { reference, display: person.family },
  medicationCodeableConcept: { text: `от: ${card.diagnosis}` },
});

/** Sends as one of the workers; what leaves is looked through. Answers are the doctor's to read. */
export type Call = (
  as: keyof CardTokens,
  line: string,
  init?: RequestInit,
) => Promise<{ status: number; text: string; headers: Headers }>;

export function callerOf({ gateway, outgoing }: CardDoors, tokens: CardTokens): Call {
  return async (as, line, init = {}) => {
    const [method = "", path = ""] = line.split(" ");
    const url = path.startsWith("http") ? path : `${gateway.url}/fhir${path}`;
    const headers = { authorization: `Bearer ${tokens[as]}`, ...init.headers };
    const answer = await fetch(url, { ...init, method, headers });
    const text = await answer.text();
    outgoing("header", JSON.stringify([...answer.headers]));
    if (answer.status >= 400) outgoing("error body", text);
    // a self link tells what was applied (FHIR R4 3.1.1.3): a code that was asked for, which names nobody
    else
      for (const [, address = ""] of text.matchAll(/"(?:url|fullUrl)":"([^"]+)"/g))
        outgoing("url", address.replace(/([?&]code=)[^&]*/, "$1"));
    return { status: answer.status, text, headers: answer.headers };
  };
}

const asJson = (body: object): RequestInit => ({
  headers: { "content-type": "application/fhir+json", "idempotency-key": randomUUID() },
  body: JSON.stringify(body),
});
const asForm = (fields: Record<string, string>): RequestInit => ({ body: new URLSearchParams(fields) });

/**
 * Writes a person's card and reads it through every door, as the doctor who may and as a stranger who may not; resolves to
 * the logical id of the Patient.
 */
export async function driveCard(doors: CardDoors, tokens: CardTokens, canary: Canary): Promise<string> {
  const call = callerOf(doors, tokens);
  const patient = await written(call, "office", patientOf(canary));
  const reference = `Patient/${patient}`;
  await written(call, "office", {
    resourceType: "CareTeam",
    status: "active",
    subject: { reference },
    participant: [{ member: { reference: `Practitioner/${doors.doctor.id}` } }],
  });
  for (const resource of clinicalOf(canary, reference)) await written(call, "treating", resource);
  await readCard(call, canary, patient);
  await refuseCard(call, canary, patient);
  return patient;
}

/** Creates a resource; resolves to its id, throws when it is refused. */
export async function written(call: Call, as: keyof CardTokens, resource: Resource): Promise<string> {
  const { status, text } = await call(as, `POST /${resource.resourceType}`, asJson(resource));
  if (status !== 201) throw new Error(`a canary's ${resource.resourceType} was refused: ${status} ${text}`);
  return (JSON.parse(text) as { id: string }).id;
}

async function readCard(call: Call, { person, card }: Canary, patient: string): Promise<void> {
  const seen = async (line: string, init?: RequestInit): Promise<string> => {
    const { status, text } = await call("treating", line, init);
    if (status !== 200 || !text.includes(patient))
      throw new Error(`a canary's card did not open: ${line} ${status}`);
    return text;
  };
  const about = `patient=Patient/${patient}`;
  await seen("POST /Patient/_search", asForm({ name: person.family, identifier: card.enp }));
  await seen("POST /Condition/_search", asForm({ patient, code: card.code, _include: "Condition:subject" }));
  const first = JSON.parse(
    await seen(`GET /Patient?_id=${patient}&_revinclude=Observation:patient`),
  ) as Bundle;
  const whole = await seen(`GET /?_type=Condition,Observation&${about}&_count=1`);
  const next = (JSON.parse(whole) as Bundle).link?.find(({ relation }) => relation === "next")?.url;
  await seen(`GET ${next}`);
  await seen(`GET /Patient/${patient}/_history`);
  await seen(`GET /Patient/${patient}/$everything`);
  const reads = [`Patient/${patient}`, `Condition?${about}`, `Observation?${about}`];
  const entry = reads.map((url) => ({ request: { method: "GET", url } }));
  await seen("POST /", asJson({ resourceType: "Bundle", type: "batch", entry }));
  await seen(`GET /${first.entry?.[1]?.resource?.resourceType}/${first.entry?.[1]?.resource?.id}`);
  await deferred(call, `GET /Condition?${about}`);
}

async function deferred(call: Call, line: string): Promise<void> {
  const accepted = await call("treating", line, { headers: { prefer: "respond-async" } });
  const address = accepted.headers.get("content-location");
  if (accepted.status !== 202 || !address)
    throw new Error(`not put off: ${accepted.status} ${accepted.text}`);
  for (let turn = 0; turn < 300; turn++) {
    const { status } = await call("treating", `GET ${address}`);
    // answers that nobody takes away are counted against the client
    if (status === 200) return void (await call("treating", `DELETE ${address}`));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("what was put off was never done");
}

/** A stranger asks for all of it, and the doctor writes it wrongly: no answer may tell it back. */
async function refuseCard(call: Call, canary: Canary, patient: string): Promise<void> {
  const { card, person } = canary;
  await call("stranger", `GET /Patient/${patient}`);
  await call("stranger", `GET /Patient/${patient}/$everything`);
  await call("stranger", "POST /Condition/_search", asForm({ patient, code: card.code }));
  await call("stranger", "POST /Patient/_search", asForm({ name: person.family, identifier: card.enp }));
  await call("stranger", "POST /Patient", asJson(patientOf(canary)));
  for (const wrong of [
    { resourceType: "Observation", status: card.diagnosis, subject: { reference: `Patient/${patient}` } },
    { resourceType: "Condition", subject: { reference: person.snils }, onsetDateTime: card.code },
    { resourceType: "Patient", [person.family]: person.snils, birthDate: person.phone },
  ])
    await call("treating", `POST /${wrong.resourceType}`, asJson(wrong));
  await call("treating", `GET /Condition?code=${encodeURIComponent(card.diagnosis)}&colour=${card.code}`);
}

/** Has the doctor's system told of what changes; `heardOf` reads what it was told. */
export async function subscribe(doors: CardDoors, tokens: CardTokens, name: string): Promise<void> {
  for (const type of ["Condition", "Observation", "MedicationRequest"])
    await written(callerOf(doors, tokens), "treating", {
      resourceType: "Subscription",
      status: "requested",
      reason: "canary",
      criteria: topicOf(type),
      channel: {
        type: "rest-hook",
        endpoint: `${doors.gateway.sandboxUrl}/subscriber/${name}`,
        payload: "application/fhir+json",
      },
    });
}

/** What the subscriber was told, which are addresses and nothing else. */
export async function heardOf({ gateway, outgoing }: CardDoors, name: string): Promise<void> {
  const heard = await (await fetch(`${gateway.sandboxUrl}/subscriber/${name}`)).text();
  if (!heard.includes("event-notification")) throw new Error("the subscriber was told nothing");
  outgoing("notification", heard);
}
