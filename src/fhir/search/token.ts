import { type IdentifierKind, identifierKindOf, identifierSystem } from "../../core/canonical.ts";
import { snilsDigits } from "../../core/identifiers.ts";
import type { Typed } from "./expression.ts";

/** One thing that a token parameter may find. */
export interface Token {
  readonly code: string;
  /** absent: the element has a code and no system */
  readonly system?: string;
  /** a `code` element, whose system its binding implies */
  readonly implied?: true;
}

interface Coded {
  system?: string;
  code?: string;
}

/** Tokens of a value of any type that a token parameter may meet (FHIR R4 3.1.1.4.10). */
export function tokensOf({ type, value }: Typed): Token[] {
  switch (type) {
    case "CodeableConcept":
      return ((value as { coding?: Coded[] }).coding ?? []).flatMap(tokenOfCoding);
    case "Coding":
      return tokenOfCoding(value as Coded);
    case "Identifier":
      return tokenOfIdentifier(value as { system?: string; value?: string });
    case "ContactPoint":
      return [value as { value?: string }].flatMap(({ value: address }) =>
        address === undefined ? [] : [{ code: contactOf(address) }],
      );
    case "code":
      return [{ code: String(value), implied: true }];
    default:
      return typeof value === "object" ? [] : [{ code: String(value) }];
  }
}

const tokenOfCoding = ({ system, code }: Coded): Token[] =>
  code === undefined ? [] : [{ code, ...(system !== undefined && { system }) }];

const tokenOfIdentifier = ({ system, value }: { system?: string; value?: string }): Token[] =>
  value === undefined ? [] : [systemFolded({ code: value, ...(system !== undefined && { system }) })];

/** A phone as its digits, an address of e-mail in small letters. */
export function contactOf(text: string): string {
  const digits = text.replace(/[\s()+-]/g, "");
  return /^\d{5,15}$/.test(digits) ? digits.replace(/^8(?=\d{10}$)/, "7") : text.trim().toLowerCase();
}

const bare: Readonly<Partial<Record<IdentifierKind, (value: string) => string>>> = {
  snils: (value) => snilsDigits(value) ?? value,
  oid: (value) => value.replace(/^urn:oid:/, ""),
};

/** One spelling for every alias of an identifier's system, and for its value. */
function systemFolded(token: Token): Token {
  const kind = token.system === undefined ? undefined : identifierKindOf(token.system);
  if (kind === undefined) return token;
  return { code: bare[kind]?.(token.code) ?? token.code, system: identifierSystem[kind] };
}

/** A code as it came and as the index writes it when it is an identifier that has several spellings. */
const spellingsOf = (code: string): string[] => [
  ...new Set([code, ...Object.values(bare).map((spell) => spell(code))]),
];

/** The forms in which a token is asked for: by code, by system and code, by system. */
export function formsOf({ code, system, implied }: Token): string[][] {
  if (implied)
    return [
      ["code", code],
      ["implied", code],
    ];
  if (system === undefined)
    return [
      ["code", code],
      ["token", "", code],
    ];
  return [
    ["code", code],
    ["token", system, code],
    ["system", system],
  ];
}

/**
 * The forms that satisfy what was asked: `code`, `system|code`, `|code` or `system|`; `implied` when an element may
 * be a `code`. One form where one is enough: PostgreSQL reads one list in the order of the page.
 */
export function formsAsked(asked: { system?: string; code?: string }, implied: boolean): string[][] {
  const { system, code } = asked;
  if (code === undefined) return [["system", systemFolded({ code: "", system: system ?? "" }).system ?? ""]];
  if (system === undefined) return spellingsOf(code).map((spelling) => ["code", spelling]);
  if (system === "") return [["token", "", code]];
  const folded = systemFolded({ code, system });
  const form = ["token", folded.system ?? "", folded.code];
  return implied ? [form, ["implied", code]] : [form];
}
