import { GatewayError, isGatewayError } from "../core/errors.ts";
import { type DataKey, openValue, sealValue } from "../crypto/envelope.ts";
import { CryptoError } from "../crypto/errors.ts";

/** The version that a content belongs to; sealed bytes open nowhere else. */
export interface ContentPlace {
  tenant: string;
  type: string;
  id: string;
  version: number;
}

/** Types that may lie in clear when their writer says so: they are published and about no person. */
const publicTypes: ReadonlySet<string> = new Set([
  "CapabilityStatement",
  "CodeSystem",
  "ConceptMap",
  "HealthcareService",
  "ImplementationGuide",
  "Location",
  "NamingSystem",
  "OperationDefinition",
  "Organization",
  "Schedule",
  "SearchParameter",
  "Slot",
  "StructureDefinition",
  "StructureMap",
  "ValueSet",
]);

/** True for content that may lie in clear. */
export function isPublicContent(place: { type: string; subject?: string | null }): boolean {
  return !place.subject && publicTypes.has(place.type);
}

// the first byte of a sealed value is its version; JSON of an object begins so
const openBrace = 0x7b;

/** True when the content lies in clear, and may: elsewhere clear content was put in place of sealed. */
export function isInClear(content: Uint8Array, place: { type: string; subject?: string | null }): boolean {
  return content[0] === openBrace && isPublicContent(place);
}

/** Seals JSON for one version; the same bytes serve the current row and its history. */
export function sealContent(key: DataKey, content: object, place: ContentPlace): Uint8Array {
  return sealValue(key, Buffer.from(JSON.stringify(content)), envelopePlace(place));
}

/** Opens what `sealContent` made; throws CryptoError when it was made for another place or under another key. */
export function openContent(key: DataKey, sealed: Uint8Array, place: ContentPlace): object {
  return fromJson(openValue(key, sealed, envelopePlace(place)));
}

/** `stored-data-altered` for what a seal refuses; every other error as it is. */
export const alteredOr = (cause: unknown, { type, id, version }: ContentPlace): unknown =>
  cause instanceof CryptoError
    ? new GatewayError("stored-data-altered", { detail: `${type}/${id} version ${version}`, cause })
    : cause;

/** What it opens to; nothing when that is `stored-data-altered`. */
export async function unlessAltered<T>(opening: Promise<T>, leftOut?: () => void): Promise<T[]> {
  try {
    return [await opening];
  } catch (error) {
    if (!isGatewayError(error) || error.code !== "stored-data-altered") throw error;
    leftOut?.();
    return [];
  }
}

export function fromJson(bytes: Uint8Array): object {
  return JSON.parse(Buffer.from(bytes).toString("utf8"));
}

const envelopePlace = ({ tenant, type, id, version }: ContentPlace) => ({
  tenant,
  table: "resource",
  column: "content",
  row: JSON.stringify([type, id, version]),
});
