import type { Resource } from "@medplum/fhirtypes";
import type { FastifyReply, FastifyRequest } from "fastify";
import { GatewayError } from "../../core/errors.ts";
import { xmlOfResource } from "../../fhir/xml-codec.ts";

type Format = "json" | "xml";

const contentTypes: Readonly<Record<Format, string>> = {
  json: "application/fhir+json; charset=utf-8",
  xml: "application/fhir+xml; charset=utf-8",
};

interface Prepared {
  bytes: Buffer;
  lastModified: string | undefined;
}

// answers of resources that caches hand out again and again as the same object
const prepared: Readonly<Record<Format, WeakMap<Resource, Prepared>>> = {
  json: new WeakMap(),
  xml: new WeakMap(),
};

/** The one place that sets status, content type, ETag and Last-Modified of a FHIR answer (FHIR R4 http). */
export function sendResource(request: FastifyRequest, reply: FastifyReply, resource: Resource): FastifyReply {
  const format = formatOf(request);
  const { bytes, lastModified } = preparedOf(resource, format);
  const versionId = resource.meta?.versionId;
  if (versionId) {
    const etag = `W/"${versionId}"`;
    reply.header("etag", etag);
    if (request.headers["if-none-match"] === etag) return reply.code(304).send();
  }
  if (lastModified !== undefined) reply.header("last-modified", lastModified);
  return reply.header("content-type", contentTypes[format]).send(bytes);
}

function preparedOf(resource: Resource, format: Format): Prepared {
  let ready = prepared[format].get(resource);
  if (ready === undefined) {
    const lastUpdated = resource.meta?.lastUpdated;
    ready = {
      bytes: Buffer.from(format === "json" ? JSON.stringify(resource) : xmlOfResource(resource)),
      lastModified: lastUpdated === undefined ? undefined : new Date(lastUpdated).toUTCString(),
    };
    prepared[format].set(resource, ready);
  }
  return ready;
}

const formatNames: Readonly<Record<string, Format>> = {
  json: "json",
  "application/json": "json",
  "application/fhir+json": "json",
  "text/json": "json",
  xml: "xml",
  "application/xml": "xml",
  "application/fhir+xml": "xml",
  "text/xml": "xml",
};

/** `_format` wins over Accept (FHIR R4 3.1.0.1.11); throws GatewayError `not-acceptable`. */
function formatOf(request: FastifyRequest): Format {
  const asked = (request.query as Record<string, string | undefined>)._format;
  if (asked !== undefined) {
    // a plus in a query is a space
    const format = formatNames[asked.replace(" ", "+")];
    if (format) return format;
    throw new GatewayError("not-acceptable", { field: "_format" });
  }
  const { accept } = request.headers;
  if (accept === undefined || /json|\*\/\*|application\/\*/.test(accept)) return "json";
  if (/xml/.test(accept)) return "xml";
  throw new GatewayError("not-acceptable", { field: "Accept" });
}
