import type { FastifyReply, FastifyRequest } from "fastify";
import type { Provider } from "../../fhir/provider.ts";
import { requireScope } from "../../plugins/auth.ts";
import { personOf } from "./accesses.ts";
import type { TypeParams } from "./paths.ts";
import { formatOf, sendResource } from "./reply.ts";

/** `GET Type/id` (FHIR R4 3.1.0.2). */
export async function answerRead(
  request: FastifyRequest<{ Params: TypeParams }>,
  reply: FastifyReply,
  provider: Provider,
) {
  const { type, id } = request.params;
  requireScope(request, type, "r");
  request.authorize("read", { type });
  const format = formatOf(request);
  const { value } = await provider.read(id, request.ctx);
  await request.journal({
    action: "read",
    resourceType: type,
    resourceId: id,
    subject: personOf(value),
  });
  return sendResource(request, reply, value, format);
}
