/** Base of our CodeSystems, profiles and extensions; frozen at 1.0 (decisions.md, Identifiers and codes). */
export const canonicalBase = "https://cabinet-gateway.example/fhir";

/** Identifier systems as the gateway emits them; older spellings are accepted through `identifierSystemOf`. */
export const identifierSystem = {
  snils: "urn:oid:1.2.643.100.3",
  inn: "urn:oid:1.2.643.3.131.1.1",
  innOfLegalEntity: "urn:oid:1.2.643.100.4",
  ogrn: "urn:oid:1.2.643.100.1",
  enp: `${canonicalBase}/NamingSystem/enp`,
  oid: "urn:ietf:rfc:3986",
  remd: "urn:oid:1.2.643.5.1.13.13.17.1.1",
} as const;

export type IdentifierKind = keyof typeof identifierSystem;

// spellings of the Russian core guide and of older exchanges; each stem is followed by the identifier's name
const aliasStems = [
  "https://fhir.ru/ig/core/systems/",
  "https://fhir.ru/ig/semd/systems/",
  "http://fhir.ru/ig/RuSEMD/systems/",
  "http://fhir.ru/core/systems/",
  "https://fhir.ru/core/sid/",
  "http://fhir.ru/core/sid/",
];
const aliasNames: Readonly<Record<string, IdentifierKind>> = {
  snils: "snils",
  inn: "inn",
  ogrn: "ogrn",
  oms: "enp",
  OMS: "enp",
  frmo: "oid",
};

const kinds = new Map<string, IdentifierKind>([
  ...aliasStems.flatMap((stem) =>
    Object.entries(aliasNames).map(([name, kind]) => [stem + name, kind] as const),
  ),
  ...Object.entries(identifierSystem).map(([kind, system]) => [system, kind as IdentifierKind] as const),
  ["urn:identity:snils:Patient", "snils"],
  ["urn:identity:enp:Patient", "enp"],
  ["urn:identity:inn", "inn"],
  ["urn:identity:ogrn", "ogrn"],
]);

/** The kind of identifier that a system URI stands for, aliases folded; undefined for a foreign system. */
export function identifierKindOf(system: string): IdentifierKind | undefined {
  return kinds.get(system);
}
