import type { Resource } from "@medplum/fhirtypes";
import type { FastifyRequest } from "fastify";
import { accessedOf } from "../../access/accessed-of.ts";
import { GatewayError } from "../../core/errors.ts";
import { isOfLevel, type Operation, type Provider, type Providers } from "../../fhir/provider.ts";
import { requireScope } from "../../plugins/auth.ts";
import { accessesOf } from "./accesses.ts";
import { journalHidden } from "./hidden.ts";
import type { OperationBody } from "./operation-body.ts";
import { permitted } from "./permitted.ts";

export interface OperationCaller {
  providers: Providers;
  request: FastifyRequest;
}

export interface TypeOperation {
  type: string;
  operation: Operation;
}

export interface CalledOperation extends TypeOperation {
  /** of the instance that it is called on */
  id?: string;
  /** read when scope and decision have let the caller in */
  input(): OperationBody;
  trace?: boolean;
}

/** The operation of a type by its name without the dollar sign; undefined when it has none on that level. */
export const operationOf = (
  { operations = [] }: Provider,
  level: "type" | "instance",
  name: string,
): Operation | undefined => operations.find((one) => one.name === name && isOfLevel(one, level));

/** Methods by which an operation is called. */
export const methodsOf = ({ get }: Operation): string[] => (get ? ["GET", "HEAD", "POST"] : ["POST"]);

/** Runs an operation for a caller: scope, decision, journal. Throws `scope-missing`, `access-denied` and its own errors. */
export async function invoked(
  caller: OperationCaller,
  { type, operation, id, input, trace = false }: CalledOperation,
): Promise<Resource> {
  const { request } = caller;
  if (operation.needs) requireScope(request, type, operation.needs);
  if (!operation.judgesInput && !operation.shows) request.authorize("read", { type });
  const result = await operation.run({ ...input(), trace, ...(id !== undefined && { id }) }, request.ctx);
  const resource = operation.shows
    ? await permittedOf(caller, result, { id, shows: operation.shows })
    : result;
  await journalled(request, operation, { type, id, resource });
  return resource;
}

/** The entries that scopes and decide() open; throws `access-denied` when the instance or the whole is not among them. */
async function permittedOf(
  caller: OperationCaller,
  result: Resource,
  { id, shows }: { id: string | undefined; shows: "entries" | "whole" },
): Promise<Resource> {
  if (result.resourceType !== "Bundle")
    throw new GatewayError("internal", { detail: "no Bundle to decide on" });
  const { entry: entries = [], ...bundle } = result;
  const stored = entries.flatMap(({ resource, search }) =>
    resource && search?.mode !== "outcome" ? [resource] : [],
  );
  // whoever may not see the instance itself is told so, not given an empty Bundle
  const own = stored.find((resource) => resource.id === id);
  if (own) await caller.request.authorizeOne("read", accessedOf(own, caller.request.ctx.actor.tenant));
  const decisions = await permitted(caller, "read", stored);
  const refused = new Set(stored.filter((_, index) => !decisions[index]));
  if (refused.size > 0 && shows === "whole") throw new GatewayError("access-denied");
  const entry = entries.filter(({ resource }) => !resource || !refused.has(resource));
  return { ...bundle, ...(bundle.total !== undefined && { total: entry.length }), entry };
}

async function journalled(
  request: FastifyRequest,
  { name: action, shows }: Operation,
  { type, id, resource }: { type: string; id?: string; resource: Resource },
): Promise<void> {
  const accesses =
    shows && resource.resourceType === "Bundle"
      ? accessesOf({ type }, resource)
      : [{ resourceType: type, resourceId: id }];
  await Promise.all([
    ...accesses.map((access) => request.journal({ action, ...access })),
    journalHidden(request, action),
  ]);
}
