import type { CodeSystem, CodeSystemConcept } from "@medplum/fhirtypes";
import type { DataAnswer, PassportAnswer } from "./wire.ts";

/** Raised with every change of what is made of a dictionary here: answers kept in Redis outlive a release. */
export const codeSystemVersion = "1";

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

/** A dictionary as a CodeSystem (decisions.md, НСИ): url by the primary OID, other OIDs as identifiers. */
export function codeSystemOf(passport: PassportAnswer, rows: readonly Row[]): CodeSystem {
  const columns = keyColumnsOf(passport);
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
    count: rows.length,
    concept: rows.map((row) => conceptOf(row, columns)).filter((concept) => concept !== undefined),
  };
}

function conceptOf(row: Row, { code, display }: KeyColumns): CodeSystemConcept | undefined {
  const value = (column: string) => row.find((cell) => cell.column === column)?.value;
  const text = value(code);
  if (text === null || text === undefined || text === "") return undefined;
  const name = value(display);
  return { code: String(text), ...(name && { display: String(name) }) };
}
