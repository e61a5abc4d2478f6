import type { Bundle } from "@medplum/fhirtypes";
import type { TestGateway } from "../test/support/gateway.ts";
import { signInAs } from "../test/support/sign-in.ts";
import type { Canary } from "./canary-people.ts";
import type { RouteCall } from "./canary-routes.ts";

/** Something that left the gateway and must hold no personal data. */
export type Outgoing = (place: string, text: string) => void;

const byBody = (fields: Record<string, string>): RequestInit => ({
  method: "POST",
  body: new URLSearchParams(fields),
});

const refusedBatch = (snils: string): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/fhir+json" },
  body: JSON.stringify({
    resourceType: "Bundle",
    type: "batch",
    entry: ["GET", "DELETE"].map((method) => ({ request: { method, url: `Patient/${snils}` } })),
  }),
});

/** Drives one person through the doors: what works, what is refused, what fails behind us. */
export async function driveClient(
  gateway: TestGateway,
  token: string,
  { person }: Canary,
  outgoing: Outgoing,
): Promise<void> {
  const { family, snils } = person;
  const call: Call = (path, init = {}) =>
    send(
      `${gateway.url}${path}`,
      { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } },
      outgoing,
    );
  const identifier = `urn:oid:1.2.643.100.3|${snils}`;
  const found = await call("/fhir/Practitioner/_search", {
    ...byBody({ identifier, _revinclude: "PractitionerRole:practitioner" }),
  });
  const id = (JSON.parse(found.text) as Bundle).entry?.[0]?.resource?.id;
  if (found.status !== 200 || !id) throw new Error(`a canary was not found: ${found.status}`);
  await call(`/fhir/Practitioner/${id}`, { headers: { accept: "application/fhir+xml" } });
  await call(`/cabinet/v1/practitioners/${id}/registry-card`);
  await call("/fhir/PractitionerRole/_search", byBody({ "practitioner.identifier": identifier }));
  await driveRefused(gateway, call, { family, snils, identifier, id }, outgoing);
}

type Call = (path: string, init?: RequestInit) => ReturnType<typeof send>;

/** What is refused, each time with the secret in another place. */
async function driveRefused(
  gateway: TestGateway,
  call: Call,
  { family, snils, identifier, id }: Record<"family" | "snils" | "identifier" | "id", string>,
  outgoing: Outgoing,
): Promise<void> {
  await call(`/fhir/Practitioner?identifier=${encodeURIComponent(identifier)}`);
  await call(`/fhir/Practitioner?name=${encodeURIComponent(family)}`);
  await call(`/fhir/Practitioner/${snils}`);
  await call(`/fhir/${encodeURIComponent(family)}/${snils}`);
  await call(`/cabinet/v1/practitioners/${snils}/registry-card`);
  await call(`/cabinet/v1/practitioners/${encodeURIComponent(family)}/registry-card`);
  await call(`/cabinet/v1/access/explain?requestId=${snils}`);
  await call(`/${encodeURIComponent(family)}`, { headers: { "x-request-id": snils } });
  await call("/fhir/Practitioner/_search", byBody({ identifier: `${identifier.slice(0, -1)}x`, family }));
  await call("/fhir/ConceptMap/$translate", {
    method: "POST",
    headers: { "content-type": "application/fhir+json" },
    body: `{"resourceType":"Parameters","parameter":[{"name":"${family}","valueString":"${snils}"}]`,
  });
  await call("/fhir", refusedBatch(snils));
  await send(`${gateway.url}/auth/token`, byBody({ grant_type: family, client_assertion: snils }), outgoing);
  await send(
    `${gateway.url}/auth/login?as=worker&returnTo=/${encodeURIComponent(family)}`,
    { redirect: "manual" },
    outgoing,
  );
  await send(`${gateway.url}/auth/callback?code=${snils}&state=${encodeURIComponent(family)}`, {}, outgoing);
  await send(
    `${gateway.url}/fhir/Practitioner/${id}`,
    { headers: { authorization: `Bearer ${snils}` } },
    outgoing,
  );
}

/** ФРМР fails in its ways while a person is asked for who is not in the cache. */
export async function driveFaults(
  gateway: TestGateway,
  token: string,
  canaries: readonly Canary[],
  outgoing: Outgoing,
): Promise<void> {
  const scenarios = ["malformed", "html-502", "wrong-schema", "error-500", "reset", "duplicate"];
  for (const [index, scenario] of scenarios.entries()) {
    const { snils } = canaries[index % canaries.length]?.person ?? {};
    await send(
      `${gateway.url}/fhir/Practitioner/_search`,
      {
        ...byBody({ identifier: `urn:oid:1.2.643.100.3|${snils}` }),
        headers: { authorization: `Bearer ${token}`, "x-scenario": scenario },
      },
      outgoing,
    );
  }
}

/** The person signs in and looks at what is theirs. */
export async function drivePerson(
  gateway: TestGateway,
  { person }: Canary,
  outgoing: Outgoing,
  calls: readonly RouteCall[],
): Promise<void> {
  const { visitor, answer } = await signInAs(gateway, person.id);
  if (answer.status !== 200) throw new Error(`a canary could not sign in: ${answer.status} ${answer.text}`);
  for (const path of [
    "/me",
    "/me/registry-card",
    "/me/verifications",
    "/me/accesses",
    "/me/accesses?view=by-me",
  ]) {
    const { headers, status, text } = await visitor.visit(`${gateway.url}/cabinet/v1${path}`);
    outgoing("header", JSON.stringify([...headers]));
    if (status >= 400) outgoing("error body", text);
  }
  const refused = await visitor.visit(`${gateway.url}/cabinet/v1/me/${encodeURIComponent(person.family)}`);
  outgoing("error body", refused.text);
  const cookie = ["__Host-sid", "__Host-device"]
    .map((name) => `${name}=${visitor.cookie(gateway.url, name)}`)
    .join("; ");
  const own = { cookie, "user-agent": visitor.userAgent, origin: gateway.url, "x-requested-with": "fetch" };
  await driveRoutes(gateway, own, calls, outgoing);
}

/** Sends calls as one caller. */
export async function driveRoutes(
  gateway: TestGateway,
  caller: Record<string, string>,
  calls: readonly RouteCall[],
  outgoing: Outgoing,
): Promise<void> {
  for (const { path, init } of calls)
    await send(`${gateway.url}${path}`, { ...init, headers: { ...init.headers, ...caller } }, outgoing);
}

async function send(url: string, init: RequestInit, outgoing: Outgoing) {
  const answer = await fetch(url, init);
  const text = await answer.text();
  outgoing("header", JSON.stringify([...answer.headers]));
  if (answer.status >= 400) outgoing("error body", text);
  else for (const [, address = ""] of text.matchAll(/"(?:url|fullUrl)":"([^"]+)"/g)) outgoing("url", address);
  return { status: answer.status, text };
}
