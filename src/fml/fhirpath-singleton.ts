import { FhirPathError } from "./errors.ts";
import { type Node, systemType } from "./fhirpath-node.ts";
import type { TypeTable } from "./types.ts";

type Nodes = readonly Node[];

/** The only item of a collection, or undefined if it is empty. Throws FhirPathError on several items. */
export function single(nodes: Nodes): Node | undefined {
  if (nodes.length > 1) {
    throw new FhirPathError("one item was expected, several were found");
  }
  return nodes[0];
}

/** A collection in a place that takes a boolean: a lone item that is no boolean counts as true. */
export function truth(types: TypeTable, nodes: Nodes): boolean | undefined {
  const node = single(nodes);
  if (node === undefined) {
    return undefined;
  }
  return systemType(types, node) === "Boolean" ? node.value === true : true;
}
