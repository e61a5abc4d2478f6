import type { Resource } from "@medplum/fhirtypes";
import type { FastifyReply, FastifyRequest } from "fastify";
import { GatewayError } from "../../core/errors.ts";

export const fhirJson = "application/fhir+json; charset=utf-8";

// texts of resources that caches hand out again and again as the same object
const texts = new WeakMap<Resource, string>();

/** The one place that sets status, content type, ETag and Last-Modified of a FHIR answer (FHIR R4 http). */
export function sendResource(request: FastifyRequest, reply: FastifyReply, resource: Resource): FastifyReply {
  requireJson(request);
  const { versionId, lastUpdated } = resource.meta ?? {};
  if (versionId) {
    const etag = `W/"${versionId}"`;
    reply.header("etag", etag);
    if (request.headers["if-none-match"] === etag) return reply.code(304).send();
  }
  if (lastUpdated) reply.header("last-modified", new Date(lastUpdated).toUTCString());
  return reply.header("content-type", fhirJson).send(textOf(resource));
}

function textOf(resource: Resource): string {
  let text = texts.get(resource);
  if (text === undefined) {
    text = JSON.stringify(resource);
    texts.set(resource, text);
  }
  return text;
}

const jsonFormats = new Set(["json", "application/json", "application/fhir+json", "text/json"]);

function requireJson(request: FastifyRequest): void {
  const format = (request.query as Record<string, string | undefined>)._format;
  if (format !== undefined) {
    if (jsonFormats.has(format.replace(" ", "+"))) return;
    throw new GatewayError("not-acceptable", { field: "_format" });
  }
  const accept = request.headers.accept;
  if (accept === undefined || /json|\*\/\*|application\/\*/.test(accept)) return;
  throw new GatewayError("not-acceptable", { field: "Accept" });
}
