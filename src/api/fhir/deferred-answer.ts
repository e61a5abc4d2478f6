import { STATUS_CODES } from "node:http";
import type { Bundle, BundleEntry, OperationOutcome, Resource } from "@medplum/fhirtypes";
import type { FastifyReply, FastifyRequest } from "fastify";
import { accessedOf } from "../../access/accessed-of.ts";
import { type Format, formatOf } from "../../plugins/fhir-format.ts";
import { accessesOf } from "./accesses.ts";
import { permittedPart, storedIn } from "./permitted-part.ts";
import { sendResource } from "./reply.ts";

/** The answer to a request that was put off, as it would have left. */
export interface DeferredReply {
  status: number;
  headers: Record<string, string>;
  format: Format;
  /** as JSON has it */
  body?: Resource;
}

/**
 * A kept answer as R5's batch-response: that of a batch is the Bundle itself, of anything else its one entry. What it
 * holds is decided on anew, for consent may have been withdrawn since it was read.
 */
export async function sendDeferredAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  { answer, expiresAt }: { answer: DeferredReply; expiresAt: number },
): Promise<FastifyReply> {
  const { accept = "*/*" } = request.headers;
  const isOwnChoice = accept !== "*/*" || (request.query as { _format?: unknown })._format !== undefined;
  const format = isOwnChoice ? formatOf(request) : answer.format;
  const whole = bundleOf(answer);
  const resources = storedIn(whole);
  const decisions = await request.authorizeAll(
    "read",
    resources.map((resource) => accessedOf(resource, request.ctx.actor.tenant)),
  );
  const refused = new Set(resources.filter((_, index) => !decisions[index]?.permit));
  const shown = permittedPart(whole, refused) as Bundle;
  const told = resources.filter((resource) => !refused.has(resource)).map((resource) => ({ resource }));
  await Promise.all(
    accessesOf({ type: "Bundle" }, { resourceType: "Bundle", type: "collection", entry: told }).map(
      (access) => request.journal({ action: "fetch", ...access }),
    ),
  );
  reply.header("expires", new Date(expiresAt).toUTCString());
  return sendResource(request, reply, shown, format);
}

function bundleOf({ status, headers, body }: DeferredReply): Bundle {
  if (status === 200 && body?.resourceType === "Bundle" && body.type === "batch-response") return body;
  const { location, etag } = headers;
  const isOutcome = status >= 400;
  const entry: BundleEntry = {
    ...(!isOutcome && body && { resource: body }),
    response: {
      status: `${status} ${STATUS_CODES[status]}`,
      ...(location !== undefined && { location }),
      ...(etag !== undefined && { etag }),
      ...(isOutcome && body && { outcome: body as OperationOutcome }),
    },
  };
  return { resourceType: "Bundle", type: "batch-response", entry: [entry] };
}
