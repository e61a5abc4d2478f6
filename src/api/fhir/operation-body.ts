import type { ParametersParameter } from "@medplum/fhirtypes";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { GatewayError } from "../../core/errors.ts";
import { parseJson } from "../../fhir/json-body.ts";
import { resourceElement } from "../../fhir/json-to-xml.ts";
import type { OperationContent } from "../../fhir/provider.ts";
import { resourceOfXml } from "../../fhir/xml-codec.ts";
import { mediaTypes } from "../../plugins/fhir-format.ts";
import type { Pairs } from "./asked.ts";
import { mediaTypeOf, refuseForeign } from "./resource-body.ts";
import { isViewName } from "./view.ts";

export interface OperationBody {
  parameters: readonly ParametersParameter[];
  content: OperationContent | undefined;
  look: Pairs;
}

const fhirXml = "application/fhir+xml";

/** Leaves JSON and XML bodies of this scope as bytes: only the operation knows what they hold. */
export function takeRawBodies(app: FastifyInstance): void {
  const parse = { parseAs: "buffer" } as const;
  app.addContentTypeParser([...mediaTypes.keys()], parse, (_request, body, done) => done(null, body));
}

/**
 * The input of an operation: query parameters and a body, which is a Parameters resource (any JSON, FHIR XML) or
 * other content. Throws GatewayError `bad-request` for a body that is neither, and for Parameters that break the
 * rules of their types unless the operation is to judge them.
 */
export function operationBody(request: FastifyRequest, judgesInput = false): OperationBody {
  const { body } = request;
  const pairs = Object.entries((request.query ?? {}) as Record<string, unknown>).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, String(one)]),
  );
  const hasBody = Buffer.isBuffer(body) && body.length > 0;
  if (hasBody) refuseForeign(request);
  return operationInput(pairs, hasBody ? contentOf(body, mediaTypeOf(request)) : undefined, judgesInput);
}

/** The same for an entry of a batch, whose url has the pairs and whose resource is the content. */
export function operationInput(
  pairs: Pairs,
  content: OperationContent | undefined,
  judgesInput = false,
): OperationBody {
  // how the answer looks is no parameter of the operation
  const look = pairs.filter(([name]) => isViewName(name));
  const inQuery = pairs.flatMap(([name, valueString]) => (isViewName(name) ? [] : { name, valueString }));
  if (!content) return { parameters: inQuery, content, look };
  const inBody = content.format === "json" ? parametersIn(content.value, judgesInput) : undefined;
  return inBody
    ? { parameters: [...inQuery, ...inBody], content: undefined, look }
    : { parameters: inQuery, content, look };
}

function contentOf(body: Buffer, type: string): OperationContent {
  if (type === fhirXml) return { format: "json", value: resourceOfXml(body) };
  return mediaTypes.get(type) === "xml"
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
