import type { Resource } from "@medplum/fhirtypes";

/** Media type of what is signed of a resource (FHIR R4 json.html, canonical JSON without meta and narrative). */
export const canonicalFormat =
  "application/fhir+json; canonicalization=http://hl7.org/fhir/canonicalization/json#static";

/** The bytes that stand for a resource in its signature: members in order, no spaces, neither `meta` nor `text`. */
export function canonicalForm(resource: Resource): Uint8Array {
  const { meta: _meta, text: _text, ...signed } = resource as Resource & { text?: unknown };
  return Buffer.from(JSON.stringify(inOrder(signed)));
}

function inOrder(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(inOrder);
  if (typeof node !== "object" || node === null) return node;
  const members = Object.entries(node).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(members.map(([name, value]) => [name, inOrder(value)]));
}
