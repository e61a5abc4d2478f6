import type { Resource } from "@medplum/fhirtypes";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { GatewayError } from "../../core/errors.ts";
import { parseJson } from "../../fhir/json-body.ts";
import { resourceElement } from "../../fhir/json-to-xml.ts";
import { resourceOfXml } from "../../fhir/xml-codec.ts";

const jsonTypes = new Set(["application/fhir+json", "application/json", "text/json"]);
const xmlTypes = new Set(["application/fhir+xml", "application/xml", "text/xml"]);

/** Leaves every body of this scope as bytes, whatever its type: the interaction knows what it may be. */
export function takeAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
}

/** The media type of the body, without its parameters. */
export const mediaTypeOf = ({ headers }: FastifyRequest): string =>
  headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase() ?? "";

/**
 * The resource in the body, JSON or XML. Throws GatewayError `unsupported-media-type`, and `bad-request` with the
 * element's path for what is no resource of a type that this server knows.
 */
export function resourceInBody(request: FastifyRequest): Resource {
  const { body } = request;
  const mediaType = mediaTypeOf(request);
  if (!jsonTypes.has(mediaType) && !xmlTypes.has(mediaType)) throw new GatewayError("unsupported-media-type");
  if (!Buffer.isBuffer(body) || body.length === 0)
    throw new GatewayError("bad-request", { detail: "a resource is due in the body" });
  if (xmlTypes.has(mediaType)) return resourceOfXml(body);
  return checkedResource(parseJson(body.toString("utf8")));
}

/** The same value, once it has the structure of a resource type that this server knows. */
export function checkedResource(value: unknown, path?: string): Resource {
  resourceElement(value, path);
  return value as Resource;
}
