import type { ElementDefinition, TypeDefinition } from "./types.ts";

/** One element of a wire format. `max` above 1 or `*` makes an array; `attribute` an XML attribute. */
export interface ModelElement {
  readonly type: string;
  readonly min?: 0 | 1;
  readonly max?: number | "*";
  readonly attribute?: true;
}

/**
 * The content of `model.json`: the types of a wire format. Element types are names of this model's own types or of
 * FHIR primitives; the order of elements is the order that the wire format wants.
 */
export interface LogicalModel {
  readonly url: string;
  readonly root: string;
  readonly namespace?: string;
  readonly types: Readonly<Record<string, Readonly<Record<string, ModelElement>>>>;
}

/** The name of a model's type in a type table; two models may both have an `Address`. */
export function modelTypeName(model: Pick<LogicalModel, "url">, type: string): string {
  return `${model.url}#${type}`;
}

/** The types of a model, named so that they do not meet those of FHIR or of another model. */
export function typesFromModel(model: LogicalModel): readonly TypeDefinition[] {
  return Object.entries(model.types).map(([name, own]) => {
    const elements: Record<string, ElementDefinition> = {};
    for (const [element, { type, min = 0, max = 1, attribute }] of Object.entries(own)) {
      elements[element] = {
        types: [Object.hasOwn(model.types, type) ? modelTypeName(model, type) : type],
        array: max !== 1,
        min,
        ...(attribute === true ? { attribute } : {}),
      };
    }
    return { name: modelTypeName(model, name), kind: "logical", elements };
  });
}
