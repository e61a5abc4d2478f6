import type { ParametersParameter } from "@medplum/fhirtypes";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { GatewayError } from "../../core/errors.ts";
import { parseJson } from "../../fhir/json-body.ts";
import { resourceElement } from "../../fhir/json-to-xml.ts";
import type { OperationContent } from "../../fhir/provider.ts";
import { resourceOfXml } from "../../fhir/xml-codec.ts";

export interface OperationBody {
  parameters: readonly ParametersParameter[];
  content: OperationContent | undefined;
}

const json = ["application/fhir+json", "application/json"];
const xml = ["application/xml", "text/xml"];
const fhirXml = "application/fhir+xml";

/** Leaves JSON and XML bodies of this scope as bytes: only the operation knows what they hold. */
export function takeRawBodies(app: FastifyInstance): void {
  app.addContentTypeParser([...json, ...xml, fhirXml], { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
}

/**
 * The input of an operation: query parameters and a body, which is a Parameters resource (any JSON, FHIR XML) or
 * other content. Throws GatewayError `bad-request` for a body that is neither, and for Parameters that break the
 * rules of their types unless the operation is to judge them.
 */
export function operationBody(request: FastifyRequest, judgesInput = false): OperationBody {
  const inQuery = [...queryParameters(request.query)];
  const { body } = request;
  if (!Buffer.isBuffer(body) || body.length === 0) return { parameters: inQuery, content: undefined };
  const content = contentOf(body, request.headers["content-type"] ?? "");
  const inBody = content.format === "json" ? parametersIn(content.value, judgesInput) : undefined;
  return inBody
    ? { parameters: [...inQuery, ...inBody], content: undefined }
    : { parameters: inQuery, content };
}

function contentOf(body: Buffer, contentType: string): OperationContent {
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === fhirXml) return { format: "json", value: resourceOfXml(body) };
  return xml.includes(type)
    ? { format: "xml", bytes: body }
    : { format: "json", value: parseJson(body.toString("utf8")) };
}

function parametersIn(value: unknown, judgesInput: boolean): readonly ParametersParameter[] | undefined {
  const { resourceType, parameter = [] } = (value ?? {}) as Record<string, unknown>;
  if (resourceType !== "Parameters") return undefined;
  // checks the structure of all that stands in it
  if (!judgesInput) resourceElement(value);
  if (!Array.isArray(parameter)) throw new GatewayError("bad-request", { field: "Parameters.parameter" });
  if (parameter.some((each) => typeof each !== "object" || each === null))
    throw new GatewayError("bad-request", { field: "Parameters.parameter" });
  return parameter as ParametersParameter[];
}

// how the answer looks is no parameter of the operation
const views = new Set(["_format", "_pretty", "_summary", "_elements"]);

function* queryParameters(query: unknown): Iterable<ParametersParameter> {
  for (const [name, value] of Object.entries((query ?? {}) as Record<string, unknown>))
    if (!views.has(name)) for (const one of [value].flat()) yield { name, valueString: String(one) };
}
