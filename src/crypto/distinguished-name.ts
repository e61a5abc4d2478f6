import { childrenOf, type DerElement, readOid, readText } from "./der-read.ts";
import { derOid, derSequence, derSet, derText, TAG } from "./der-write.ts";

/** Subject attributes of Russian certificates beside the usual ones (RFC 9215; order 795 of the federal security service). */
const NAME_OIDS = {
  commonName: "2.5.4.3",
  surname: "2.5.4.4",
  country: "2.5.4.6",
  locality: "2.5.4.7",
  state: "2.5.4.8",
  street: "2.5.4.9",
  organization: "2.5.4.10",
  organizationalUnit: "2.5.4.11",
  title: "2.5.4.12",
  givenName: "2.5.4.42",
  email: "1.2.840.113549.1.9.1",
  ogrn: "1.2.643.100.1",
  snils: "1.2.643.100.3",
  innLegalEntity: "1.2.643.100.4",
  ogrnip: "1.2.643.100.5",
  inn: "1.2.643.3.131.1.1",
} as const;

export type NameField = keyof typeof NAME_OIDS;
export type NameFields = { readonly [field in NameField]?: string };

export interface DistinguishedName {
  readonly der: Uint8Array;
  /** The first value of each field that we know by name. */
  readonly fields: NameFields;
  /** Everything in the order of the name. */
  readonly attributes: readonly { oid: string; value: string }[];
}

const STRING_TYPES: { readonly [field in NameField]?: number } = {
  country: TAG.printableString,
  email: TAG.ia5String,
  ogrn: TAG.numericString,
  snils: TAG.numericString,
  innLegalEntity: TAG.numericString,
  ogrnip: TAG.numericString,
  inn: TAG.numericString,
};

const fieldByOid = new Map(
  Object.entries(NAME_OIDS).map(([field, oid]) => [oid as string, field as NameField]),
);

/** Reads a Name; attributes that we do not know by name stay in `attributes`. */
export function parseName(element: DerElement): DistinguishedName {
  const attributes = childrenOf(element)
    .flatMap(childrenOf)
    .flatMap((attribute) => {
      const [type, value] = childrenOf(attribute);
      return value ? [{ oid: readOid(type), value: readText(value) }] : [];
    });
  const fields: { [field in NameField]?: string } = {};
  for (const { oid, value } of attributes) {
    const field = fieldByOid.get(oid);
    if (field) fields[field] ??= value;
  }
  return { der: element.bytes, fields, attributes };
}

/** Writes a Name with one attribute in each RDN, in the order of the object's keys. */
export function encodeName(fields: NameFields): Uint8Array {
  const present = Object.entries(fields) as [NameField, string][];
  return derSequence(
    ...present.map(([field, value]) =>
      derSet(derSequence(derOid(NAME_OIDS[field]), derText(value, STRING_TYPES[field] ?? TAG.utf8String))),
    ),
  );
}
