import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { permits } from "../../access/scopes.ts";
import { isOfLevel, type Operation, type Providers } from "../../fhir/provider.ts";
import { requireScope } from "../../plugins/auth.ts";
import { operationBody, takeRawBodies } from "./operation-body.ts";
import { formatOf, sendResource } from "./reply.ts";

/** Operations of the types, `POST Type/$name`, and by GET where they allow it (FHIR R4 operations). */
export function registerOperations(app: FastifyInstance, providers: Providers): void {
  app.register(async (scope) => {
    takeRawBodies(scope);
    for (const { type, operations = [] } of providers.all)
      for (const operation of operations.filter((one) => isOfLevel(one, "type"))) {
        const answer = (request: FastifyRequest, reply: FastifyReply) =>
          invoke({ request, reply }, type, operation);
        scope.post(`/${type}/$${operation.name}`, answer);
        if (operation.get) scope.get(`/${type}/$${operation.name}`, answer);
      }
  });
}

async function invoke(
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  type: string,
  operation: Operation,
) {
  if (operation.needs) requireScope(request, type, operation.needs);
  request.authorize("read", { type });
  const format = formatOf(request);
  const trace = asksForTrace(request) && maySeeTrace(request, type, operation);
  const resource = await operation.run({ ...operationBody(request), trace }, request.ctx);
  await request.journal({ action: operation.name, resourceType: type });
  // RFC 7240: a preference may be left aside, so the answer says when it was not
  if (trace) reply.header("preference-applied", "trace");
  return sendResource(request, reply, resource, format);
}

const asksForTrace = ({ headers }: FastifyRequest): boolean =>
  /(^|[,;\s])trace($|[,;\s])/.test(String(headers.prefer ?? ""));

const maySeeTrace = ({ token }: FastifyRequest, type: string, { traceNeeds }: Operation): boolean =>
  traceNeeds !== undefined && token !== undefined && permits(token.scopes, type, traceNeeds);
