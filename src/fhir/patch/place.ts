import { GatewayError } from "../../core/errors.ts";
import { FhirPathError, FmlSyntaxError } from "../../fml/errors.ts";
import { evaluate } from "../../fml/fhirpath.ts";
import type { Expression, Member } from "../../fml/fhirpath-ast.ts";
import { type Node, nodeOf } from "../../fml/fhirpath-node.ts";
import { parseFhirPath } from "../../fml/fhirpath-parser.ts";
import { choiceProperty, findElement, type ResolvedElement, type TypeTable } from "../../fml/types.ts";

export type Members = Record<string, unknown>;

/** Where one element stands: a property of its owner, and its index when the property is a list. */
export interface Place {
  owner: Members;
  property: string;
  index?: number;
  /** undefined where no type tells */
  element?: ResolvedElement;
}

/** Finds places in one resource by FHIRPath. Throws GatewayError `bad-request` for a path that is none. */
export class Places {
  readonly #root: Node;
  readonly #types: TypeTable;

  constructor(resource: object, types: TypeTable) {
    this.#root = nodeOf("Resource", resource);
    this.#types = types;
  }

  /** The one element that a path names as an owner of others; `validation-failed` for none or several. */
  ownerAt(path: string): { members: Members; type: string | undefined } {
    const [node, ...others] = this.#evaluate(parsed(path));
    if (others.length > 0) throw misfit(path, "names several elements");
    if (typeof node?.value !== "object" || node.value === null) throw misfit(path, "names no element");
    return { members: node.value as Members, type: node.type };
  }

  /** The place of one element; undefined where there is none; `validation-failed` for several. */
  placeAt(path: string): Place | undefined {
    const expression = parsed(path);
    const nodes = this.#evaluate(expression);
    if (nodes.length > 1) throw misfit(path, "names several elements");
    const [node] = nodes;
    if (!node) return undefined;
    const all = this.#placesOf(memberOf(expression, path));
    const same = all.filter((place) => valueAt(place) === node.value);
    const [place, another] = same;
    if (place && !another) return place;
    const index = literalIndex(expression);
    const counted = index === undefined ? undefined : all[index];
    if (counted) return counted;
    throw misfit(path, "does not tell which of the equal values is meant: use an index");
  }

  /** The list that a path names, whether it is there or not. */
  listAt(path: string): Place & { element: ResolvedElement } {
    const expression = parsed(path);
    if (expression.kind !== "member") throw misfit(path, "names no list");
    const [owner, ...others] = this.#ownersOf(expression);
    if (!owner || others.length > 0) throw misfit(path, "names no single list");
    const definition = owner.type === undefined ? undefined : this.#types.get(owner.type);
    const element = definition && findElement(definition, expression.name);
    if (!element?.array) throw misfit(path, "names no list");
    return { owner: owner.value as Members, property: element.property, element };
  }

  #ownersOf({ target }: Member): readonly Node[] {
    const owners = target === undefined ? [this.#root] : this.#evaluate(target);
    return owners.filter(({ value }) => typeof value === "object" && value !== null);
  }

  #placesOf(member: Member): Place[] {
    return this.#ownersOf(member).flatMap(({ value, type }) => {
      const owner = value as Members;
      const definition = type === undefined ? undefined : this.#types.get(type);
      const element = definition && findElement(definition, member.name);
      const variants = element?.choice
        ? element.types.map((one) => choiceProperty(member.name, one))
        : [member.name];
      return variants
        .filter((property) => Object.hasOwn(owner, property))
        .flatMap((property) => {
          const list = owner[property];
          return Array.isArray(list)
            ? list.map((_, index) => ({ owner, property, index, element }))
            : [{ owner, property, element }];
        });
    });
  }

  #evaluate(expression: Expression): readonly Node[] {
    try {
      return evaluate(expression, [this.#root], { types: this.#types });
    } catch (error) {
      if (!(error instanceof FhirPathError)) throw error;
      throw new GatewayError("bad-request", { field: "path", detail: error.message });
    }
  }
}

const valueAt = ({ owner, property, index }: Place): unknown =>
  index === undefined ? owner[property] : (owner[property] as readonly unknown[])[index];

function parsed(path: string): Expression {
  try {
    return parseFhirPath(path);
  } catch (error) {
    if (!(error instanceof FmlSyntaxError)) throw error;
    throw new GatewayError("bad-request", { field: "path", detail: error.message });
  }
}

/** The last step of a path that names an element; what stands after it only picks. */
function memberOf(expression: Expression, path: string): Member {
  if (expression.kind === "member") return expression;
  if (expression.kind === "index") return memberOf(expression.target, path);
  if (expression.kind === "type") return memberOf(expression.operand, path);
  if (expression.kind === "call" && expression.target) return memberOf(expression.target, path);
  throw misfit(path, "does not end in an element");
}

const literalIndex = (expression: Expression): number | undefined =>
  expression.kind === "index" && expression.index.kind === "literal"
    ? Number(expression.index.value)
    : undefined;

export const misfit = (path: string, why: string): GatewayError =>
  new GatewayError("validation-failed", { field: path, detail: `the path of the patch ${why}` });
