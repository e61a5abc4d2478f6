import type { CodeSystem, CodeSystemConcept } from "@medplum/fhirtypes";
import type { DataAnswer, PassportAnswer } from "./wire.ts";

/** Raised with every change of what is made of a dictionary here: answers kept in Redis outlive a release. */
export const codeSystemVersion = "2";

interface KeyColumns {
  code: string;
  display: string;
}

// passports lie about these (fact sheet 2.1): which column really is the code, and which the name
const curated: Readonly<Record<string, Partial<KeyColumns>>> = {
  "1.2.643.5.1.13.13.11.1005": { code: "MKB_CODE", display: "MKB_NAME" },
  "1.2.643.5.1.13.13.11.1070": { code: "S_CODE", display: "NAME" },
  "1.2.643.5.1.13.13.99.2.197": { code: "CODE", display: "NAME" },
  "1.2.643.5.1.13.13.99.2.368": { code: "CODE_ROLE", display: "NAME_ROLE" },
  "1.2.643.5.1.13.13.99.2.206": { code: "CODE_FNS", display: "SUBJECT" },
  "1.2.643.5.1.13.13.11.1504": { display: "ADDRESS_TYPE" },
  "1.2.643.5.1.13.13.11.1080": { display: "FULLNAME" },
  "1.2.643.5.1.13.13.11.1081": { display: "SPECIMEN" },
  "1.2.643.5.1.13.13.11.1358": { display: "SHORTNAME" },
  "1.2.643.5.1.13.13.11.1551": { display: "S_NAME" },
  "1.2.643.5.1.13.13.11.1077": { display: "FULL_NAME" },
  "1.2.643.5.1.13.13.11.1471": { display: "FULLNAME" },
  "1.2.643.5.1.13.13.11.1078": { display: "NAMESH" },
  "1.2.643.5.1.13.13.11.1437": { display: "Description" },
  "1.2.643.5.1.13.13.99.2.611": { code: "smnn_code", display: "standard_inn" },
  "1.2.643.5.1.13.13.99.2.713": { display: "NAME_FORM" },
  "1.2.643.5.1.13.13.99.2.608": { display: "Period" },
  "1.2.643.5.1.13.13.99.2.726": { display: "Type" },
  "1.2.643.5.1.13.13.99.2.651": { display: "Type" },
  "1.2.643.5.1.13.13.99.2.824": { display: "NAME_STAGE" },
};

/** The columns of a dictionary that hold its code and its name. */
function keyColumnsOf({ oid, keys = [] }: PassportAnswer): KeyColumns {
  const named = (type: string) => keys.find((key) => key.type === type)?.field;
  return { code: named("PRIMARY") ?? "ID", display: named("VALUE") ?? "NAME", ...curated[oid] };
}

type Row = DataAnswer["list"][number];
type Cells = ReadonlyMap<string, string>;

// names that dictionaries give to a row's first day, last day and being in force (fact sheet 2.1)
const starts = ["START_DATE", "DATA_BEGIN", "DATE_BEGIN"];
const ends = ["END_DATE", "DATA_END", "DATE_END", "DATEOUT"];
const inForce = ["ACTUAL", "REL"];

/**
 * A dictionary as a CodeSystem (decisions.md, НСИ): url by the primary OID, other OIDs as identifiers. A concept's
 * parent, days and withdrawal are properties of it; a parent that would close a circle is left out.
 */
export function codeSystemOf(passport: PassportAnswer, rows: readonly Row[]): CodeSystem {
  const columns = keyColumnsOf(passport);
  const cells = rows.map(cellsOf);
  const parents = parentsOf(passport, cells, columns);
  const concepts = new Map<string, CodeSystemConcept>();
  for (const row of cells) {
    const concept = conceptOf(row, columns, parents);
    // dictionaries repeat a code at times: the first row is the concept
    if (concept?.code !== undefined && !concepts.has(concept.code)) concepts.set(concept.code, concept);
  }
  return {
    resourceType: "CodeSystem",
    url: `urn:oid:${passport.oid}`,
    identifier: (passport.codes ?? [])
      .filter(({ type }) => type !== "TYPE_PRIMARY")
      .map(({ value }) => ({ system: "urn:ietf:rfc:3986", value: `urn:oid:${value}` })),
    version: passport.version,
    title: passport.fullName,
    status: "active",
    content: "complete",
    caseSensitive: true,
    ...(parents.size > 0 && { hierarchyMeaning: "is-a" }),
    count: concepts.size,
    property: [
      { code: "parent", uri: "http://hl7.org/fhir/concept-properties#parent", type: "code" },
      { code: "inactive", uri: "http://hl7.org/fhir/concept-properties#inactive", type: "boolean" },
      { code: "effectiveDate", type: "dateTime" },
      { code: "retirementDate", type: "dateTime" },
    ],
    concept: [...concepts.values()],
  };
}

const cellsOf = (row: Row): Cells =>
  new Map(
    row.flatMap(({ column, value }) =>
      value === null || value === "" ? [] : [[column, String(value)] as const],
    ),
  );

/** Code of the parent by code, where the passport names a column that refers to a row of the same dictionary. */
function parentsOf(
  { keys = [], hierarchical }: PassportAnswer,
  rows: readonly Cells[],
  { code }: KeyColumns,
): ReadonlyMap<string, string> {
  const column = keys.find(({ type }) => type === "FOREIGN")?.field;
  const id = keys.find(({ type }) => type === "PRIMARY")?.field ?? "ID";
  const parents = new Map<string, string>();
  if (!hierarchical || column === undefined) return parents;
  const codes = new Map(rows.flatMap((row) => pair(row.get(id), row.get(code))));
  for (const row of rows) {
    const [child, parent] = [row.get(code), codes.get(row.get(column) ?? "")];
    if (child !== undefined && parent !== undefined && !isAbove(parents, child, parent))
      parents.set(child, parent);
  }
  return parents;
}

const pair = (key: string | undefined, value: string | undefined): [string, string][] =>
  key === undefined || value === undefined ? [] : [[key, value]];

function isAbove(parents: ReadonlyMap<string, string>, code: string, below: string): boolean {
  for (let each: string | undefined = below; each !== undefined; each = parents.get(each))
    if (each === code) return true;
  return false;
}

function conceptOf(
  row: Cells,
  { code, display }: KeyColumns,
  parents: ReadonlyMap<string, string>,
): CodeSystemConcept | undefined {
  const text = row.get(code);
  if (text === undefined) return undefined;
  const name = row.get(display);
  const parent = parents.get(text);
  const [first, last] = [dayIn(row, starts), dayIn(row, ends)];
  const isInactive = inForce.some((column) => row.get(column) === "0");
  const property = [
    ...(parent === undefined ? [] : [{ code: "parent", valueCode: parent }]),
    ...(isInactive ? [{ code: "inactive", valueBoolean: true }] : []),
    ...(first === undefined ? [] : [{ code: "effectiveDate", valueDateTime: first }]),
    ...(last === undefined ? [] : [{ code: "retirementDate", valueDateTime: last }]),
  ];
  return {
    code: text,
    ...(name !== undefined && { display: name }),
    ...(property.length > 0 && { property }),
  };
}

/** The first of the columns that holds a day, as an ISO date; the service prints dd.MM.yyyy or ISO. */
function dayIn(row: Cells, columns: readonly string[]): string | undefined {
  for (const column of columns) {
    const [, day, month, year] = /^(\d\d)\.(\d\d)\.(\d{4})/.exec(row.get(column) ?? "") ?? [];
    if (year !== undefined) return `${year}-${month}-${day}`;
    const [iso] = /^\d{4}-\d\d-\d\d/.exec(row.get(column) ?? "") ?? [];
    if (iso !== undefined) return iso;
  }
  return undefined;
}
