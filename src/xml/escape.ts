import { isXmlCharacter } from "./characters.ts";
import type { XmlEncoding } from "./decode.ts";
import { XmlError } from "./error.ts";

// characters that need a look: markup, controls, surrogates, the two non-characters
const special = {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
  text: /[\0-\x08\x0b-\x1f&<>\ud800-\udfff\ufffe\uffff]/,
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
  attribute: /[\0-\x1f&<"\ud800-\udfff\ufffe\uffff]/,
};

const escapes: Readonly<Record<keyof typeof special, ReadonlyMap<string, string>>> = {
  // > is escaped for "]]>", CR and an attribute's white space for what readers make of them
  text: new Map([..."&<>\r"].map((each) => [each, reference(each)])),
  attribute: new Map([...'&<"\t\n\r'].map((each) => [each, reference(each)])),
};

const cyrillic = new TextDecoder("windows-1251")
  .decode(Uint8Array.from({ length: 128 }, (_, i) => i + 128).filter((byte) => byte !== 0x98))
  .replace(/[\]\\^-]/g, "\\$&");
const outside1251 = new RegExp(`[^\\x00-\\x7f${cyrillic}]`, "gu");

/** A value as text or attribute of a document; throws XmlError for what no document can hold. */
export function escapeValue(value: string, as: keyof typeof special, encoding: XmlEncoding): string {
  const escaped = special[as].test(value) ? escapeAll(value, escapes[as]) : value;
  return encoding === "utf-8" ? escaped : escaped.replace(outside1251, reference);
}

/** Whether a name can be written in the encoding; a name has no references. */
export function fits(name: string, encoding: XmlEncoding): boolean {
  return encoding === "utf-8" || name.search(outside1251) === -1;
}

function escapeAll(value: string, table: ReadonlyMap<string, string>): string {
  let escaped = "";
  for (const character of value) {
    if (!isXmlCharacter(character.codePointAt(0) ?? 0)) {
      throw new XmlError("invalid-character", "a character that no XML document can hold");
    }
    escaped += table.get(character) ?? character;
  }
  return escaped;
}

function reference(character: string): string {
  const named = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }[character];
  return named ?? `&#x${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()};`;
}
