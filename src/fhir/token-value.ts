import { type IdentifierKind, identifierKindOf } from "../core/canonical.ts";
import { GatewayError } from "../core/errors.ts";
import { isEnp, isInn, isOgrn, isOid, isSnils, snilsDigits } from "../core/identifiers.ts";

export interface IdentifierValue {
  kind: IdentifierKind;
  value: string;
}

/** Reads the token `system|value` of an identifier (FHIR R4 3.1.1.4.10); undefined for a system foreign to us. */
export function identifierOf(token: string, field: string): IdentifierValue | undefined {
  const bar = token.indexOf("|");
  if (bar < 0)
    throw new GatewayError("bad-request", { field, detail: "an identifier is searched as system|value" });
  const kind = identifierKindOf(token.slice(0, bar));
  return kind && { kind, value: checked(kind, token.slice(bar + 1), field) };
}

const rules: Readonly<Partial<Record<IdentifierKind, (text: string) => boolean>>> = {
  inn: isInn,
  innOfLegalEntity: isInn,
  ogrn: isOgrn,
  enp: isEnp,
};

function checked(kind: IdentifierKind, text: string, field: string): string {
  if (kind === "snils") {
    if (!isSnils(text)) throw new GatewayError("invalid-snils", { field });
    return snilsDigits(text) ?? text;
  }
  if (kind === "oid") {
    const oid = text.replace(/^urn:oid:/, "");
    if (!isOid(oid)) throw new GatewayError("invalid-identifier", { field });
    return oid;
  }
  if (rules[kind] && !rules[kind](text)) throw new GatewayError("invalid-identifier", { field });
  return text;
}
