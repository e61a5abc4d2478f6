import { readFileSync } from "node:fs";
import type { ConceptMapTable } from "../../src/fml/concept-map.ts";
import type { LogicalModel } from "../../src/fml/logical-model.ts";
import { personByHand } from "./hand-written.ts";

const text = (max?: "*") => (max === undefined ? { type: "string" } : { type: "string", max });

const card: LogicalModel = {
  url: "https://cabinet-gateway.example/bench/Card",
  root: "Card",
  types: {
    Card: {
      snils: text(),
      inn: text(),
      surname: text(),
      name: text(),
      patronymic: text(),
      sex: text(),
      born: { type: "date" },
      phone: text("*"),
      education: { type: "Education", max: "*" },
    },
    Education: {
      number: text(),
      code: text(),
      specialty: text(),
      issuer: text(),
      start: { type: "dateTime" },
      end: { type: "dateTime" },
    },
  },
};

const entry: LogicalModel = {
  url: "https://cabinet-gateway.example/bench/Entry",
  root: "Entry",
  types: {
    Entry: {
      oid: text(),
      ogrn: text(),
      full: text(),
      short: text(),
      kind: text(),
      phone: text("*"),
      address: { type: "Address", max: "*" },
      unit: { type: "Unit", max: "*" },
    },
    Address: { index: text(), region: text(), city: text(), street: text("*") },
    Unit: { name: text(), phone: text("*") },
  },
};

const table = (name: string, rows: Readonly<Record<string, string>>): ConceptMapTable => ({
  url: `#${name}`,
  groups: [{ entries: Object.entries(rows).map(([code, target]) => ({ code, target })) }],
});

export const conceptMaps = [
  table("sex", { "1": "male", "2": "female" }),
  table("sex-back", { male: "other", female: "unknown" }),
];

const education = Array.from({ length: 14 }, (_, i) => ({
  number: `10772400${1000 + i}`,
  code: String(i + 1),
  specialty: `Специальность ${i + 1}`,
  issuer: "ФГБОУ ВО «Тестовый медицинский университет»",
  start: `20${10 + i}-09-01`,
  end: `20${11 + i}-06-30`,
}));

/** A card of about 3 KB; every person in it is made up. */
const person = {
  snils: "11223344595",
  inn: "500100732259",
  surname: "Тестова",
  name: "Анна",
  patronymic: "Петровна",
  sex: "2",
  born: "1980-02-29",
  phone: ["+7 495 000-00-00", "+7 916 000-00-00"],
  education,
};

const tag = (name: string, text: string) => `<${name}>${text}</${name}>`;
const tags = (object: object): string =>
  Object.entries(object)
    .map(([name, value]: [string, unknown]) =>
      [value]
        .flat()
        .map((item) => tag(name, typeof item === "object" ? tags(item as object) : String(item)))
        .join(""),
    )
    .join("");

/** The first case's source as XML of about 5 KB. */
export const personXml = `<?xml version="1.0" encoding="UTF-8"?><Card xmlns="urn:bench:card">${tags(person)}</Card>`;

export const cardModel = card;

const organization = {
  oid: "1.2.643.5.1.13.13.12.2.77.99999",
  ogrn: "1027700000000",
  full: "ГБУЗ «Тестовая городская поликлиника»",
  short: "ГБУЗ «ТГП»",
  kind: "Поликлиника",
  phone: ["+7 495 000-00-01"],
  address: [{ index: "101000", region: "Москва", city: "Москва", street: ["ул. Тестовая", "д. 1"] }],
  unit: Array.from({ length: 12 }, (_, i) => ({
    name: `Отделение ${i + 1}`,
    phone: [`+7 495 000-01-${10 + i}`],
  })),
};

export interface MappingCase {
  readonly name: "person" | "organization" | "profile";
  readonly map: string;
  readonly models: readonly LogicalModel[];
  readonly source: unknown;
  readonly sourceType: string;
}

const mapText = (name: string) => readFileSync(new URL(`${name}.fml`, import.meta.url), "utf8");

/** The three frozen cases; the third maps the first one's result on, FHIR to FHIR. */
export const cases: readonly MappingCase[] = [
  { name: "person", map: mapText("person"), models: [card], source: person, sourceType: "Card" },
  {
    name: "organization",
    map: mapText("organization"),
    models: [entry],
    source: organization,
    sourceType: "Entry",
  },
  {
    name: "profile",
    map: mapText("profile"),
    models: [],
    source: personByHand(person),
    sourceType: "Practitioner",
  },
];
