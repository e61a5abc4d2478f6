import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import type { OperationOutcome } from "@medplum/fhirtypes";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { programArguments } from "../support/compiled.ts";
import { freshDatabase } from "../support/database.ts";
import { projectRoot } from "../support/project-files.ts";

const snils = "90000000182";
const fixture = readFileSync(
  new URL("../../mappings/frmr/person/fixtures/one-job/input.xml", import.meta.url),
  "utf8",
);
const records = fixture.slice(fixture.indexOf("<ArrayOfEmployee"));

// a registry that answers with whatever the test says
let answer = "";
let registry: Server;
let gateway: TestApp;
let database = "";
beforeAll(async () => {
  registry = createServer((request, response) => {
    request.resume();
    response
      .writeHead(200, { "content-type": "text/xml; charset=utf-8" })
      .end(
        `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><r:getEmployeeResponse xmlns:r="urn:r">${answer}</r:getEmployeeResponse></s:Body></s:Envelope>`,
      );
  });
  await new Promise<void>((resolve) => registry.listen(0, "127.0.0.1", resolve));
  const { port } = registry.address() as AddressInfo;
  database = await freshDatabase();
  gateway = await startApp({ DATABASE_URL: database, FRMR_URL: `http://127.0.0.1:${port}/frmr` });
});
afterAll(async () => {
  await gateway?.close();
  registry?.close();
});

async function search(): Promise<{ status: number; requestId: string; body: OperationOutcome }> {
  const reply = await fetch(`${gateway.url}/fhir/Practitioner/_search`, {
    method: "POST",
    headers: { authorization: `Bearer ${await gateway.token("system/Practitioner.rs")}` },
    body: new URLSearchParams({ identifier: `urn:oid:1.2.643.100.3|${snils}` }),
  });
  const requestId = reply.headers.get("x-request-id") ?? "";
  return { status: reply.status, requestId, body: (await reply.json()) as OperationOutcome };
}

async function failures(...args: string[]) {
  const { PATH = "", HOME = "" } = process.env;
  return promisify(execFile)(process.execPath, [...programArguments("scripts/failures.ts"), ...args], {
    cwd: projectRoot,
    env: { PATH, HOME, DATABASE_URL: database, DATA_DIR: gateway.config.DATA_DIR },
  });
}

const kept = () => gateway.parts.store.db.selectFrom("failed_message").selectAll().orderBy("at", "desc");

async function newest(requestId: string) {
  for (let turn = 0; turn < 100; turn += 1) {
    const row = await kept().where("request_id", "=", requestId).executeTakeFirst();
    if (row) return row;
    await new Promise(setImmediate);
  }
  return undefined;
}

it("an answer that can't be mapped is kept for an operator, who reveals it on record", async () => {
  answer = records.replace("<Sex>Male</Sex>", "<Sex>Тайна</Sex>");
  const { status, requestId, body } = await search();
  expect([status, body.issue[0]?.details?.coding?.[0]?.code]).toEqual([502, "unmapped-code"]);
  const row = await newest(requestId);
  expect(row).toMatchObject({
    system: "frmr",
    operation: "getEmployee",
    code: "unmapped-code",
    map: "FrmrPersonToFhir",
    source_path: "employee.General.Sex",
    target_path: "practitioner.gender",
  });
  expect(row?.line).toBeGreaterThan(0);
  expect(JSON.stringify({ ...row, content: undefined })).not.toContain("Тайна");

  const listed = await failures("list");
  expect(listed.stdout).toContain(`${row?.id}`);
  const shown = await failures("show", row?.id ?? "");
  expect(shown.stdout).toBe("");
  expect(shown.stderr).toContain("MappingError: FrmrPersonToFhir:");
  // what the map wrote before it failed: places and rules, no value of the person
  const written = shown.stderr.split("written before that:\n")[1]?.trim().split("\n") ?? [];
  expect(written.length).toBeGreaterThan(5);
  for (const entry of written)
    expect(entry).toMatch(/^ *Bundle\S* <- \S.* \(FrmrPersonToFhir:\d+( "\w+")?\)$/);
  expect(shown.stderr).toMatch(/name\[0\]\.family <- answer\.Employee\.General\.Surname \(FrmrPersonToFhir:/);
  expect(shown.stderr).not.toContain(snils);
  const journal = () =>
    gateway.parts.store.db.selectFrom("journal").selectAll().orderBy("group_id").orderBy("n").execute();
  const before = await journal();
  const revealed = await failures("show", row?.id ?? "", "--reveal");
  expect(revealed.stdout).toContain("<Sex>Тайна</Sex>");
  const after = await journal();
  const added = after.slice(before.length).map(({ row: text }) => JSON.parse(text));
  expect(added).toMatchObject([
    { action: "reveal failed message", resourceId: row?.id, actorKind: "operator" },
  ]);
  const purged = await failures("purge", "--before", "2100-01-01T00:00:00Z");
  expect(purged.stdout).toContain("1 deleted");
});

it.each([
  [
    "a wrong shape",
    () => records.replace(/<Birthdate>[^<]*/, "<Birthdate>2020-02-31"),
    "upstream-wrong-shape",
  ],
  ["what is no XML", () => records.replace("</ArrayOfEmployee>", ""), "upstream-malformed"],
])("%s is kept too, with where it stands", async (...[, text, code]) => {
  answer = text();
  const { requestId, body } = await search();
  expect(body.issue[0]?.details?.coding?.[0]?.code).toBe(code);
  expect((await newest(requestId))?.code).toBe(code);
});

it("a good answer and a refusal of the registry's own leave nothing", async () => {
  const before = (await kept().execute()).length;
  answer = '<ArrayOfEmployee xmlns="http://service.rosminzdrav.ru/MedStaff"/>';
  expect((await search()).status).toBe(200);
  answer = records;
  expect((await search()).status).toBe(200);
  expect(await kept().execute()).toHaveLength(before);
});
