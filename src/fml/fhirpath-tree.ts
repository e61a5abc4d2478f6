import { FhirPathError } from "./errors.ts";
import type { Expression } from "./fhirpath-ast.ts";
import {
  allChildren,
  bool,
  childrenOf,
  isObject,
  maxItems,
  type Node,
  nodeOf,
  type PathFunction,
  type Scope,
  system,
  systemType,
} from "./fhirpath-node.ts";
import { single } from "./fhirpath-singleton.ts";
import { isSubtype, type TypeTable } from "./types.ts";

type Nodes = readonly Node[];

const coreProfile = "http://hl7.org/fhir/StructureDefinition/";

/** The type that an argument names: `Patient`, `FHIR.Patient`, `System.String`. */
export function typeNameOf(expression: Expression | undefined): string {
  if (expression?.kind === "member") {
    return expression.target === undefined
      ? expression.name
      : `${typeNameOf(expression.target)}.${expression.name}`;
  }
  throw new FhirPathError("the name of a type was expected");
}

/** Whether a node is of a type or of one derived from it; `System.` and `FHIR.` narrow where the name is looked up. */
export function isOfType(types: TypeTable, node: Node, name: string): boolean {
  if (name.startsWith("System.")) {
    return node.type === name || (node.type === undefined && systemType(types, node) === name.slice(7));
  }
  const wanted = name.replace(/^FHIR\./, "");
  if (node.type === undefined || node.type.startsWith("System.")) {
    return !name.startsWith("FHIR.") && systemType(types, node) === wanted;
  }
  return isSubtype(types, node.type, wanted) || node.type.endsWith(`#${wanted}`);
}

// a code is a string to `is`, but `as` and `ofType` pick primitives of just the type that they name
function isExactly(types: TypeTable, node: Node, name: string): boolean {
  const isPrimitive = node.type !== undefined && types.get(node.type)?.kind === "primitive";
  return isOfType(types, node, name) && (!isPrimitive || node.type === name.replace(/^FHIR\./, ""));
}

function descendants(input: Nodes, types: TypeTable): Nodes {
  const found: Node[] = [];
  let open = input;
  while (open.length > 0) {
    open = open.flatMap((node) => allChildren(node, types));
    found.push(...open);
    if (found.length > maxItems) {
      throw new FhirPathError("too many descendants");
    }
  }
  return found;
}

function extensions(input: Nodes, [url]: readonly Expression[], scope: Scope): Nodes {
  const wanted = url === undefined ? undefined : single(scope.evaluate(url, {}))?.value;
  return input
    .flatMap((node) => childrenOf(node, "extension", scope.types))
    .filter(({ value }) => isObject(value) && value["url"] === wanted);
}

// only what the document itself holds: a map never reads anything else
function resolve(node: Node, root: Node | undefined): Nodes {
  const reference = isObject(node.value) ? node.value["reference"] : node.value;
  const document = root?.value;
  if (typeof reference !== "string" || !isObject(document)) {
    return [];
  }
  const listed = (key: string) => (Array.isArray(document[key]) ? (document[key] as readonly unknown[]) : []);
  const contained = listed("contained").find((r) => isObject(r) && `#${r["id"]}` === reference);
  const entry = listed("entry").find((e) => {
    const resource = isObject(e) ? e["resource"] : undefined;
    const own = isObject(resource) ? `${resource["resourceType"]}/${resource["id"]}` : undefined;
    return isObject(e) && (e["fullUrl"] === reference || own === reference);
  });
  const found = contained ?? (isObject(entry) ? entry["resource"] : undefined);
  return isObject(found) ? [nodeOf("Resource", found)] : [];
}

function conformsTo(input: Nodes, [profile]: readonly Expression[], scope: Scope): Nodes {
  const url = profile === undefined ? undefined : single(scope.evaluate(profile, {}))?.value;
  const type = typeof url === "string" && url.startsWith(coreProfile) ? url.slice(coreProfile.length) : "";
  if (!scope.types.has(type)) {
    throw new FhirPathError("conformsTo knows only the base types of FHIR");
  }
  const node = single(input);
  return bool(node !== undefined && isOfType(scope.types, node, type));
}

function typeInfo(node: Node, types: TypeTable): Node {
  const { type } = node;
  const isSystem = type === undefined || type.startsWith("System.");
  const name = isSystem ? (systemType(types, node) ?? "Any") : type;
  return { type: "System.TypeInfo", value: { namespace: isSystem ? "System" : "FHIR", name } };
}

const plain = (run: (input: Nodes, scope: Scope) => Nodes): PathFunction => ({
  min: 0,
  max: 0,
  run: (input, _args, scope) => run(input, scope),
});

const withType = (run: (input: Nodes, type: string, types: TypeTable) => Nodes): PathFunction => ({
  min: 1,
  max: 1,
  run: (input, [type], { types }) => run(input, typeNameOf(type), types),
});

const hasValue = (input: Nodes, types: TypeTable) =>
  input.length === 1 && input[0]?.value !== undefined && systemType(types, input[0]) !== undefined;

/** FHIRPath 2.0 sections 5.8, 5.9 and 6.3, and FHIR's own functions. */
export const treeFunctions: Readonly<Record<string, PathFunction>> = {
  children: plain((input, { types }) => input.flatMap((node) => allChildren(node, types))),
  descendants: plain((input, { types }) => descendants(input, types)),
  is: withType((input, type, types) => {
    const node = single(input);
    return node === undefined ? [] : bool(isOfType(types, node, type));
  }),
  as: withType((input, type, types) => {
    const node = single(input);
    return node !== undefined && isExactly(types, node, type) ? [node] : [];
  }),
  ofType: withType((input, type, types) => input.filter((node) => isExactly(types, node, type))),
  type: plain((input, { types }) => input.map((node) => typeInfo(node, types))),
  extension: { min: 1, max: 1, run: extensions },
  hasValue: plain((input, { types }) => bool(hasValue(input, types))),
  getValue: plain((input, { types }) =>
    input.flatMap((node) =>
      hasValue(input, types) ? [system(systemType(types, node) ?? "String", node.value)] : [],
    ),
  ),
  resolve: plain((input, { root }) => input.flatMap((node) => resolve(node, root[0]))),
  conformsTo: { min: 1, max: 1, run: conformsTo },
  trace: {
    min: 1,
    max: 2,
    run(input, [name], scope) {
      const label = name === undefined ? "" : single(scope.evaluate(name, {}))?.value;
      scope.log?.(`${String(label)}: ${input.length} items`);
      return input;
    },
  },
  now: plain((_input, { now }) => [system("DateTime", now)]),
  today: plain((_input, { now }) => [system("Date", now.slice(0, 10))]),
  timeOfDay: plain((_input, { now }) => [system("Time", now.slice(11, 23))]),
};
