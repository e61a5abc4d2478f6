import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Person } from "../../sandbox-world.ts";
import {
  addressesOf,
  contactsOf,
  documentsOf,
  type Element,
  kidsOf,
  type Member,
  organizationElement,
  personElement,
  rolesOf,
  tagged,
} from "./elements.ts";
import { esiaOrganizations } from "./organizations.ts";
import { RestRefusal } from "./rest-refusal.ts";
import { organizationScope } from "./scopes.ts";
import type { Bearer, EsiaState } from "./state.ts";

interface Collection {
  /** the word that stands for it in `embed` of a person */
  embedded: string;
  /** one of them opens the collection */
  scopes: readonly string[];
  members(person: Person, scopes: readonly string[]): Member[];
}

/** GET /rs/…: persons and organisations, as far as the token's scopes reach. */
export function restDoors(app: FastifyInstance, esia: EsiaState): void {
  const collections = personCollections(esia);
  app.setErrorHandler((error, _request, reply) =>
    error instanceof RestRefusal ? reply.code(error.status).send(error.body) : reply.send(error),
  );
  app.get<{ Params: { oid: string } }>("/rs/prns/:oid", (request) => {
    const { person, scopes } = subject(esia, request, request.params.oid);
    const wanted = embedOf(request);
    const parts = Object.entries(collections)
      .filter(([, { embedded }]) => wanted.includes(`${embedded}.elements`))
      .filter(([, { scopes: openers }]) => isOpen(openers, scopes))
      .map(([, { embedded, members }]) => [embedded, inlineList(visible(members(person, scopes), scopes))]);
    return { ...personElement(person, scopes), ...Object.fromEntries(parts) };
  });
  app.get<{ Params: { oid: string } }>("/rs/prns/:oid/roles", (request) => {
    const { person, scopes } = subject(esia, request, request.params.oid);
    if (!scopes.includes("usr_org")) throw new RestRefusal("005029");
    const elements = rolesOf(person, esia.world);
    return { stateFacts: ["hasSize"], size: elements.length, elements };
  });
  for (const [name, collection] of Object.entries(collections))
    collectionDoors(app, esia, { name, ...collection });
  app.get<{ Params: { oid: string } }>("/rs/orgs/:oid", (request, reply) => {
    const { oid } = request.params;
    const open = bearerOf(esia, request).scopes.flatMap((scope) => {
      const about = organizationScope(scope);
      return about?.organization === oid ? [about.name] : [];
    });
    if (open.length === 0) throw new RestRefusal("005029");
    return organizationElement(esia.world, Number(oid), open) ?? reply.code(404).send({});
  });
}

function personCollections({ world }: EsiaState): Record<string, Collection> {
  return {
    ctts: { embedded: "contacts", scopes: ["email", "mobile", "contacts"], members: contactsOf },
    addrs: { embedded: "addresses", scopes: ["addresses", "contacts"], members: addressesOf },
    docs: {
      embedded: "documents",
      scopes: [
        "id_doc",
        "medical_doc",
        "military_doc",
        "foreign_passport_doc",
        "drivers_licence_doc",
        "birth_cert_doc",
      ],
      members: documentsOf,
    },
    vhls: { embedded: "vehicles", scopes: ["vehicles"], members: () => [] },
    kids: {
      embedded: "kids",
      scopes: ["kid_fullname", "kid_birthdate", "kid_gender", "kid_snils", "kid_inn"],
      members: (person, scopes) => kidsOf(person, world, scopes),
    },
    orgs: {
      embedded: "organizations",
      scopes: ["usr_org"],
      members: (person) =>
        esiaOrganizations(world)
          .filter(({ row }) => person.esia.roles.some(({ organization }) => organization === row.oid))
          .map(({ oid, row }) => ({
            id: oid,
            scopes: ["usr_org"],
            element: tagged({ stateFacts: ["Identifiable"], oid, fullName: row.name, ogrn: row.ogrn }),
          })),
    },
  };
}

/** The collection and its members; links unless the elements are asked for. */
function collectionDoors(
  app: FastifyInstance,
  esia: EsiaState,
  { name, scopes: openers, members }: Collection & { name: string },
): void {
  const membersOf = (request: FastifyRequest, oid: string) => {
    const { person, scopes } = subject(esia, request, oid);
    if (!isOpen(openers, scopes)) throw new RestRefusal("005029");
    return visible(members(person, scopes), scopes);
  };
  app.get<{ Params: { oid: string } }>(`/rs/prns/:oid/${name}`, (request) => {
    const { oid } = request.params;
    const found = membersOf(request, oid);
    if (embedOf(request).includes("elements")) return inlineList(found);
    const folder = name === "orgs" ? "/rs/orgs" : `/rs/prns/${oid}/${name}`;
    return tagged({
      stateFacts: ["hasSize"],
      size: found.length,
      elements: found.map(({ id }) => `${esia.base}${folder}/${id}`),
    });
  });
  app.get<{ Params: { oid: string; id: string } }>(`/rs/prns/:oid/${name}/:id`, (request, reply) => {
    const { oid, id } = request.params;
    const member = membersOf(request, oid).find((candidate) => String(candidate.id) === id);
    return member?.element ?? reply.code(404).send({});
  });
}

const isOpen = (openers: readonly string[], scopes: readonly string[]) =>
  openers.some((scope) => scopes.includes(scope));

const visible = (members: readonly Member[], scopes: readonly string[]): Member[] =>
  members.filter((member) => isOpen(member.scopes, scopes));

const inlineList = (members: readonly Member[]): Element => ({
  elements: members.map(({ element }) => element),
  size: members.length,
  stateFacts: ["hasSize"],
});

/** The person whom the token is about; anybody else is out of its scope. */
function subject(
  esia: EsiaState,
  request: FastifyRequest,
  oid: string,
): { person: Person; scopes: readonly string[] } {
  const bearer = bearerOf(esia, request);
  const person = bearer.oid === oid ? esia.personByOid(oid) : undefined;
  if (!person) throw new RestRefusal("005029");
  return { person, scopes: bearer.scopes };
}

function bearerOf(esia: EsiaState, request: FastifyRequest): Bearer {
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const bearer = esia.bearers.get(token ?? "");
  if (!bearer) throw new RestRefusal("005011");
  if (request.scenario === "token-expired" || esia.clock.now() >= bearer.until)
    throw new RestRefusal("005013");
  return bearer;
}

/** `embed=(contacts.elements-1,documents.elements)`: the names without their version suffix. */
function embedOf(request: FastifyRequest): string[] {
  const { embed } = request.query as { embed?: unknown };
  if (typeof embed !== "string") return [];
  const inside = /^\((.*)\)$/.exec(embed)?.[1] ?? "";
  return inside.split(",").map((name) => name.trim().replace(/-\d+$/, ""));
}
