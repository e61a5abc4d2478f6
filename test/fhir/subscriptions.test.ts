import { randomUUID } from "node:crypto";
import type { Bundle, OperationOutcome, Parameters, Subscription, Task } from "@medplum/fhirtypes";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { topicOf } from "../../src/flows/subscriptions/shape.ts";
import { type QueuedNotification, subscriberSystem } from "../../src/flows/subscriptions/watch.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { freshDatabase } from "../support/database.ts";
import { ShiftedClock } from "../support/shifted-clock.ts";

let app: TestApp;
const clock = new ShiftedClock();
let token: string;
const running: string[] = [];

beforeAll(async () => {
  app = await startApp({ DATABASE_URL: await freshDatabase() }, clock);
  token = await app.token("system/*.cruds");
});
afterAll(() => app?.close());

// one that is left would hear of the next test's events, and take its scenario
afterEach(async () => {
  for (const id of running.splice(0)) {
    const { body } = await call<Subscription>("GET", `Subscription/${id}`);
    await call("DELETE", `Subscription/${id}`, undefined, { "if-match": `W/"${body.meta?.versionId}"` });
  }
});

async function call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const answer = await fetch(`${app.url}/fhir/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/fhir+json", ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: (text ? JSON.parse(text) : undefined) as T };
}

const pathsOf = ({ issue }: OperationOutcome) => issue.flatMap(({ expression = [] }) => expression);

const hookOf = (name: string) => `${app.sandboxUrl}/subscriber/${name}`;

const subscriptionTo = (name: string, more: Partial<Subscription> = {}) => ({
  resourceType: "Subscription",
  status: "requested",
  reason: "test",
  criteria: topicOf("HealthcareService"),
  channel: { type: "rest-hook", endpoint: hookOf(name), payload: "application/fhir+json" },
  ...more,
});

const subscribed = async (name: string, more?: Partial<Subscription>): Promise<string> => {
  const { status, body } = await call<Subscription>("POST", "Subscription", subscriptionTo(name, more));
  expect(status).toBe(201);
  running.push(body.id as string);
  return body.id as string;
};

const statusBecomes = (id: string, status: Subscription["status"]) =>
  expect
    .poll(async () => (await call<Subscription>("GET", `Subscription/${id}`)).body.status, {
      timeout: 15_000,
    })
    .toBe(status);

const serviceOf = (active: boolean) => ({ resourceType: "HealthcareService", active, name: randomUUID() });

async function heard(name: string): Promise<Bundle[]> {
  const list = (await (await fetch(hookOf(name))).json()) as { notification: Bundle }[];
  return list.map(({ notification }) => notification);
}

const statusIn = ({ entry = [] }: Bundle) => (entry[0] as { resource: Parameters }).resource.parameter ?? [];

const partOf = (bundle: Bundle, name: string) =>
  statusIn(bundle).find((parameter) => parameter.name === name);

const typeOf = (bundle: Bundle) => partOf(bundle, "type")?.valueCode;

const numbersOf = (bundle: Bundle) =>
  statusIn(bundle)
    .filter(({ name }) => name === "notification-event")
    .map(({ part }) => part?.find(({ name }) => name === "event-number")?.valueString);

it("a subscriber is asked by a handshake, then hears of what passes its filter, numbered", async () => {
  const name = randomUUID();
  const id = await subscribed(name, { criteria: "HealthcareService?active=true" });
  await statusBecomes(id, "active");
  const passing = (await call<Task>("POST", "HealthcareService", serviceOf(true))).body.id;
  await call("POST", "HealthcareService", serviceOf(false));
  const second = (await call<Task>("POST", "HealthcareService", serviceOf(true))).body.id;
  await expect.poll(async () => (await heard(name)).length, { timeout: 15_000 }).toBe(3);
  const [handshake, ...events] = await heard(name);
  expect(typeOf(handshake as Bundle)).toBe("handshake");
  expect(handshake?.entry).toHaveLength(1);
  const told = events.map((bundle) => [numbersOf(bundle)[0], bundle.entry?.[1]?.fullUrl]).sort();
  expect(told).toEqual([
    ["1", `${app.url}/fhir/HealthcareService/${passing}`],
    ["2", `${app.url}/fhir/HealthcareService/${second}`],
  ]);
  expect(events.every(({ entry }) => entry?.[1]?.resource === undefined)).toBe(true);
  expect(partOf(events[0] as Bundle, "topic")?.valueCanonical).toBe(topicOf("HealthcareService"));
});

it("full-resource puts the resource into the notification, for types that describe nobody", async () => {
  const name = randomUUID();
  const content =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content";
  const _payload = { extension: [{ url: content, valueCode: "full-resource" }] };
  const channel = { ...subscriptionTo(name).channel, _payload } as unknown as Subscription["channel"];
  await statusBecomes(await subscribed(name, { channel }), "active");
  const { body } = await call<{ id: string; name: string }>("POST", "HealthcareService", serviceOf(true));
  await expect.poll(async () => (await heard(name)).length, { timeout: 15_000 }).toBe(2);
  expect((await heard(name))[1]?.entry?.[1]?.resource).toMatchObject({ id: body.id, name: body.name });
  const refused = await call<OperationOutcome>(
    "POST",
    "Subscription",
    subscriptionTo(name, { criteria: topicOf("Observation"), channel }),
  );
  expect(refused.status).toBe(422);
  expect(pathsOf(refused.body)).toContain("Subscription.channel.payload");
});

it("a notification that comes late holds the version that it tells of, and counts no event after it", async () => {
  const name = randomUUID();
  const content =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content";
  const _payload = { extension: [{ url: content, valueCode: "full-resource" }] };
  const channel = { ...subscriptionTo(name).channel, _payload } as unknown as Subscription["channel"];
  const id = await subscribed(name, { channel });
  await statusBecomes(id, "active");
  const { body } = await call<Task>("POST", "HealthcareService", serviceOf(true));
  const changed = { ...body, active: false };
  await call("PUT", `HealthcareService/${body.id}`, changed, { "if-match": 'W/"1"' });
  await expect.poll(async () => (await heard(name)).length, { timeout: 15_000 }).toBe(3);
  const { outbox, store } = app.parts;
  const { tenant } = await store.db
    .selectFrom("subscription")
    .select("tenant")
    .where("id", "=", id)
    .executeTakeFirstOrThrow();
  await outbox.enqueue(store.db, {
    tenant,
    system: subscriberSystem,
    kind: "event-notification",
    deduplicationId: randomUUID(),
    payload: { subscription: id, kind: "event-notification", event: 1 } satisfies QueuedNotification,
  });
  await expect.poll(async () => (await heard(name)).length, { timeout: 15_000 }).toBe(4);
  const told = (await heard(name))
    .slice(1)
    .map((bundle) => [
      numbersOf(bundle)[0],
      partOf(bundle, "events-since-subscription-start")?.valueString,
      bundle.entry?.[1]?.resource?.meta?.versionId,
    ]);
  expect(told.sort()).toEqual([
    ["1", "1", "1"],
    ["1", "1", "1"],
    ["2", "2", "2"],
  ]);
});

it("a subscriber that hears nothing for a period gets a heartbeat without an event", async () => {
  const name = randomUUID();
  const backport = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition";
  const extension = [{ url: `${backport}/backport-heartbeat-period`, valueUnsignedInt: 60 }];
  const channel = { ...subscriptionTo(name).channel, extension } as Subscription["channel"];
  await statusBecomes(await subscribed(name, { channel }), "active");
  clock.shiftMs += 60_000;
  await expect
    .poll(async () => (await heard(name)).map(typeOf), { timeout: 20_000 })
    .toEqual(["handshake", "heartbeat"]);
  expect(numbersOf((await heard(name))[1] as Bundle)).toEqual([]);
});

it("transactions that wait for each other's events are all carried out", async () => {
  for (const type of ["HealthcareService", "Location"])
    await statusBecomes(await subscribed(randomUUID(), { criteria: topicOf(type) }), "active");
  const entries = ["HealthcareService", "Location"].map((resourceType) => ({
    request: { method: "POST", url: resourceType },
    resource: { resourceType, name: "кабинет 9" },
  }));
  const transaction = (entry: object[]) =>
    call("POST", "", { resourceType: "Bundle", type: "transaction", entry });
  const pairs = Array.from({ length: 12 }, () => [transaction(entries), transaction(entries.toReversed())]);
  const statuses = (await Promise.all(pairs.flat())).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([200]));
});

it("a deletion is told where nothing is asked of the resource", async () => {
  const [all, some] = [randomUUID(), randomUUID()];
  await statusBecomes(await subscribed(all, { criteria: topicOf("Location") }), "active");
  await statusBecomes(await subscribed(some, { criteria: "Location?status=active" }), "active");
  const place = { resourceType: "Location", status: "active", name: "кабинет 5" };
  const { body } = await call<{ id: string }>("POST", "Location", place);
  await call("DELETE", `Location/${body.id}`, undefined, { "if-match": 'W/"1"' });
  await expect.poll(async () => (await heard(all)).length, { timeout: 15_000 }).toBe(3);
  const methods = (await heard(all)).slice(1).map(({ entry }) => entry?.[1]?.request?.method);
  expect(methods.sort()).toEqual(["DELETE", "POST"]);
  await expect.poll(async () => (await heard(some)).length, { timeout: 15_000 }).toBe(2);
});

it("a subscriber that is gone turns its Subscription to error; mended, it catches up with $events", async () => {
  const name = randomUUID();
  const id = await subscribed(name, { criteria: topicOf("Location") });
  await statusBecomes(id, "active");
  await fetch(`${app.sandboxUrl}/_scenario`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ system: "subscriber", scenario: "deaf", times: 1 }),
  });
  const place = { resourceType: "Location", name: "кабинет 7" };
  await call("POST", "Location", place);
  await statusBecomes(id, "error");
  await call("POST", "Location", place);
  const { body: failed } = await call<Subscription>("GET", `Subscription/${id}`);
  expect(failed.error).toMatch(/404/);
  const { status } = await call(
    "PUT",
    `Subscription/${id}`,
    { ...failed, status: "requested" },
    {
      "if-match": `W/"${failed.meta?.versionId}"`,
    },
  );
  expect(status).toBe(200);
  await statusBecomes(id, "active");
  expect((await heard(name)).map(typeOf)).toEqual(["handshake", "handshake"]);
  const caughtUp = (await call<Bundle>("GET", `Subscription/${id}/$events?eventsSinceNumber=1`)).body;
  expect([typeOf(caughtUp), numbersOf(caughtUp)]).toEqual(["query-event", ["1", "2"]]);
  const later = (await call<Bundle>("GET", `Subscription/${id}/$events?eventsSinceNumber=2`)).body;
  expect(numbersOf(later)).toEqual(["2"]);
  const { body: states } = await call<Bundle>("GET", `Subscription/${id}/$status`);
  expect(partOf(states, "events-since-subscription-start")?.valueString).toBe("2");
  expect(partOf(states, "status")?.valueCode).toBe("active");
});

it.each([
  [
    "an address that was not registered",
    { channel: { type: "rest-hook", endpoint: "http://127.0.0.1:1/x" } },
    "Subscription.channel.endpoint",
  ],
  [
    "an address beside the registered one",
    () => ({ channel: { type: "rest-hook", endpoint: `${app.sandboxUrl}/subscriber/../frmr` } }),
    "Subscription.channel.endpoint",
  ],
  [
    "another channel",
    () => ({ channel: { type: "email", endpoint: hookOf("x") } }),
    "Subscription.channel.type",
  ],
  [
    "a header line that is none",
    () => ({ channel: { type: "rest-hook", endpoint: hookOf("x"), header: ["x\r\ny: z"] } }),
    "Subscription.channel.header",
  ],
  [
    "a header line that frames the message",
    () => ({ channel: { type: "rest-hook", endpoint: hookOf("x"), header: ["Host: elsewhere.example"] } }),
    "Subscription.channel.header",
  ],
  ["an end that has been", { end: "2020-01-01T00:00:00Z" }, "Subscription.end"],
  ["a type without a topic", { criteria: topicOf("Practitioner") }, "Subscription.criteria"],
  ["a filter that names a person", { criteria: "Patient?name=Иванов" }, "Subscription.criteria"],
  ["an unknown parameter", { criteria: "Location?colour=red" }, "Subscription.criteria"],
  ["a state that only the server gives", { status: "active" }, "Subscription.status"],
])("%s is refused, and nothing is called", async (_what, change, where) => {
  const more = (typeof change === "function" ? change() : change) as Partial<Subscription>;
  const { status, body } = await call<OperationOutcome>("POST", "Subscription", subscriptionTo("x", more));
  expect(status).toBe(422);
  expect(pathsOf(body)).toContain(where);
});

it("what was refused is no event", async () => {
  const name = randomUUID();
  await statusBecomes(await subscribed(name, { criteria: topicOf("Location") }), "active");
  const refused = await call("POST", "Location", { resourceType: "Location", status: "no such status" });
  expect(refused.status).toBe(422);
  await call("POST", "Location", { resourceType: "Location", name: "кабинет 8" });
  await expect.poll(async () => (await heard(name)).length, { timeout: 15_000 }).toBe(2);
  expect(numbersOf((await heard(name))[1] as Bundle)).toEqual(["1"]);
});
