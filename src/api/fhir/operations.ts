import type { Resource } from "@medplum/fhirtypes";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { accessedOf } from "../../access/accessed-of.ts";
import { permits } from "../../access/scopes.ts";
import { GatewayError } from "../../core/errors.ts";
import { isOfLevel, type Operation, type Providers } from "../../fhir/provider.ts";
import { requireScope } from "../../plugins/auth.ts";
import { accessesOf } from "./accesses.ts";
import { answeredOrDeferred, type DeferredDoor } from "./deferred.ts";
import { operationBody, takeRawBodies } from "./operation-body.ts";
import { permitted } from "./permitted.ts";
import { formatOf, sendResource } from "./reply.ts";

/** Operations of types and instances, `POST Type/$name` and `Type/id/$name`, by GET where they allow it (R4). */
export function registerOperations(app: FastifyInstance, door: OperationDoor): void {
  app.register(async (scope) => {
    takeRawBodies(scope);
    for (const { type, operations = [] } of door.providers.all)
      for (const operation of operations) register(scope, door, { type, operation });
  });
}

interface OperationDoor {
  providers: Providers;
  deferred?: DeferredDoor;
}

interface TypeOperation {
  type: string;
  operation: Operation;
}

function register(app: FastifyInstance, door: OperationDoor, registered: TypeOperation): void {
  const { type, operation } = registered;
  const { providers, deferred } = door;
  const { baseUrl } = providers;
  const answer = (request: FastifyRequest, reply: FastifyReply) =>
    answeredOrDeferred({ baseUrl, deferred, request, reply }, () =>
      invoke({ providers, request, reply }, registered),
    );
  for (const path of pathsOf(type, operation)) {
    app.post(path, answer);
    if (operation.get) app.get(path, answer);
  }
}

const pathsOf = (type: string, operation: Operation): string[] => [
  ...(isOfLevel(operation, "type") ? [`/${type}/$${operation.name}`] : []),
  ...(isOfLevel(operation, "instance") ? [`/${type}/:id/$${operation.name}`] : []),
];

async function invoke(
  { providers, request, reply }: { providers: Providers; request: FastifyRequest; reply: FastifyReply },
  { type, operation }: TypeOperation,
) {
  if (operation.needs) requireScope(request, type, operation.needs);
  if (!operation.judgesInput && !operation.shows) request.authorize("read", { type });
  const format = formatOf(request);
  const trace = asksForTrace(request) && maySeeTrace(request, type, operation);
  const { id } = request.params as { id?: string };
  const input = operationBody(request, operation.judgesInput);
  const result = await operation.run({ ...input, trace, ...(id !== undefined && { id }) }, request.ctx);
  const resource = operation.shows
    ? await permittedOf({ providers, request }, result, { id, shows: operation.shows })
    : result;
  await journalled(request, operation, { type, id, resource });
  // RFC 7240: a preference may be left aside, so the answer says when it was not
  if (trace) reply.header("preference-applied", "trace");
  return sendResource(request, reply, resource, format);
}

/** The entries that scopes and decide() open; throws `access-denied` when the instance or the whole is not among them. */
async function permittedOf(
  caller: { providers: Providers; request: FastifyRequest },
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
  await Promise.all(accesses.map((access) => request.journal({ action, ...access })));
}

const asksForTrace = ({ headers }: FastifyRequest): boolean =>
  /(^|[,;\s])trace($|[,;\s])/.test(String(headers.prefer ?? ""));

const maySeeTrace = ({ token }: FastifyRequest, type: string, { traceNeeds }: Operation): boolean =>
  traceNeeds !== undefined && token !== undefined && permits(token.scopes, type, traceNeeds);
