import { randomUUID } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { regionalPoliciesIn } from "../../src/access/regional-policy.ts";
import { actingWorker, snilsOf } from "../support/acting.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { assignedPatient, fhirCall, outcomeCode } from "../support/fhir-call.ts";
import { leveledClients } from "../support/leveled-clients.ts";
import { activateCertificates, doctor, documentOf, signedByTool } from "../support/signing.ts";

function policyFile(regions: object): string {
  const file = join(mkdtempSync(join(tmpdir(), "regions-")), "regions.json");
  writeFileSync(file, JSON.stringify(regions));
  return file;
}

describe("what a region asks of signatures", () => {
  let app: TestApp;
  let clients: Awaited<ReturnType<typeof leveledClients>>;

  beforeAll(async () => {
    clients = await leveledClients();
    const file = policyFile({
      77: { levels: { Observation: "qualified" }, algorithms: ["gost-256", "gost-512"] },
    });
    app = await startApp({ CLIENTS_FILE: clients.file, SIGNATURE_POLICY_FILE: file });
  });
  afterAll(() => app?.close());

  it("E-29 its level goes over the federal one, for the types that it names", async () => {
    const worker = await actingWorker(app, snilsOf.doctor, clients.keys.enhanced);
    const patient = await assignedPatient(app, await worker.token("HOPERAT"), worker.id);
    const about = { subject: { reference: `Patient/${patient}` }, code: { text: "Пульс" } };
    const tried = async (by: "enhanced" | "qualified", resource: { resourceType: string }) => {
      const token = await (await actingWorker(app, snilsOf.doctor, clients.keys[by])).token();
      const answer = await fhirCall(app, token, `POST /${resource.resourceType}`, {
        body: { ...resource, ...about },
      });
      return [answer.status, outcomeCode(answer)];
    };
    const observation = { resourceType: "Observation", status: "final" };
    expect(await tried("enhanced", observation)).toEqual([403, "signature-level"]);
    expect(await tried("qualified", observation)).toEqual([201, undefined]);
    expect(await tried("enhanced", { resourceType: "Condition" })).toEqual([201, undefined]);
  });

  it("E-29 it takes the algorithms that it names only, in its own organisations", async () => {
    const outcome = async (kind: "rsa" | "gost", organization = doctor().organization) => {
      const worker = { ...doctor(), organization };
      const document = documentOf(randomUUID());
      const { id } = await app.parts.signatures.prepare(worker, document);
      await activateCertificates(app, worker.personId, { kind });
      const container = await signedByTool(app.sandboxUrl, document.content, { kind });
      return app.parts.signatures.submit(worker, id, { container }).then(
        ({ signature }) => signature.state,
        (error) => error.code,
      );
    };
    expect([await outcome("gost"), await outcome("rsa")]).toEqual(["signed", "signature-algorithm"]);
    expect(await outcome("rsa", "1.2.643.5.1.13.13.12.2.78.90001")).toBe("signed");
  });
});

it("E-29 a region may ask for more than the federation, never for less, and nothing else is read", () => {
  const policies = regionalPoliciesIn(policyFile({ 16: { levels: { Condition: "qualified" } } }));
  expect(policies.of("1.2.643.5.1.13.13.12.2.16.1234")?.levels).toEqual({ Condition: "qualified" });
  expect(policies.of("1.2.643.5.1.13.13.12.2.77.90001")).toBeUndefined();
  expect(policies.of(undefined)).toBeUndefined();
  for (const wrong of [
    { 77: { levels: { MedicationRequest: "simple" } } },
    { 77: { levels: { Observation: "strong" } } },
    { 77: { algorithms: ["md5"] } },
    { 77: { algorithms: [] } },
    { moscow: {} },
    { 77: { level: {} } },
  ])
    expect(() => regionalPoliciesIn(policyFile(wrong)), JSON.stringify(wrong)).toThrow(TypeError);
});
