import { choiceProperty } from "../../fml/types.ts";
import { type Constraint, constraintOf } from "./invariants.ts";
import { primitiveForm } from "./primitives.ts";
import type { AllowedCodes, Rules, TypeRule } from "./rules.ts";

/** What may stand under one name of a JSON object. */
export interface Property {
  /** the element's name in the definition: `value` for `valueQuantity` */
  readonly element: string;
  /** its step in FHIRPath: `value.ofType(Quantity)` */
  readonly step: string;
  readonly type: string;
  readonly array: boolean;
  readonly choice: boolean;
  /** `_name`, the id and extensions of a primitive */
  readonly companion: boolean;
  readonly form: ((value: unknown) => boolean) | undefined;
  readonly codes: AllowedCodes | undefined;
  readonly targets: readonly string[] | undefined;
  readonly constraints: readonly Constraint[];
}

/** A type as its JSON objects are checked. */
export interface Shape {
  readonly name: string;
  readonly isResource: boolean;
  readonly properties: ReadonlyMap<string, Property>;
  /** mandatory elements: at least one of the properties must be there */
  readonly required: readonly { readonly element: string; readonly properties: readonly string[] }[];
  readonly constraints: readonly Constraint[];
}

/** Shapes of R4's types, each made when it is first met. */
export class Shapes {
  readonly rules: Rules;
  readonly #shapes = new Map<string, Shape>();

  constructor(rules: Rules) {
    this.rules = rules;
  }

  /** the shape of a type; undefined for one that R4 does not have */
  of(name: string): Shape | undefined {
    const known = this.#shapes.get(name);
    if (known) return known;
    const type = this.rules.types.get(name);
    if (type === undefined) return undefined;
    const shape = this.#shapeOf(type);
    this.#shapes.set(name, shape);
    return shape;
  }

  isResource(name: string): boolean {
    const type = this.rules.types.get(name);
    return type?.kind === "resource" && type.abstract !== true;
  }

  #shapeOf(type: TypeRule): Shape {
    const names = Object.keys(type.elements);
    return {
      name: type.name,
      isResource: type.kind === "resource",
      properties: new Map(names.flatMap((element) => this.#propertiesOf(type, element))),
      required: names
        .filter((element) => (type.elements[element]?.min ?? 0) > 0)
        .map((element) => ({
          element,
          properties: propertyNames(type, element).flatMap((n) => [n, `_${n}`]),
        })),
      constraints: this.#constraintsOf(type.constraints),
    };
  }

  #propertiesOf(type: TypeRule, element: string): [string, Property][] {
    const rule = type.elements[element];
    if (rule === undefined) return [];
    const choice = rule.choice === true;
    const shared = {
      element,
      array: rule.array,
      choice,
      codes: rule.codes === undefined ? undefined : this.rules.codes(rule.codes),
      targets: rule.targets,
      constraints: this.#constraintsOf(rule.constraints ?? []),
    };
    return rule.types.flatMap((typeName): [string, Property][] => {
      const name = choice ? choiceProperty(element, typeName) : element;
      const step = choice ? `${element}.ofType(${typeName})` : element;
      const form = primitiveForm(typeName);
      const own: Property = { ...shared, step, type: typeName, companion: false, form };
      if (form === undefined) return [[name, own]];
      const companion = { ...own, type: "Element", companion: true, form: undefined, constraints: [] };
      return [
        [name, own],
        [`_${name}`, companion],
      ];
    });
  }

  #constraintsOf(ids: readonly string[]): readonly Constraint[] {
    return ids.map((id) => constraintOf(this.rules.constraint(id))).filter((each) => each !== undefined);
  }
}

function propertyNames(type: TypeRule, element: string): string[] {
  const { choice, types = [] } = type.elements[element] ?? {};
  return choice ? types.map((typeName) => choiceProperty(element, typeName)) : [element];
}
