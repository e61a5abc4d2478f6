import type { LogicalModel, ModelElement } from "../../fml/logical-model.ts";
import { checkedTime } from "../../fml/runtime-values.ts";
import type { XmlModel } from "../../xml/model.ts";

/** Where content does not keep to its model: an element's path and what kind of thing stands there. */
export interface ShapeProblem {
  readonly path: string;
  readonly kind: string;
}

type Models = Readonly<Record<string, XmlModel>>;

/** How XML of each type of a logical model is read and written; types may refer to themselves. */
export function xmlModelsOf({ types, namespace }: LogicalModel): Models {
  const models: Record<string, { elements: Map<string, object>; attributes: string[] }> = {};
  for (const name of Object.keys(types)) models[name] = { elements: new Map(), attributes: [] };
  for (const [name, elements] of Object.entries(types))
    for (const [element, { type, max = 1, attribute }] of Object.entries(elements)) {
      const place = { array: max !== 1, ...(namespace !== undefined && { ns: namespace }) };
      const content = Object.hasOwn(models, type) ? { content: models[type] } : {};
      if (attribute) models[name]?.attributes.push(element);
      else models[name]?.elements.set(element, { ...place, ...content });
    }
  return models as Models;
}

/** Checks content against a type of a model, which the map takes for granted; null counts as absent. */
export function shapeProblem(
  model: LogicalModel,
  type: string,
  value: unknown,
  path = type,
): ShapeProblem | undefined {
  const own = Object.hasOwn(model.types, type) ? model.types[type] : undefined;
  if (!own) return primitiveProblem(type, value, path);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { path, kind: `${kindOf(value)} in place of an object` };
  const members = value as Readonly<Record<string, unknown>>;
  for (const [name, element] of Object.entries(own)) {
    const problem = memberProblem(model, element, members[name] ?? undefined, `${path}.${name}`);
    if (problem) return problem;
  }
  return undefined;
}

const times = new Set(["date", "dateTime", "instant", "time"]);

function primitiveProblem(type: string, value: unknown, path: string): ShapeProblem | undefined {
  if (typeof value === "object") return { path, kind: `${kindOf(value)} in place of text` };
  // the map copies a date as it is: 31.02 must stop here
  if (!times.has(type) || value === "") return undefined;
  try {
    checkedTime(type, value, refuse);
    return undefined;
  } catch (error) {
    if (!(error instanceof NoTime)) throw error;
    return { path, kind: error.message };
  }
}

class NoTime extends Error {}

function refuse(kind: string): never {
  throw new NoTime(kind);
}

function memberProblem(
  model: LogicalModel,
  { type, min = 0, max = 1 }: ModelElement,
  value: unknown,
  path: string,
): ShapeProblem | undefined {
  if (value === undefined) return min > 0 ? { path, kind: "nothing where an element is due" } : undefined;
  if (max === 1) return shapeProblem(model, type, value, path);
  if (!Array.isArray(value)) return { path, kind: `${kindOf(value)} in place of an array` };
  for (const [index, item] of value.entries()) {
    const problem = shapeProblem(model, type, item, `${path}[${index}]`);
    if (problem) return problem;
  }
  return undefined;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
