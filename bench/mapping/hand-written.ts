/** The same three conversions as a good engineer writes them: one pass, literals, nothing generic. */

interface Education {
  number?: string;
  code?: string;
  specialty?: string;
  issuer?: string;
  start?: string;
  end?: string;
}
interface Card {
  snils?: string;
  inn?: string;
  surname?: string;
  name?: string;
  patronymic?: string;
  sex?: string;
  born?: string;
  phone?: string[];
  education?: Education[];
}
type Json = Record<string, unknown>;

const sexes = new Map([
  ["1", "male"],
  ["2", "female"],
]);
const sexesBack = new Map([
  ["male", "other"],
  ["female", "unknown"],
]);

function translated(map: ReadonlyMap<string, string>, code: string): string {
  const found = map.get(code);
  if (found === undefined) {
    throw new Error("unmapped code");
  }
  return found;
}

function qualificationOf(item: Education): Json {
  const made: Json = {};
  if (item.number !== undefined) made["identifier"] = [{ value: item.number }];
  if (item.code !== undefined) {
    const coding: Json = { system: "urn:oid:1.2.643.5.1.13.13.11.1066", code: item.code };
    if (item.specialty !== undefined) coding["display"] = item.specialty;
    made["code"] = { coding: [coding] };
  }
  if (item.issuer !== undefined) made["issuer"] = { display: item.issuer };
  if (item.start !== undefined) {
    const period: Json = { start: item.start };
    if (item.end !== undefined) period["end"] = item.end;
    made["period"] = period;
  }
  return made;
}

function identifiersOf(card: Card): Json[] {
  const made: Json[] = [];
  if (card.snils !== undefined) made.push({ system: "urn:oid:1.2.643.100.3", value: card.snils });
  if (card.inn !== undefined) made.push({ system: "urn:oid:1.2.643.3.131.1.1", value: card.inn });
  return made;
}

export function personByHand(source: unknown): unknown {
  const card = source as Card;
  const made: Json = { resourceType: "Practitioner", identifier: identifiersOf(card) };
  if (card.surname !== undefined) {
    const name: Json = { use: "official", family: card.surname };
    const given: string[] = [];
    if (card.name !== undefined) given.push(card.name);
    if (card.patronymic !== undefined) given.push(card.patronymic);
    if (given.length > 0) name["given"] = given;
    made["name"] = [name];
  }
  if (card.sex !== undefined) made["gender"] = translated(sexes, card.sex);
  if (card.born !== undefined) made["birthDate"] = card.born;
  if (card.phone !== undefined) made["telecom"] = card.phone.map((value) => ({ system: "phone", value }));
  if (card.education !== undefined) made["qualification"] = card.education.map(qualificationOf);
  return made;
}

interface Entry {
  oid?: string;
  ogrn?: string;
  full?: string;
  short?: string;
  kind?: string;
  phone?: string[];
  address?: { index?: string; region?: string; city?: string; street?: string[] }[];
  unit?: { name?: string; phone?: string[] }[];
}

function addressOf(a: NonNullable<Entry["address"]>[number]): Json {
  const made: Json = { use: "work", country: "RU" };
  if (a.index !== undefined) made["postalCode"] = a.index;
  if (a.region !== undefined) made["state"] = a.region;
  if (a.city !== undefined) made["city"] = a.city;
  if (a.street !== undefined) made["line"] = a.street.slice();
  return made;
}

function contactOf(unit: NonNullable<Entry["unit"]>[number]): Json {
  const made: Json = { purpose: { text: "unit" } };
  if (unit.name !== undefined) made["name"] = { text: unit.name };
  if (unit.phone !== undefined) made["telecom"] = unit.phone.map((value) => ({ system: "phone", value }));
  return made;
}

export function organizationByHand(source: unknown): unknown {
  const entry = source as Entry;
  const identifier: Json[] = [];
  if (entry.oid !== undefined)
    identifier.push({ system: "urn:ietf:rfc:3986", value: `urn:oid:${entry.oid}` });
  if (entry.ogrn !== undefined) identifier.push({ system: "urn:oid:1.2.643.100.1", value: entry.ogrn });
  const made: Json = { resourceType: "Organization", identifier, active: true };
  if (entry.full !== undefined) made["name"] = entry.full;
  if (entry.short !== undefined) made["alias"] = [entry.short];
  if (entry.kind !== undefined) made["type"] = [{ text: entry.kind }];
  if (entry.phone !== undefined) {
    made["telecom"] = entry.phone.map((value) => ({ system: "phone", value, use: "work" }));
  }
  if (entry.address !== undefined) made["address"] = entry.address.map(addressOf);
  if (entry.unit !== undefined) made["contact"] = entry.unit.map(contactOf);
  return made;
}

interface Coding {
  system?: string;
  code?: string;
  display?: string;
}
interface Qualification {
  code?: { coding?: Coding[] };
  issuer?: { display?: string };
  period?: { start?: string; end?: string };
}
interface Practitioner {
  birthDate?: string;
  gender?: string;
  name?: { family?: string; given?: string[] }[];
  telecom?: { value?: string }[];
  qualification?: Qualification[];
}

function codingOf({ system, code, display }: Coding): Json {
  const made: Json = {};
  if (system !== undefined) made["system"] = system;
  if (code !== undefined) made["code"] = code;
  if (display !== undefined) made["display"] = display;
  return made;
}

function relatedOf({ code, issuer, period }: Qualification): Json {
  const made: Json = { gender: "unknown" };
  if (code?.coding !== undefined) made["relationship"] = [{ coding: code.coding.map(codingOf) }];
  if (issuer?.display !== undefined) made["organization"] = { display: issuer.display };
  if (period !== undefined) {
    const own: Json = {};
    if (period.start !== undefined) own["start"] = period.start;
    if (period.end !== undefined) own["end"] = period.end;
    made["period"] = own;
  }
  return made;
}

export function profileByHand(source: unknown): unknown {
  const worker = source as Practitioner;
  const made: Json = { resourceType: "Patient" };
  if (worker.birthDate !== undefined) made["birthDate"] = worker.birthDate;
  if (worker.gender !== undefined) made["gender"] = translated(sexesBack, worker.gender);
  if (worker.name !== undefined) {
    made["name"] = worker.name.map(({ family, given }) => {
      const name: Json = { use: "usual" };
      if (family !== undefined) name["family"] = family;
      if (given !== undefined) name["given"] = given.slice();
      return name;
    });
  }
  if (worker.telecom !== undefined) {
    made["telecom"] = worker.telecom.map(({ value }) =>
      value === undefined ? { system: "phone" } : { system: "phone", value },
    );
  }
  if (worker.qualification !== undefined) made["contact"] = worker.qualification.map(relatedOf);
  return made;
}
