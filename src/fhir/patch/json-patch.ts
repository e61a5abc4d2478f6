import { applyPatch, type Operation } from "rfc6902";
import { GatewayError } from "../../core/errors.ts";

const names = new Set(["add", "remove", "replace", "move", "copy", "test"]);
const valued = new Set(["add", "replace", "test"]);
const forbidden = /\/(__proto__|constructor|prototype)(\/|$)/;
const mostOperations = 500;
const mostCharacters = 2_000_000;

/**
 * Applies a JSON Patch (RFC 6902) to a copy. Throws GatewayError `bad-request` for what is no patch and
 * `validation-failed` for one that does not fit the document, naming the operation.
 */
export function jsonPatched<T extends object>(document: T, patch: unknown): T {
  if (!Array.isArray(patch)) throw new GatewayError("bad-request", { detail: "a JSON Patch is an array" });
  if (patch.length > mostOperations)
    throw new GatewayError("bad-request", { detail: `at most ${mostOperations} operations` });
  // the root itself may be replaced
  const holder = { document: structuredClone(document) };
  patch.forEach((operation: unknown, index) => {
    const checked = checkedOperation(operation, index);
    if (!fits(holder, checked))
      throw new GatewayError("validation-failed", {
        field: `patch[${index}]`,
        detail: `the operation ${checked.op} does not fit the resource`,
      });
    // copies of copies grow without end
    if (checked.op === "copy" && JSON.stringify(holder).length > mostCharacters)
      throw new GatewayError("payload-too-large", { field: `patch[${index}]` });
  });
  if (typeof holder.document !== "object" || holder.document === null)
    throw new GatewayError("validation-failed", {
      field: "patch",
      detail: "nothing is left of the resource",
    });
  return holder.document;
}

function fits(holder: object, operation: Operation): boolean {
  try {
    return !applyPatch(holder, [operation])[0];
  } catch {
    // the library throws where it would write into a number
    return false;
  }
}

function checkedOperation(operation: unknown, index: number): Operation {
  const { op, path, from, value } = (operation ?? {}) as Record<string, unknown>;
  const refuse = (detail: string) => new GatewayError("bad-request", { field: `patch[${index}]`, detail });
  if (typeof op !== "string" || !names.has(op)) throw refuse(`op is one of ${[...names].join(", ")}`);
  if (!isPointer(path)) throw refuse("path is a JSON Pointer");
  if (valued.has(op) && value === undefined) throw refuse("value is due");
  if ((op === "move" || op === "copy") && !isPointer(from)) throw refuse("from is a JSON Pointer");
  return { op, path: `/document${path}`, from: `/document${String(from)}`, value } as Operation;
}

const isPointer = (path: unknown): path is string =>
  typeof path === "string" && (path === "" || path.startsWith("/")) && !forbidden.test(path);
