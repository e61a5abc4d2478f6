import { readFile } from "node:fs/promises";
import soap from "soap";
import { isSnils, snilsDigits } from "../../core/identifiers.ts";
import type { SandboxSystem } from "../sandbox-system.ts";
import type { Worker, World } from "../sandbox-world.ts";
import { envelope, faultEnvelope, medStaffNamespace, RegistryFault } from "./sandbox-envelope.ts";
import { employeeOf } from "./sandbox-med-staff.ts";
import { trapOf, traps } from "./sandbox-traps.ts";

/** The workers' registry (ФРМР): SOAP 1.1 around MedStaff 2.0.11, by fixtures/wsdl/frmr.wsdl. */
export const frmrSandbox: SandboxSystem = {
  name: "frmr",
  title: "ФРМР: федеральный регистр медицинских работников",
  operations: [
    { name: "getEmployee", grade: "C", note: "название и обёртка наши; элементы MedStaff 2.0.11 — B" },
    {
      name: "listEmployees",
      grade: "C",
      note: "постранично, с даты изменения; элементы MedStaff 2.0.11 — B",
    },
  ],
  scenarios: { duplicate: "the same person twice under one СНИЛС", ...traps },
  wrongSchema: {
    contentType: "text/xml; charset=utf-8",
    body: envelope(
      `<m:getEmployeeResponse xmlns:m="${medStaffNamespace}"><m:Unexpected/></m:getEmployeeResponse>`,
    ),
  },

  async register(app, { world }) {
    const wsdl = await readFile(new URL("../../../fixtures/wsdl/frmr.wsdl", import.meta.url), "utf8");
    const server = await soapServer(wsdl, world);
    app.addContentTypeParser(
      ["text/xml", "application/soap+xml"],
      { parseAs: "string" },
      (_request, body, done) => done(null, body),
    );
    app.get("/", (_request, reply) => reply.type("text/xml; charset=utf-8").send(wsdl));
    app.post<{ Body: string }>("/", async (request, reply) => {
      reply.type("text/xml; charset=utf-8");
      const trap = trapOf(request.scenario);
      if (trap) return reply.code(request.scenario === "internal-fault" ? 500 : 200).send(trap);
      const soapaction = String(request.headers["soapaction"] ?? "");
      const answer = await server.processRequest(request.body, { headers: { soapaction } });
      if (answer.body.startsWith("<?xml") && !answer.body.includes("<faultcode>500<")) {
        const body = request.scenario === "duplicate" ? answer.body.replace(employee, "$&$&") : answer.body;
        return reply.code(answer.statusCode).send(body);
      }
      // soap answers an unknown operation and broken XML with its own exception text
      return reply
        .code(500)
        .send(faultEnvelope("Client", "BAD_REQUEST", "The request does not match the contract"));
    });
  },
};

const employee = /<m:Employee>.*<\/m:Employee>/s;

const maxPageSize = 200;

interface GetEmployee {
  SNILS?: string;
  OrganizationOID?: string;
}

/** Numbers and dates as the `soap` package reads them by the WSDL's types. */
interface ListEmployees {
  ModifiedSince?: Date;
  PageNumber: number;
  PageSize: number;
}

/** The `soap` package without a listener of its own: fastify reads the body and writes the answer. */
function soapServer(xml: string, world: World): Promise<soap.Server> {
  return new Promise((resolve, reject) => {
    const FrmrPort = {
      getEmployee: (input: GetEmployee) => getEmployee(world, input),
      listEmployees: (input: ListEmployees) => listEmployees(world, input),
    };
    const server = soap.listen(null, {
      path: "/frmr",
      xml,
      suppressStack: true,
      services: { Frmr: { FrmrPort } },
      callback: (error) => (error ? reject(error) : resolve(server)),
    });
  });
}

function getEmployee(world: World, { SNILS = "", OrganizationOID }: GetEmployee) {
  if (!isSnils(SNILS)) throw new RegistryFault("Client", "BAD_REQUEST", "СНИЛС указан с ошибкой");
  const found = world.workersBySnils(snilsDigits(SNILS) ?? "");
  if (found.length === 0)
    throw new RegistryFault("Client", "PERSON_NOT_FOUND", "Медицинский работник не найден");
  const here = found.filter((worker) => hasCardIn(worker, OrganizationOID));
  if (here.length === 0)
    throw new RegistryFault("Client", "PERSON_CARD_NOT_FOUND", "Личное дело в организации не найдено");
  return { ArrayOfEmployee: arrayOf(world, here) };
}

const hasCardIn = (worker: Worker, oid?: string) =>
  !oid || worker.cards.some((card) => card.organization === oid);

function listEmployees(world: World, { ModifiedSince, PageNumber, PageSize }: ListEmployees) {
  if (!(PageNumber >= 1 && PageSize >= 1 && PageSize <= maxPageSize)) {
    throw new RegistryFault("Client", "BAD_REQUEST", "Неверный номер или размер страницы");
  }
  const since = ModifiedSince?.toISOString().slice(0, 10) ?? "";
  const changed = [...world.workers.values()].filter((worker) => worker.modifiedAt >= since);
  const rows = changed.slice((PageNumber - 1) * PageSize, PageNumber * PageSize);
  return { TotalCount: changed.length, ArrayOfEmployee: arrayOf(world, rows) };
}

const arrayOf = (world: World, workers: Worker[]) => ({
  attributes: { version: "2.0.11", formatVersion: "2.0", system: "ARM" },
  Employee: workers.map((worker) => employeeOf(worker, world)),
});
