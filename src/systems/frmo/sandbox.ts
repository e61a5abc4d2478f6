import type { FastifyInstance } from "fastify";
import type { SandboxSystem } from "../sandbox-system.ts";
import type { Organization, World } from "../sandbox-world.ts";
import { cardOf, departmentRow, kinds, organizationRow, regionsOf } from "./sandbox-card.ts";

const pageSize = 10;

interface Query {
  id?: string;
  part?: string;
  oid?: string;
  orgTypeId?: string;
  departTypeId?: string;
  service?: string;
}

/** The organisations' registry (ФРМО): the REST that the national registry publishes, JSON over GET. */
export const frmoSandbox: SandboxSystem = {
  name: "frmo",
  title: "ФРМО: федеральный реестр медицинских организаций",
  operations: [
    { name: "rest/mo", grade: "B", note: "путь подтверждён; поля карточки по справочнику 1461" },
    { name: "rest/org", grade: "B", note: "пути подтверждены; строки по справочнику 1461" },
    { name: "rest/depart", grade: "B", note: "пути подтверждены; названия полей наши" },
    { name: "rest/lic", grade: "C", note: "путь подтверждён; строка наша, номера по Росздравнадзору" },
    { name: "rest/refs", grade: "B", note: "пути и поля подтверждены" },
  ],
  scenarios: {},
  wrongSchema: { contentType: "application/json; charset=utf-8", body: '{"unexpected":true}' },

  async register(app, { world }) {
    app.get<{ Querystring: Query }>("/rest/mo", ({ query }, reply) => {
      const organization = world.organizations.get(query.oid ?? "");
      return organization
        ? cardOf(organization)
        : reply.code(404).send({ message: "Организация не найдена" });
    });
    app.get<{ Querystring: Query }>("/rest/lic/get", async ({ query }) =>
      [...world.organizations.values()]
        .flatMap((organization) => cardOf(organization).licenses)
        .filter(({ works }) => works.some(({ id }) => id === Number(query.service))),
    );
    organizationRoutes(app, world);
    departmentRoutes(app, world);
    referenceRoutes(app, world);
  },
};

function organizationRoutes(app: FastifyInstance, world: World): void {
  const ofType = ({ orgTypeId }: Query) =>
    [...world.organizations.values()].filter(({ kind }) => kinds[kind]?.id === Number(orgTypeId));
  app.get<{ Querystring: Query }>("/rest/org/parts", async ({ query }) => partsOf(ofType(query)));
  app.get<{ Querystring: Query }>("/rest/org/part", async ({ query }) =>
    partOf(ofType(query), query.part).map(organizationRow),
  );
  app.get<{ Querystring: Query }>("/rest/org/get", ({ query }, reply) => {
    const organization = world.organizations.get(query.oid ?? "");
    return organization
      ? organizationRow(organization)
      : reply.code(404).send({ message: "Организация не найдена" });
  });
}

function departmentRoutes(app: FastifyInstance, world: World): void {
  const all = () => [...world.organizations.values()].flatMap(departmentsOf);
  const ofType = ({ departTypeId }: Query) =>
    all().filter(({ departTypeId: type }) => type === Number(departTypeId));
  app.get<{ Querystring: Query }>("/rest/depart/parts", async ({ query }) => partsOf(ofType(query)));
  app.get<{ Querystring: Query }>("/rest/depart/part", async ({ query }) =>
    partOf(ofType(query), query.part),
  );
  app.get<{ Querystring: Query }>("/rest/depart/get", ({ query }, reply) => {
    const department = all().find(({ oid }) => oid === query.oid);
    return department ?? reply.code(404).send({ message: "Подразделение не найдено" });
  });
}

function referenceRoutes(app: FastifyInstance, world: World): void {
  const references = [
    {
      id: 1,
      refsName: "Субъекты Российской Федерации",
      rows: () => regionsOf([...world.organizations.values()]),
    },
    { id: 2, refsName: "Виды медицинских организаций", rows: () => Object.values(kinds) },
  ];
  const rowsOf = ({ id }: Query): readonly unknown[] =>
    references.find((reference) => reference.id === Number(id))?.rows() ?? [];
  app.get("/rest/refs/list", async () => references.map(({ id, refsName }) => ({ id, refsName })));
  app.get<{ Querystring: Query }>("/rest/refs/parts", async ({ query }) => partsOf(rowsOf(query)));
  app.get<{ Querystring: Query }>("/rest/refs/part", async ({ query }) => partOf(rowsOf(query), query.part));
}

const departmentsOf = (organization: Organization) =>
  organization.departments.map((department) => departmentRow(organization, department));

const partsOf = (rows: readonly unknown[]) => Math.ceil(rows.length / pageSize);

const partOf = <T>(rows: readonly T[], part: string | undefined): T[] => {
  const index = Math.max(Number(part) || 1, 1) - 1;
  return rows.slice(index * pageSize, (index + 1) * pageSize);
};
