import type { AuditEvent, AuditEventAgent, Coding } from "@medplum/fhirtypes";
import { expect } from "vitest";

// IHE BALP 1.1.3, https://profiles.ihe.net/ITI/BALP: constraints of its StructureDefinitions, put as assertions
const terminology = "http://terminology.hl7.org/CodeSystem";
const dicom = "http://dicom.nema.org/resources/ontology/DCM";
const balp = "https://profiles.ihe.net/ITI/BALP";
const interaction = "http://hl7.org/fhir/restful-interaction";
const participation = `${terminology}/v3-ParticipationType`;

interface Pattern {
  action: string;
  subtypes: readonly string[];
  client: string;
  server: string;
  user: readonly string[];
}

// agent[user].type of what writes: ValueSet DataSources
const dataSources = ["AUT", "INF", "CST"].map((code) => `${participation}|${code}`);
const recipient = [`${participation}|IRCP`];
const [sourceRole, destinationRole] = [`${dicom}|110153`, `${dicom}|110152`];

const patterns: Readonly<Record<string, Pattern>> = {
  // StructureDefinition-IHE.BasicAudit.{Read,Query,Create,Update,Delete}
  Read: {
    ...{ action: "R", subtypes: ["read", "vread"], user: recipient },
    ...{ client: destinationRole, server: sourceRole },
  },
  Query: {
    ...{ action: "E", subtypes: ["search", "search-type", "search-system"], user: recipient },
    ...{ client: sourceRole, server: destinationRole },
  },
  Create: {
    ...{ action: "C", subtypes: ["create"], user: dataSources },
    ...{ client: sourceRole, server: destinationRole },
  },
  Update: {
    ...{ action: "U", subtypes: ["update", "patch"], user: dataSources },
    ...{ client: sourceRole, server: destinationRole },
  },
  Delete: {
    ...{ action: "D", subtypes: ["delete"], user: dataSources },
    ...{ client: `${dicom}|110150`, server: `${terminology}/provenance-participant-type|custodian` },
  },
};

const spelled = ({ system, code }: Coding) => `${system}|${code}`;

/** Names of the profiles that the event claims, each held against its constraints. */
export function claimedPatterns(event: AuditEvent): string[] {
  return (event.meta?.profile ?? []).map((url) => {
    const name = url.replace(`${balp}/StructureDefinition/IHE.BasicAudit.`, "");
    if (name === "OAUTHaccessTokenUse.Minimal") expectTokenUser(event);
    else expectPattern(event, name);
    return name;
  });
}

function expectPattern(event: AuditEvent, name: string): void {
  const isOfPatient = name.startsWith("Patient");
  const base = name.replace(/^Patient/, "");
  const pattern = patterns[base];
  if (!pattern) throw new Error(`no such pattern: ${name}`);
  expect(event.type).toMatchObject({ system: `${terminology}/audit-event-type`, code: "rest" });
  const subtypes = (event.subtype ?? []).map(spelled);
  expect(
    subtypes.filter((one) => pattern.subtypes.some((code) => one === `${interaction}|${code}`)),
  ).toHaveLength(1);
  expect([event.action, event.outcome]).toEqual([pattern.action, "0"]);
  expect(event.recorded).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  expect(event.source.observer).toBeDefined();
  expectAgents(event, pattern);
  expectEntities(event, base, isOfPatient);
}

/** agent: client 1..1 and server 1..1 with who and network, user 0..1 without network; media 0..0. */
function expectAgents({ agent }: AuditEvent, { client, server, user }: Pattern): void {
  for (const side of [client, server]) {
    const [one, ...others] = ofType(agent, [side]);
    expect(others).toEqual([]);
    expect(one).toMatchObject({ who: expect.anything(), network: { address: expect.stringMatching(/./) } });
    expect(one?.media).toBeUndefined();
  }
  const users = ofType(agent, user);
  expect(users.length).toBeLessThanOrEqual(1);
  for (const one of users) {
    expect(one).toMatchObject({ who: expect.anything(), requestor: true });
    expect([one.network, one.media]).toEqual([undefined, undefined]);
  }
  for (const { requestor } of agent) expect(requestor).toBeTypeOf("boolean");
}

const ofType = (agents: readonly AuditEventAgent[], types: readonly string[]) =>
  agents.filter(({ type }) => type?.coding?.some((coding) => types.includes(spelled(coding))));

/** entity: data or query 1..1, patient 1..1 of a patient's pattern, transaction 0..1; sliced by type. */
function expectEntities({ entity = [] }: AuditEvent, pattern: string, isOfPatient: boolean): void {
  const slice = (type: string) => entity.filter((one) => one.type && spelled(one.type) === type);
  const [object, ...objects] = slice(`${terminology}/audit-entity-type|2`);
  expect(objects).toEqual([]);
  const role = (codes: string) => ({
    system: `${terminology}/object-role`,
    code: expect.stringMatching(codes),
  });
  if (pattern === "Query") {
    expect(object?.role).toEqual(role("^24$"));
    expect(object?.query).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
    expect([object?.what, object?.lifecycle, object?.detail]).toEqual([undefined, undefined, undefined]);
  } else {
    // ValueSet RestObjectRoles
    expect(object?.role).toEqual(role("^(4|3|20)$"));
    expect(object?.what?.reference).toMatch(/^\w+\/[\w.-]+$/);
  }
  const people = slice(`${terminology}/audit-entity-type|1`);
  if (isOfPatient) {
    expect(people).toHaveLength(1);
    expect(people[0]).toMatchObject({
      role: role("^1$"),
      what: { reference: expect.stringMatching(/^Patient\//) },
    });
  } else expect(JSON.stringify(people)).not.toContain("Patient/");
  const transactions = slice(`${balp}/CodeSystem/BasicAuditEntityType|XrequestId`);
  expect(transactions.length).toBeLessThanOrEqual(1);
  for (const { what } of transactions) expect(what?.identifier?.value).toMatch(/./);
}

/** StructureDefinition-IHE.BasicAudit.OAUTHaccessTokenUse.Minimal: agent[oUser] 1.. */
function expectTokenUser({ agent }: AuditEvent): void {
  const users = ofType(agent, [`${balp}/CodeSystem/UserAgentTypes|UserOauthAgent`]);
  expect(users).toHaveLength(1);
  const [user] = users;
  expect(user?.requestor).toBe(true);
  expect(user?.policy).toEqual([expect.stringMatching(/^urn:ietf:params:oauth:jti:./)]);
  expect([user?.network, user?.media]).toEqual([undefined, undefined]);
}
