import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import type {
  Binary,
  Bundle,
  DocumentReference,
  Observation,
  OperationOutcome,
  Patient,
  Provenance,
  Resource,
} from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { components } from "../../src/api/cabinet/types.ts";
import { type ActingWorker, actingWorker, snilsOf } from "../support/acting.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { Cabinet } from "../support/cabinet.ts";
import { OpenSsl } from "../support/openssl.ts";
import { journalRows } from "../support/sign-in.ts";
import { activateCertificates, signedByTool } from "../support/signing.ts";

type Records = components["schemas"]["OwnRecords"];

let app: TestApp;
let doctor: ActingWorker;
let office: string;
let snils: string;
let patient: string;

beforeAll(async () => {
  app = await startApp({ SIGN_IN_PER_MINUTE: "10000", FHIR_IF_MATCH: "optional" });
  doctor = await actingWorker(app, snilsOf.doctor);
  office = await doctor.token("HOPERAT");
  const people = (await (await fetch(`${app.sandboxUrl}/_people`)).json()) as { id: string; snils: string }[];
  snils = people.find(({ id }) => id === "citizen")?.snils ?? "";
});
afterAll(() => app?.close());

async function fhir<T>(token: string, method: string, path: string, body: Partial<Resource>) {
  const answer = await fetch(`${app.url}/fhir${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/fhir+json" },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as T };
}

async function signedIn(persona: string): Promise<Cabinet> {
  const cabinet = new Cabinet(app.url);
  await cabinet.visitor.follow(`${app.url}/auth/login?as=citizen&persona=${persona}`);
  expect((await cabinet.acceptTerms()).status).toBe(200);
  return cabinet;
}

const registered = (value = snils): Patient => ({
  resourceType: "Patient",
  identifier: [{ system: "urn:oid:1.2.643.100.3", value }],
});
const pressure = (): Observation => ({
  resourceType: "Observation",
  status: "final",
  code: { coding: [{ system: "http://loinc.org", code: "8480-6" }] },
  subject: { reference: `Patient/${patient}` },
});
const recordsOf = async (who: Cabinet, type: string) => {
  const answer = await who.get(`/me/records?type=${type}`);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return (answer.body as Records).records;
};

describe("what a client system stores of a person", () => {
  it("is theirs when they sign in with the same СНИЛС, under the id that the registration got", async () => {
    const link = "urn:uuid:7c1d7a7e-0001-4000-8000-000000000001";
    const registration: Bundle = {
      resourceType: "Bundle",
      type: "transaction",
      entry: [
        { fullUrl: link, request: { method: "POST", url: "Patient" }, resource: registered() },
        {
          request: { method: "POST", url: "CareTeam" },
          resource: {
            resourceType: "CareTeam",
            status: "active",
            subject: { reference: link },
            participant: [{ member: { reference: `Practitioner/${doctor.id}` } }],
          },
        },
      ],
    };
    const made = await fhir<Bundle>(office, "POST", "", registration);
    expect(made.status, JSON.stringify(made.body)).toBe(200);
    patient = /Patient\/([\w-]+)/.exec(made.body.entry?.[0]?.response?.location ?? "")?.[1] ?? "";
    const written = await fhir<Observation>(await doctor.token(), "POST", "/Observation", pressure());
    expect(written.status, JSON.stringify(written.body)).toBe(201);

    const citizen = await signedIn("citizen");
    expect((await citizen.get("/me")).body.id).toBe(patient);
    const [record, ...others] = await recordsOf(citizen, "Observation");
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      organization: { oid: doctor.organization },
      resource: { id: written.body.id, status: "final", meta: { versionId: "1" } },
    });
    expect((await recordsOf(citizen, "Patient")).map(({ resource }) => resource.id)).toEqual([patient]);
    const [seen] = (await citizen.get("/me/accesses?view=by-me&count=1")).body.accesses;
    expect(seen).toMatchObject({ action: "search", resourceType: "Patient", ground: { code: "own-data" } });
  });

  it.each(["rsa", "gost"] as const)(
    "E-32 an extract is a signed PDF: OpenSSL verifies its file with the signature that the person has with it, by %s",
    async (kind) => {
      const pdf = Buffer.from(`%PDF-1.4\n%${randomUUID()}\ntrailer<</Root 1 0 R>>\n%%EOF\n`);
      const extract = { title: "Выписка", contentType: "application/pdf", content: pdf };
      const { id: personId, role: roleId, organization } = doctor;
      const worker = { personId, roleId, organization, snils: snilsOf.doctor };
      await activateCertificates(app, personId, { kind });
      const order = { ...extract, subject: patient, needed: "qualified" as const };
      const { id } = await app.parts.signatures.prepare(worker, order);
      const container = await signedByTool(app.sandboxUrl, pdf, { kind });
      const { signature } = await app.parts.signatures.submit(worker, id, { container });

      const citizen = await signedIn("citizen");
      const ofType = async <T extends Resource>(type: T["resourceType"]) =>
        (await recordsOf(citizen, type)).map(({ resource }) => resource as unknown as T);
      const document = (await ofType<DocumentReference>("DocumentReference")).find(
        (one) => one.id === signature.document?.id,
      );
      expect(document).toMatchObject({ docStatus: "final", description: "Выписка" });
      const { contentType, url } = document?.content[0]?.attachment ?? {};
      expect(contentType).toBe("application/pdf");
      const binary = (await ofType<Binary>("Binary")).find((one) => `Binary/${one.id}` === url);
      const provenance = (await ofType<Provenance>("Provenance")).find(
        ({ target }) => target[0]?.reference === `DocumentReference/${document?.id}/_history/1`,
      );
      const { sigFormat, data } = provenance?.signature?.[0] ?? {};
      expect(sigFormat).toBe("application/pkcs7-signature");

      const tool = new OpenSsl();
      writeFileSync(tool.path("extract.pdf"), Buffer.from(binary?.data ?? "", "base64"));
      writeFileSync(tool.path("extract.pdf.sig"), Buffer.from(data ?? "", "base64"));
      writeFileSync(tool.path("roots.pem"), await (await fetch(`${app.sandboxUrl}/pki/roots`)).text());
      const verify = () => {
        const given = ["-in", "extract.pdf.sig", "-inform", "DER", "-content", "extract.pdf", "-binary"];
        return tool.run("cms", "-verify", ...given, "-CAfile", "roots.pem", "-purpose", "any");
      };
      expect(verify().equals(pdf)).toBe(true);
      writeFileSync(tool.path("extract.pdf"), "another");
      expect(verify).toThrow();
      tool.remove();
    },
  );

  it("is nobody else's, and of no other door's types", async () => {
    const stranger = await signedIn("doctor");
    expect(await recordsOf(stranger, "Observation")).toEqual([]);
    for (const type of ["Consent", "AuditEvent", "Practitioner", "Nonsense"])
      expect((await stranger.get(`/me/records?type=${type}`)).status).toBe(400);
    expect((await stranger.get("/me/records")).status).toBe(400);
  });
});

describe("who represents a patient by law", () => {
  const kidSnils = "90000001083";

  /** A patient of this age with the citizen as their mother; the logical id. */
  async function child(years: number, value?: string): Promise<string> {
    const birthDate = `${new Date().getUTCFullYear() - years}-01-01`;
    const body = { ...registered(value), ...(value === undefined && { identifier: undefined }), birthDate };
    const made = await fhir<Patient>(office, "POST", "/Patient", body);
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    const role = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
    const related = await fhir(office, "POST", "/RelatedPerson", {
      resourceType: "RelatedPerson",
      patient: { reference: `Patient/${made.body.id}` },
      identifier: [{ system: "urn:oid:1.2.643.100.3", value: snils }],
      relationship: [{ coding: [{ system: role, code: "MTH" }] }],
    } as Partial<Resource>);
    expect(related.status, JSON.stringify(related.body)).toBe(201);
    return made.body.id ?? "";
  }

  const recordsAbout = (who: Cabinet, id: string) => who.get(`/me/records?type=Patient&patient=${id}`);

  it("a parent reads what is stored about a child under 15, which the child's journal tells", async () => {
    const parent = await signedIn("citizen");
    const kid = await child(10, kidSnils);
    const { status, body } = await recordsAbout(parent, kid);
    expect(status, JSON.stringify(body)).toBe(200);
    expect((body as Records).records.map(({ resource }) => resource.id)).toEqual([kid]);
    const rows = (await journalRows(app)).filter(
      ({ subject, action }) => subject === kid && action === "search",
    );
    expect(rows).toEqual([expect.objectContaining({ actorKind: "patient", resourceId: kid, outcome: "ok" })]);
    expect(rows[0]?.ground).toContain("representative");
    expect((await recordsOf(parent, "Patient")).map(({ resource }) => resource.id)).not.toContain(kid);
  });

  it("a parent sees who opened the data of a child under 15, page by page, and nobody else's", async () => {
    const parent = await signedIn("citizen");
    const [kid, other, older] = [await child(10), await child(10), await child(16)];
    const accessesTo = (who: Cabinet, query: string) => who.get(`/me/accesses?${query}`);
    const actions = ({ body }: { body: { accesses: { action: string }[] } }) =>
      body.accesses.map(({ action }) => action);
    const first = await accessesTo(parent, `patient=${kid}&count=1`);
    expect([first.status, actions(first)], JSON.stringify(first.body)).toEqual([200, ["create"]]);
    const second = await accessesTo(parent, `patient=${kid}&count=1`);
    expect(second.body.accesses).toEqual([
      expect.objectContaining({
        action: "own-journal",
        ground: expect.objectContaining({ code: "representative" }),
      }),
    ]);
    const next = await accessesTo(parent, `patient=${kid}&count=50&page=${second.body.next}`);
    expect(actions(next)).toContain("create");
    expect((await accessesTo(parent, `patient=${other}&page=${second.body.next}`)).status).toBe(400);
    expect((await accessesTo(parent, `patient=${kid}&view=by-me`)).status).toBe(400);
    expect((await accessesTo(parent, "patient=not-an-id")).status).toBe(400);
    for (const [who, id] of [
      [parent, older],
      [await signedIn("chief"), kid],
      [parent, randomUUID()],
    ] as const) {
      const refused = await accessesTo(who, `patient=${id}`);
      expect([refused.status, refused.body.code]).toEqual([403, "access-denied"]);
    }
  });

  it("nobody reads of an older child, of a stranger's, or of whom nobody stores", async () => {
    const parent = await signedIn("citizen");
    const [older, young] = [await child(16), await child(5)];
    expect((await recordsAbout(parent, young)).status).toBe(200);
    const stranger = await signedIn("chief");
    for (const [who, id] of [
      [parent, older],
      [stranger, young],
      [parent, randomUUID()],
    ] as const) {
      const refused = await recordsAbout(who, id);
      expect([refused.status, refused.body.code]).toEqual([403, "access-denied"]);
    }
    expect((await recordsAbout(parent, "not-an-id")).status).toBe(400);
  });
});

describe("a person has one logical id", () => {
  const refused = (answer: { status: number; body: OperationOutcome }) => {
    expect([answer.status, answer.body.issue?.[0]?.details?.coding?.[0]?.code]).toEqual([
      409,
      "patient-known",
    ]);
    expect(answer.body.issue?.[0]?.diagnostics).toContain(`Patient/${patient}`);
  };

  it("a second Patient of the same СНИЛС is refused with the id to use, however it is sent", async () => {
    refused(await fhir(office, "POST", "/Patient", registered()));
    const spelt = `${snils.slice(0, 3)}-${snils.slice(3, 6)}-${snils.slice(6, 9)} ${snils.slice(9)}`;
    refused(await fhir(office, "POST", "/Patient", registered(spelt)));
    const id = randomUUID();
    refused(await fhir(office, "PUT", `/Patient/${id}`, { ...registered(), id }));
    const twins = await Promise.all(
      [1, 2].map(() => fhir<Patient>(office, "POST", "/Patient", registered("90000099833"))),
    );
    expect(twins.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it("who has no right СНИЛС gets an id of their own", async () => {
    const ids = new Set<string | undefined>();
    for (const identifier of [[], registered("90000099632").identifier])
      for (const _ of [1, 2]) {
        const made = await fhir<Patient>(office, "POST", "/Patient", { ...registered(), identifier });
        if (made.status === 201) ids.add(made.body.id);
      }
    expect(ids.size).toBeGreaterThanOrEqual(2);
    expect(ids).not.toContain(patient);
  });
});
