import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { permits } from "../../access/scopes.ts";
import { isOfLevel, type Operation, type Providers } from "../../fhir/provider.ts";
import { requireScope } from "../../plugins/auth.ts";
import { operationBody, takeRawBodies } from "./operation-body.ts";
import { formatOf, sendResource } from "./reply.ts";

/** Operations of types and instances, `POST Type/$name` and `Type/id/$name`, by GET where they allow it (R4). */
export function registerOperations(app: FastifyInstance, providers: Providers): void {
  app.register(async (scope) => {
    takeRawBodies(scope);
    for (const { type, operations = [] } of providers.all)
      for (const operation of operations) register(scope, type, operation);
  });
}

function register(app: FastifyInstance, type: string, operation: Operation): void {
  const answer = (request: FastifyRequest, reply: FastifyReply) =>
    invoke({ request, reply }, type, operation);
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
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  type: string,
  operation: Operation,
) {
  if (operation.needs) requireScope(request, type, operation.needs);
  if (!operation.judgesInput) request.authorize("read", { type });
  const format = formatOf(request);
  const trace = asksForTrace(request) && maySeeTrace(request, type, operation);
  const { id } = request.params as { id?: string };
  const input = operationBody(request, operation.judgesInput);
  const resource = await operation.run({ ...input, trace, ...(id !== undefined && { id }) }, request.ctx);
  await request.journal({ action: operation.name, resourceType: type });
  // RFC 7240: a preference may be left aside, so the answer says when it was not
  if (trace) reply.header("preference-applied", "trace");
  return sendResource(request, reply, resource, format);
}

const asksForTrace = ({ headers }: FastifyRequest): boolean =>
  /(^|[,;\s])trace($|[,;\s])/.test(String(headers.prefer ?? ""));

const maySeeTrace = ({ token }: FastifyRequest, type: string, { traceNeeds }: Operation): boolean =>
  traceNeeds !== undefined && token !== undefined && permits(token.scopes, type, traceNeeds);
