import { randomUUID } from "node:crypto";
import type { Bundle, OperationOutcome, Parameters, Resource, Subscription } from "@medplum/fhirtypes";
import { afterAll, beforeAll, expect, it } from "vitest";
import { topicOf } from "../../src/flows/subscriptions/shape.ts";
import { eventToJudge, type QueuedEvent, subscriberSystem } from "../../src/flows/subscriptions/watch.ts";
import { type ActingWorker, actingWorker, snilsOf } from "../support/acting.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { journalRows } from "../support/sign-in.ts";

let app: TestApp;
let doctor: ActingWorker;
let nurse: ActingWorker;
let office: string;
let treating: string;

beforeAll(async () => {
  app = await startApp();
  doctor = await actingWorker(app, snilsOf.doctor);
  nurse = await actingWorker(app, snilsOf.nurse);
  office = await doctor.token("HOPERAT");
  treating = await doctor.token("TREAT");
});
afterAll(() => app?.close());

async function call<T>(token: string, method: string, path: string, body?: object) {
  const answer = await fetch(`${app.url}/fhir/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/fhir+json",
      ...(method === "POST" && { "idempotency-key": randomUUID() }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: (text ? JSON.parse(text) : undefined) as T };
}

async function created(token: string, resource: Resource): Promise<string> {
  const { status, body } = await call<Resource>(token, "POST", resource.resourceType, resource);
  expect(status, JSON.stringify(body)).toBe(201);
  return body.id as string;
}

const assigned = (patient: string, worker: ActingWorker) =>
  created(office, {
    resourceType: "CareTeam",
    status: "active",
    subject: { reference: `Patient/${patient}` },
    participant: [{ member: { reference: `Practitioner/${worker.id}` } }],
  });

const observation = (patient: string): Resource => ({
  resourceType: "Observation",
  status: "final",
  code: { coding: [{ system: "http://loinc.org", code: "8480-6" }] },
  subject: { reference: `Patient/${patient}` },
});

const hookOf = (name: string) => `${app.sandboxUrl}/subscriber/${name}`;
const subscriptionTo = (criteria: string, name: string): Subscription => ({
  resourceType: "Subscription",
  status: "requested",
  reason: "test",
  criteria,
  channel: { type: "rest-hook", endpoint: hookOf(name), payload: "application/fhir+json" },
});
const codeOf = ({ body }: { body: unknown }) =>
  (body as OperationOutcome).issue?.[0]?.details?.coding?.[0]?.code;

async function toldOf(name: string): Promise<string[]> {
  const list = (await (await fetch(hookOf(name))).json()) as { notification: Bundle }[];
  return list
    .flatMap(({ notification }) => (notification.entry ?? []).slice(1))
    .flatMap((one) => one.fullUrl ?? []);
}

const active = (id: string) =>
  expect
    .poll(async () => (await call<Subscription>(treating, "GET", `Subscription/${id}`)).body.status, {
      timeout: 15_000,
    })
    .toBe("active");

/** Until nothing waits for a subscriber. */
const settled = () =>
  expect
    .poll(
      async () => {
        const waiting = app.parts.store.db.selectFrom("outbox").select("id").where("state", "=", "pending");
        return (await waiting.where("system", "=", "subscriber").execute()).length;
      },
      { timeout: 15_000 },
    )
    .toBe(0);

it.each([
  ["a topic", topicOf("Location"), "system/Subscription.cruds", "system/Location.r"],
  ["no search", "Location?status=active", "system/Subscription.c system/Location.r", "system/Location.s"],
  [
    "a granular scope",
    topicOf("Location"),
    "system/Subscription.c system/Location.rs?status=active",
    "system/Location.r",
  ],
  [
    "a filter through another type",
    "Location?_has:HealthcareService:location:active=true",
    "system/Subscription.c system/Location.rs",
    "system/HealthcareService.s",
  ],
])(
  "it is asked for with a scope on the whole of what it tells: %s",
  async (_what, criteria, scope, missing) => {
    const token = await app.token(scope);
    const refused = await call(token, "POST", "Subscription", subscriptionTo(criteria, "x"));
    expect([refused.status, codeOf(refused)]).toEqual([403, "scope-missing"]);
    expect(JSON.stringify(refused.body)).toContain(missing);
  },
);

it("events about people are for a worker whom the token names, and no filter goes through people", async () => {
  const token = await app.token("system/*.cruds");
  const criteria = `Observation?code=8480-6&subject=Patient/${randomUUID()}`;
  const refused = await call(token, "POST", "Subscription", subscriptionTo(criteria, "x"));
  expect([refused.status, codeOf(refused)]).toEqual([403, "access-denied"]);
  const through = subscriptionTo("Observation?patient.gender=male", "x");
  expect((await call(treating, "POST", "Subscription", through)).status).toBe(422);
});

it("an event is told when decide() opens what it is about, as the journal tells the patient; of any other no number is missing", async () => {
  const [theirs, strange] = [
    await created(office, { resourceType: "Patient" }),
    await created(office, { resourceType: "Patient" }),
  ];
  for (const patient of [theirs, strange]) await assigned(patient, doctor);
  await assigned(theirs, nurse);
  const name = randomUUID();
  const id = await created(await nurse.token("TREAT"), subscriptionTo("Observation?code=8480-6", name));
  await active(id);
  await created(treating, observation(strange));
  const first = await created(treating, observation(theirs));
  await created(treating, observation(strange));
  const second = await created(treating, observation(theirs));
  const told = [first, second].map((one) => `${app.url}/fhir/Observation/${one}`);
  await expect.poll(async () => (await toldOf(name)).sort(), { timeout: 15_000 }).toEqual(told.sort());
  await settled();

  expect(await toldOf(name)).toHaveLength(2);
  const rows = (await journalRows(app)).filter(({ action }) => action === "told");
  expect(rows.map(({ resourceId }) => resourceId).sort()).toEqual([first, second].sort());
  for (const row of rows)
    expect(row).toMatchObject({
      ...{ actorKind: "client", actorId: "demo", onBehalfOf: nurse.id, tenant: nurse.organization },
      ...{ subject: theirs, ground: "care-assigned", outcome: "ok" },
    });
  const { body } = await call<Bundle>(await nurse.token("TREAT"), "GET", `Subscription/${id}/$events`);
  const status = body.entry?.[0]?.resource as Parameters;
  const count = status.parameter?.find((one) => one.name === "events-since-subscription-start");
  expect([count?.valueString, (body.entry ?? []).length]).toEqual(["2", 3]);
  // the outbox may bring an event to be judged twice: it keeps its number and is told once
  const { outbox, store } = app.parts;
  const payload: QueuedEvent = {
    subscription: id,
    event: { type: "Observation", id: first, version: 1, interaction: "create", at: Date.now() },
    about: { type: "Observation", id: first, subject: theirs, organization: nurse.organization },
  };
  const again = { kind: eventToJudge, deduplicationId: randomUUID(), payload };
  await outbox.enqueue(store.db, { tenant: nurse.organization, system: subscriberSystem, ...again });
  await settled();
  expect(await toldOf(name)).toHaveLength(2);
  const once = await call<Bundle>(await nurse.token("TREAT"), "GET", `Subscription/${id}/$events`);
  expect(once.body.entry).toHaveLength(3);
  for (const operation of ["$events", "$status"]) {
    const other = await call(treating, "GET", `Subscription/${id}/${operation}`);
    expect([other.status, codeOf(other)], operation).toEqual([403, "access-denied"]);
  }
});
