import type { Binary, Parameters, Resource } from "@medplum/fhirtypes";
import type { FastifyRequest } from "fastify";
import { GatewayError } from "../../core/errors.ts";
import { parseJson } from "../../fhir/json-body.ts";
import { resourceElement } from "../../fhir/json-to-xml.ts";
import { fhirPathPatched } from "../../fhir/patch/fhirpath-patch.ts";
import { jsonPatched } from "../../fhir/patch/json-patch.ts";
import { readRules } from "../../fhir/validation/rules.ts";
import { mediaTypeOf, refuseForeign, resourceInBody } from "./resource-body.ts";

export type Patch = (current: Resource) => Resource;

const jsonPatchType = "application/json-patch+json";
const { types } = readRules();

/** The patch in a body: JSON Patch by its media type, else FHIRPath Patch as a Parameters resource, JSON or XML. */
export function patchInBody(request: FastifyRequest): Patch {
  if (mediaTypeOf(request) !== jsonPatchType) return patchOf(resourceInBody(request));
  refuseForeign(request);
  const { body } = request;
  return jsonPatchOf(parseJson(Buffer.isBuffer(body) ? body.toString("utf8") : ""));
}

/** The patch that a resource is: Parameters of FHIRPath Patch, or a Binary that holds a JSON Patch (FHIR R4 3.1.0.11). */
export function patchOf(resource: Resource): Patch {
  if (resource.resourceType === "Binary") return jsonPatchIn(resource);
  if (resource.resourceType !== "Parameters")
    throw new GatewayError("bad-request", {
      field: "resourceType",
      detail: "a patch is a Parameters resource",
    });
  // checks the structure of all that stands in it
  resourceElement(resource);
  const { parameter = [] } = resource as Parameters;
  return (current) => fhirPathPatched(current, parameter, types);
}

function jsonPatchIn({ contentType, data }: Binary): Patch {
  if (contentType !== jsonPatchType || typeof data !== "string")
    throw new GatewayError("unsupported-media-type", { field: "Binary.contentType" });
  return jsonPatchOf(parseJson(Buffer.from(data, "base64").toString("utf8")));
}

const jsonPatchOf =
  (patch: unknown): Patch =>
  (current) =>
    jsonPatched(current, patch);
