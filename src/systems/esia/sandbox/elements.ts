import { createHash } from "node:crypto";
import type { Person, World } from "../../sandbox-world.ts";
import { esiaOrganizations } from "./organizations.ts";

/** One object of ESIA's REST. */
export type Element = Readonly<Record<string, unknown>>;

/** A member of a collection: `id` ends its address, `scopes` are those of which one opens it. */
export interface Member {
  id: number;
  scopes: readonly string[];
  element: Element;
}

const updatedOn = 1_795_200_000;

/** dd.MM.yyyy of an ISO day. */
const russianDay = (day: string): string => day.split("-").reverse().join(".");

/** Adds the eTag, 40 upper-case hex digits over the content. */
export function tagged(element: Element): Element {
  const hash = createHash("sha1").update(JSON.stringify(element)).digest("hex");
  return { ...element, eTag: hash.toUpperCase() };
}

/** GET /rs/prns/{oid}: each field needs its scope and is simply absent without it. */
export function personElement(person: Person, scopes: readonly string[]): Element {
  const { family, given, middle, birthDate, sex, snils, inn, citizenship = 1, esia, document } = person;
  const fields: [scope: string, Element][] = [
    ["fullname", { firstName: given, lastName: family, ...(middle ? { middleName: middle } : {}) }],
    ["birthdate", { birthDate: russianDay(birthDate) }],
    ["birthplace", { birthPlace: "г Тестовый" }],
    ["gender", { gender: sex === "male" ? "M" : "F" }],
    ["citizenship", { citizenship: citizenship === 1 ? "RUS" : "KAZ" }],
    ["snils", snils ? { snils: snilsText(snils) } : {}],
    ["inn", inn ? { inn } : {}],
    ["id_doc", document ? { rIdDoc: documentId(person) } : {}],
  ];
  return tagged({
    stateFacts: ["EntityRoot"],
    ...Object.assign({}, ...fields.filter(([scope]) => scopes.includes(scope)).map(([, field]) => field)),
    trusted: esia.account === "confirmed",
    updatedOn,
    status: "REGISTERED",
    verifying: false,
    containsUpCfmCode: false,
  });
}

export function contactsOf({ esia, email, phone }: Person): Member[] {
  const base = Number(esia.oid) * 10;
  const contact = (id: number, type: string, value: string): Element =>
    tagged({ stateFacts: ["Identifiable"], id, type, vrfStu: "VERIFIED", value });
  const all: (Member | undefined)[] = [
    email
      ? { id: base + 1, scopes: ["email", "contacts"], element: contact(base + 1, "EML", email) }
      : undefined,
    phone
      ? { id: base + 2, scopes: ["mobile", "contacts"], element: contact(base + 2, "MBT", phoneText(phone)) }
      : undefined,
  ];
  return all.filter((member) => member !== undefined);
}

// codes of dictionary 1.2.643.5.1.13.13.99.2.48 as ESIA names them
const documentTypes: Readonly<Record<number, { type: string; scopes: string[] }>> = {
  1: { type: "RF_PASSPORT", scopes: ["id_doc"] },
  6: { type: "RF_BRTH_CERT", scopes: ["birth_cert_doc"] },
  10: { type: "FID_DOC", scopes: ["id_doc"] },
};

export function documentsOf(person: Person): Member[] {
  const { document, esia } = person;
  const kind = documentTypes[document?.type ?? 0];
  if (!document || !kind) return [];
  const { series, number, issued, issueDate } = document;
  const id = documentId(person);
  const element = tagged({
    stateFacts: ["EntityRoot"],
    id,
    type: kind.type,
    vrfStu: esia.account === "standard" ? "NOT_VERIFIED" : "VERIFIED",
    ...(series ? { series } : {}),
    number,
    issueDate: russianDay(issueDate),
    ...(kind.type === "RF_PASSPORT"
      ? { issueId: "990099", issuedBy: issued, fmsValid: true }
      : { issuedBy: issued }),
  });
  return [{ id, scopes: kind.scopes, element }];
}

/** One invented address of registration; the world knows none of its people's addresses. */
export function addressesOf(person: Person): Member[] {
  const id = Number(person.esia.oid) * 10 + 4;
  const flat = String(Number(person.esia.oid) % 1000);
  const element = tagged({
    stateFacts: ["Identifiable"],
    id,
    type: "PRG",
    vrfStu: "NOT_VERIFIED",
    addressStr: "г Москва, ул Тестовая",
    zipCode: "101000",
    countryId: "RUS",
    region: "Москва",
    street: "Тестовая",
    house: "1",
    flat,
  });
  return [{ id, scopes: ["addresses", "contacts"], element }];
}

/** Children's cards; their fields have scopes of their own, `kid_fullname` and so on. */
export function kidsOf(person: Person, world: World, scopes: readonly string[]): Member[] {
  const kidScopes = scopes.filter((scope) => scope.startsWith("kid_"));
  return (person.esia.kids ?? []).flatMap((id) => {
    const kid = world.people.get(id);
    if (!kid) return [];
    const element = personElement(
      kid,
      kidScopes.map((scope) => scope.slice("kid_".length)),
    );
    return [
      { id: Number(kid.esia.oid), scopes: kidScopes, element: { id: Number(kid.esia.oid), ...element } },
    ];
  });
}

/** GET /rs/prns/{oid}/roles: where the person is an employee; always inline, and without an ИНН. */
export function rolesOf(person: Person, world: World): Element[] {
  return person.esia.roles.flatMap(({ organization, active, chief }) => {
    const found = esiaOrganizations(world).find(({ row }) => row.oid === organization);
    if (!found) return [];
    const { oid, row } = found;
    return [
      {
        oid,
        prnOid: Number(person.esia.oid),
        fullName: row.name,
        shortName: row.name,
        ogrn: row.ogrn,
        type: "AGENCY",
        chief,
        admin: chief,
        phone: phoneText(row.phone),
        email: `work-${person.email ?? "none@example.org"}`,
        active,
        hasRightOfSubstitution: false,
        hasApprovalTabAccess: false,
        isLiquidated: row.closedOn !== undefined,
      },
    ];
  });
}

/** GET /rs/orgs/{oid}: like a person's card, a field needs its scope. */
export function organizationElement(
  world: World,
  oid: number,
  scopes: readonly string[],
): Element | undefined {
  const row = esiaOrganizations(world).find((organization) => organization.oid === oid)?.row;
  if (!row) return undefined;
  const fields: [scope: string, Element][] = [
    ["org_fullname", { fullName: row.name }],
    ["org_shortname", { shortName: row.name }],
    ["org_ogrn", { ogrn: row.ogrn }],
    ["org_inn", { inn: row.inn }],
    ["org_kpp", { kpp: row.kpp }],
    ["org_leg", { leg: "" }],
    ["org_type", { type: "AGENCY" }],
  ];
  return tagged({
    stateFacts: ["Identifiable"],
    oid,
    ...Object.assign({}, ...fields.filter(([scope]) => scopes.includes(scope)).map(([, field]) => field)),
    isLiquidated: row.closedOn !== undefined,
  });
}

const documentId = (person: Person): number => Number(person.esia.oid) * 10 + 3;

const snilsText = (digits: string): string => digits.replace(/^(\d{3})(\d{3})(\d{3})(\d\d)$/, "$1-$2-$3 $4");

/** +7(999)0000001 */
const phoneText = (phone: string): string => phone.replace(/^\+7(\d{3})(\d{7})$/, "+7($1)$2");
