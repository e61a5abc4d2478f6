import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bundle, PractitionerRole } from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clientAssertion, requestToken } from "../../scripts/system-client.ts";
import type { components } from "../../src/api/cabinet/types.ts";
import { startApp, type TestApp } from "../support/app.ts";

type Explanation = components["schemas"]["AccessExplanation"];

let app: TestApp;
let mis: string;
let security: string;
let role: PractitionerRole;

beforeAll(async () => {
  app = await startApp();
  mis = await tokenOf("demo-client", "demo", "system/*.cruds");
  security = await tokenOf("demo-security-client", "demo-security", "system/AuditEvent.rs");
  const people = (await (await fetch(`${app.sandboxUrl}/_people`)).json()) as {
    id: string;
    snils?: string;
  }[];
  const snils = people.find(({ id }) => id === "doctor")?.snils;
  const body = new URLSearchParams({ "practitioner.identifier": `urn:oid:1.2.643.100.3|${snils}` });
  const answer = await call(mis, "/fhir/PractitionerRole/_search", { method: "POST", body });
  const found = ((await answer.json()) as Bundle<PractitionerRole>).entry?.[0]?.resource;
  if (!found) throw new Error(`no role found: ${answer.status}`);
  role = found;
});

afterAll(() => app.close());

async function askToken(key: string, clientId: string, scope: string, claims: Record<string, unknown> = {}) {
  const jwk = JSON.parse(await readFile(join(app.config.DATA_DIR, `${key}.jwk.json`), "utf8"));
  const tokenUrl = `${app.url}/auth/token`;
  return requestToken(tokenUrl, await clientAssertion({ clientId, jwk }, tokenUrl, claims), scope);
}

async function tokenOf(...[key, clientId, scope, claims]: Parameters<typeof askToken>): Promise<string> {
  const answer = await askToken(key, clientId, scope, claims);
  const body = (await answer.json()) as { access_token: string };
  if (!answer.ok) throw new Error(JSON.stringify(body));
  return body.access_token;
}

const call = (token: string, path: string, init: RequestInit = {}) =>
  fetch(`${app.url}${path}`, { ...init, headers: { authorization: `Bearer ${token}` } });

async function explain(answer: Response): Promise<Explanation> {
  const id = answer.headers.get("x-request-id");
  const explained = await call(security, `/cabinet/v1/access/explain?requestId=${id}`);
  expect(explained.status).toBe(200);
  return (await explained.json()) as Explanation;
}

describe("the doors ask decide()", () => {
  it("tells the security service why a read was permitted", async () => {
    const read = await call(mis, `/fhir/PractitionerRole/${role.id}`);
    expect(read.status).toBe(200);
    const { accesses } = await explain(read);
    expect(accesses).toEqual([
      expect.objectContaining({
        actor: { kind: "client", id: "demo" },
        action: "read",
        resourceType: "PractitionerRole",
        resourceId: role.id,
        subject: role.practitioner?.reference?.split("/")[1],
        outcome: "ok",
        decision: expect.objectContaining({
          effect: "permit",
          reason: expect.objectContaining({ code: "system-data" }),
        }),
      }),
    ]);
  });

  it("Z-06 a refusal says what is missing, to the caller and in the journal", async () => {
    // the scope is there, the duty is not
    const refused = await call(mis, `/cabinet/v1/access/explain?requestId=${crypto.randomUUID()}`);
    expect(refused.status).toBe(403);
    expect(await refused.clone().json()).toMatchObject({
      code: "access-denied",
      detail: expect.stringContaining("missing: human"),
    });
    const { accesses } = await explain(refused);
    expect(accesses).toEqual([
      expect.objectContaining({
        at: expect.stringMatching(/^\d{4}-/),
        actor: { kind: "client", id: "demo" },
        action: "refused GET",
        outcome: "access-denied",
        decision: expect.objectContaining({ effect: "refuse", missing: ["human"] }),
      }),
    ]);
  });

  it("the security duty opens the journal and nothing else, and is journalled itself", async () => {
    expect((await call(security, `/fhir/PractitionerRole/${role.id}`)).status).toBe(403);
    const unknown = `/cabinet/v1/access/explain?requestId=${crypto.randomUUID()}`;
    const looked = await call(security, unknown);
    expect(((await looked.json()) as Explanation).accesses).toEqual([]);
    const { accesses } = await explain(looked);
    expect(accesses.map(({ action }) => action)).toEqual(["explain"]);
  });

  it("a token names the worker behind it when ФРМР confirms the post", async () => {
    const human = {
      version: "1",
      subject_id: role.practitioner?.reference?.split("/")[1],
      subject_role: role.id,
      organization_id: role.organization?.identifier?.value,
      purpose_of_use: ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
    };
    const claims = (change: object) => ({ extensions: { "hl7-b2b": { ...human, ...change } } });
    const ask = (change: object) => askToken("demo-client", "demo", "system/Practitioner.rs", claims(change));
    const token = await tokenOf("demo-client", "demo", "system/*.rs", claims({}));
    const { accesses } = await explain(await call(token, `/fhir/PractitionerRole/${role.id}`));
    expect(accesses[0]?.actor).toEqual({
      kind: "client",
      id: "demo",
      onBehalfOf: human.subject_id,
      role: role.id,
    });
    const unknown = { subject_role: crypto.randomUUID() };
    for (const change of [unknown, { organization_id: "urn:oid:1.2.643.5.1.13.13.12.2.1.1" }]) {
      const refused = await ask(change);
      expect(refused.status).toBe(403);
      expect(await refused.json()).toMatchObject({ code: "access-denied" });
    }
    for (const change of [{ purpose_of_use: ["PATRQT"] }, { subject_id: "Иванов" }]) {
      const refused = await ask(change);
      expect(refused.status).toBe(401);
      expect(await refused.json()).toMatchObject({ code: "invalid-assertion" });
    }
  });

  it("another organisation's requests are not explained", async () => {
    const row = {
      at: 1,
      tenant: "1.2.3",
      requestId: crypto.randomUUID(),
      actorKind: "client",
      actorId: "mis",
    };
    await app.parts.journal.append({ ...row, action: "read", outcome: "ok" });
    const answer = await call(security, `/cabinet/v1/access/explain?requestId=${row.requestId}`);
    expect(((await answer.json()) as Explanation).accesses).toEqual([]);
  });
});
