import type { Resource } from "@medplum/fhirtypes";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { GatewayError } from "../../core/errors.ts";
import { isResourceType } from "../../fhir/elements.ts";
import { parseJson } from "../../fhir/json-body.ts";
import { resourceOfXml } from "../../fhir/xml-codec.ts";
import { mediaTypes } from "../../plugins/fhir-format.ts";

/** Leaves every body of this scope as bytes, whatever its type: the interaction knows what it may be. */
export function takeAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
}

/** The media type of the body, without its parameters. */
export const mediaTypeOf = ({ headers }: FastifyRequest): string =>
  headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase() ?? "";

/** Throws `unsupported-media-type` for text that is no UTF-8, and for another version of FHIR (FHIR R4 3.1.0.1.11). */
export function refuseForeign({ headers }: FastifyRequest): void {
  const [, ...parameters] = headers["content-type"]?.toLowerCase().split(";") ?? [];
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.split("=").map((part) => part.trim().replaceAll('"', ""));
    const known = ours.get(name);
    if (known && !known.includes(value))
      throw new GatewayError("unsupported-media-type", {
        field: "Content-Type",
        detail: `${name}=${known[0]} only`,
      });
  }
}

const ours: ReadonlyMap<string, readonly string[]> = new Map([
  ["charset", ["utf-8", "utf8", "us-ascii"]],
  ["fhirversion", ["4.0", "4.0.1"]],
]);

/** True for a body that says it is JSON or XML. */
export const isFhirBody = (request: FastifyRequest): boolean => mediaTypes.has(mediaTypeOf(request));

/**
 * The resource in the body, JSON or XML. Throws GatewayError `unsupported-media-type`, and `bad-request` for what is
 * no resource of a type that this server knows; what else is wrong with it is the validator's to say.
 */
export function resourceInBody(request: FastifyRequest): Resource {
  const { body } = request;
  if (!isFhirBody(request)) throw new GatewayError("unsupported-media-type");
  refuseForeign(request);
  if (!Buffer.isBuffer(body) || body.length === 0)
    throw new GatewayError("bad-request", { detail: "a resource is due in the body" });
  return mediaTypes.get(mediaTypeOf(request)) === "xml"
    ? resourceOfXml(body)
    : asResource(parseJson(body.toString("utf8")), "");
}

/** The value as a resource of a type that this server knows; `path` is where it stands. */
export function asResource(value: unknown, path: string): Resource {
  const { resourceType, id } = (value ?? {}) as { resourceType?: unknown; id?: unknown };
  const refuse = (name: string, detail: string) =>
    new GatewayError("bad-request", { field: [path, name].filter(Boolean).join("."), detail });
  if (typeof resourceType !== "string" || !isResourceType(resourceType))
    throw refuse("resourceType", "a resource of a type that this server knows is due");
  // it is compared before the validator sees the resource
  if (id !== undefined && typeof id !== "string") throw refuse("id", "a string is due here");
  return value as Resource;
}
