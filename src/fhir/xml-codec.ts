import type { Resource } from "@medplum/fhirtypes";
import { GatewayError } from "../core/errors.ts";
import { XmlError } from "../xml/error.ts";
import { type ReadOptions, readXml } from "../xml/read.ts";
import type { XmlElement } from "../xml/tree.ts";
import { writeXml } from "../xml/write.ts";
import { DECIMAL_MARK, resourceElement } from "./json-to-xml.ts";
import { FHIR_NAMESPACE, resourceText } from "./xml-to-json.ts";

const MAX_DEPTH = 256;

/**
 * XML of a resource in the FHIR R4 format. Throws GatewayError "bad-request" with the element's path for what
 * the type does not have. A number is written as JavaScript writes it; `xmlOfJson` keeps its text.
 */
export function xmlOfResource(resource: Resource, { pretty = false }: { pretty?: boolean } = {}): string {
  return written(resource, pretty);
}

/**
 * A resource of its FHIR R4 XML. Throws GatewayError "bad-request" with the place or the path of the fault,
 * "payload-too-large" over a limit of the reader.
 */
export function resourceOfXml(xml: Uint8Array | string, limits?: ReadOptions): Resource {
  return JSON.parse(jsonOfXml(xml, limits)) as Resource;
}

/** JSON text of FHIR R4 XML, decimals with their text (1.00 stays 1.00); throws like `resourceOfXml`. */
export function jsonOfXml(xml: Uint8Array | string, limits?: ReadOptions): string {
  return coded(() => resourceText(readXml(xml, limits)));
}

/** FHIR R4 XML of a resource's JSON text, decimals with their text; throws like `xmlOfResource`. */
export function xmlOfJson(json: string): string {
  return written(parseKeepingDecimals(json));
}

function written(resource: unknown, pretty = false): string {
  return coded(() => {
    const root = resourceElement(resource);
    return writeXml(pretty ? indented(root) : root, { maxDepth: MAX_DEPTH });
  });
}

/** With a line for each element; space between elements means nothing, but in a narrative. */
function indented(element: XmlElement, indent = "\n"): XmlElement {
  if (element.children.length === 0 || element.ns !== FHIR_NAMESPACE) return element;
  const inner = `${indent}  `;
  const children = element.children.flatMap((child) =>
    typeof child === "string" ? [child] : [inner, indented(child, inner)],
  );
  return { ...element, children: [...children, indent] };
}

function coded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    const code = error.code === "limit-exceeded" ? "payload-too-large" : "bad-request";
    throw new GatewayError(code, { detail: error.message, cause: error });
  }
}

// strings are matched only to be stepped over; in text that is JSON each of them ends
const stringOrNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function parseKeepingDecimals(json: string): unknown {
  parse(json);
  return parse(
    json.replace(stringOrNumber, (token) =>
      token.startsWith('"') || String(Number(token)) === token ? token : JSON.stringify(DECIMAL_MARK + token),
    ),
  );
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // no cause: its message quotes the body
    throw new GatewayError("bad-request", { detail: "the body is not JSON" });
  }
}
