import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { permits } from "../../access/scopes.ts";
import { isOfLevel, type Operation, type Providers } from "../../fhir/provider.ts";
import { formatOf } from "../../plugins/fhir-format.ts";
import { answeredOrDeferred, type DeferredDoor } from "./deferred.ts";
import { operationBody, takeRawBodies } from "./operation-body.ts";
import { invoked, type OperationCaller, type TypeOperation } from "./operation-call.ts";
import { refuseNoId } from "./paths.ts";
import { sendResource } from "./reply.ts";

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

function register(app: FastifyInstance, door: OperationDoor, registered: TypeOperation): void {
  const { type, operation } = registered;
  const { providers, deferred } = door;
  const { baseUrl } = providers;
  const answer = (request: FastifyRequest, reply: FastifyReply) =>
    answeredOrDeferred({ baseUrl, deferred, request, reply }, () =>
      answered({ providers, request }, reply, registered),
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

async function answered(
  caller: OperationCaller,
  reply: FastifyReply,
  { type, operation }: TypeOperation,
): Promise<FastifyReply> {
  const { request } = caller;
  const format = formatOf(request);
  const trace = asksForTrace(request) && maySeeTrace(request, type, operation);
  const { id } = request.params as { id?: string };
  refuseNoId(id);
  const input = () => operationBody(request, operation.judgesInput);
  const resource = await invoked(caller, { type, operation, id, input, trace });
  // RFC 7240: a preference may be left aside, so the answer says when it was not
  if (trace) reply.header("preference-applied", "trace");
  return sendResource(request, reply, resource, format);
}

const asksForTrace = ({ headers }: FastifyRequest): boolean =>
  /(^|[,;\s])trace($|[,;\s])/.test(String(headers.prefer ?? ""));

const maySeeTrace = ({ token }: FastifyRequest, type: string, { traceNeeds }: Operation): boolean =>
  traceNeeds !== undefined && token !== undefined && permits(token.scopes, type, traceNeeds);
