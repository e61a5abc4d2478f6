import type { XmlElementModel, XmlModel } from "../xml/model.ts";
import type { LogicalModel, ModelElement } from "./logical-model.ts";

/** How XML of one of a model's types becomes the object that a map sees; for `toObject` and `fromObject` of src/xml. */
export function xmlModelOf(model: LogicalModel, type = model.root): XmlModel {
  return contentOf(model, type, new Map());
}

function contentOf(model: LogicalModel, type: string, known: Map<string, XmlModel>): XmlModel {
  const found = known.get(type);
  if (found !== undefined) {
    return found;
  }
  const members = Object.entries(model.types[type] ?? {});
  const attributes = members.filter(([, { attribute }]) => attribute === true).map(([name]) => name);
  const elements = new Map<string, XmlElementModel>();
  const made: XmlModel = { elements, ...(attributes.length === 0 ? {} : { attributes }) };
  // known before its members: a type may hold itself
  known.set(type, made);
  for (const [name, element] of members) {
    if (element.attribute !== true) {
      elements.set(name, elementOf(model, element, known));
    }
  }
  return made;
}

function elementOf(
  model: LogicalModel,
  { type, max = 1 }: ModelElement,
  known: Map<string, XmlModel>,
): XmlElementModel {
  return {
    array: max !== 1,
    ...(model.namespace === undefined ? {} : { ns: model.namespace }),
    ...(Object.hasOwn(model.types, type) ? { content: contentOf(model, type, known) } : {}),
  };
}
