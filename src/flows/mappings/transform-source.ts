import { GatewayError } from "../../core/errors.ts";
import { parseJson } from "../../fhir/json-body.ts";
import { resourceElement } from "../../fhir/json-to-xml.ts";
import type { OperationContent } from "../../fhir/provider.ts";
import { resourceOfXml } from "../../fhir/xml-codec.ts";
import type { LogicalModel } from "../../fml/logical-model.ts";
import { XmlError } from "../../xml/error.ts";
import { toObject } from "../../xml/object.ts";
import { readXml } from "../../xml/read.ts";
import { elementsOf, type XmlElement } from "../../xml/tree.ts";
import type { CatalogueMap, WireFacts } from "./catalogue.ts";
import { shapeProblem, xmlModelsOf } from "./wire-model.ts";

/** Members of the model's root that the map takes beside the message, by name. */
export type MapParameters = (name: string, type: string) => string;

/**
 * The source document of a map, checked: a FHIR resource, or the message in its wire format. Throws GatewayError
 * `bad-request` for what can't be read and `mapping-refused` for what is not of the map's model.
 */
export function sourceOf(
  { map, message }: CatalogueMap,
  content: OperationContent,
  parameters: MapParameters,
): unknown {
  const { model, wire } = message;
  const isWire = map.uses.some(({ mode, url }) => mode === "source" && url === model?.url);
  if (!model || !isWire) return fhirSource(content, model !== undefined);
  const recordType = recordTypeOf(model, wire);
  const record = recordOf({ model, wire, recordType }, content);
  const problem = shapeProblem(model, recordType, record, wire.root);
  if (problem) throw new GatewayError("mapping-refused", { field: problem.path, detail: problem.kind });
  if (wire.parameters.length === 0) return record;
  const beside = wire.parameters.map((name) => {
    const { type = "string" } = model.types[model.root]?.[name] ?? {};
    return [name, parameters(name, type)] as const;
  });
  return { ...Object.fromEntries(beside), [wire.root]: record };
}

/** The type of the message itself: the model's root, or its part when parameters stand beside it. */
export function recordTypeOf(model: LogicalModel, { root, parameters }: WireFacts): string {
  const part = parameters.length > 0 ? model.types[model.root]?.[root]?.type : undefined;
  return part ?? model.root;
}

function fhirSource(content: OperationContent, checked: boolean): unknown {
  const resource = content.format === "xml" ? resourceOfXml(content.bytes) : content.value;
  if (checked) resourceElement(resource);
  return resource;
}

interface Wire {
  model: LogicalModel;
  wire: WireFacts;
  recordType: string;
}

function recordOf({ model, wire, recordType }: Wire, content: OperationContent): unknown {
  if (content.format === "json") return content.value;
  if (model.namespace === undefined)
    throw new GatewayError("bad-request", { field: "content", detail: "the messages of this map are JSON" });
  try {
    const record = recordIn(readXml(content.bytes), wire.root, model.namespace);
    return toObject(record, xmlModelsOf(model)[recordType]);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    const code = error.code === "limit-exceeded" ? "payload-too-large" : "bad-request";
    throw new GatewayError(code, { field: "content", detail: error.message, cause: error });
  }
}

/** The record as the document's root or as the only one of a list, as an exchange file has it. */
function recordIn(root: XmlElement, name: string, namespace: string): XmlElement {
  if (root.name === name && root.ns === namespace) return root;
  const [only, ...more] = elementsOf(root, name, namespace);
  if (only && more.length === 0) return only;
  const detail = `one ${name} of the namespace ${namespace} is due`;
  throw new GatewayError("mapping-refused", { field: name, detail });
}

/** Content that came as text: XML or JSON by its first character. */
export function contentOfText(text: string): OperationContent {
  return /^\s*</.test(text) ? { format: "xml", bytes: text } : { format: "json", value: parseJson(text) };
}
