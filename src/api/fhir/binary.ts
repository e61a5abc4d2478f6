import type { Binary } from "@medplum/fhirtypes";
import type { FastifyRequest } from "fastify";
import { GatewayError } from "../../core/errors.ts";
import type { Providers } from "../../fhir/provider.ts";
import type { Answering } from "./paths.ts";
import { answerRead, readBy, refuseUnknown } from "./read.ts";
import { hasVersion, nameVersion } from "./reply.ts";
import { mediaTypeOf } from "./resource-body.ts";

// what may stand in a header as it is (RFC 9110 8.3.1)
const mediaType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(;[\x20-\x7e]*)?$/;

/** `GET Binary/id`: the bytes themselves, unless FHIR is asked for (FHIR R4 binary). */
export const answerBinary =
  (providers: Providers): Answering =>
  async (request, reply, provider) => {
    const { accept = "" } = request.headers;
    const isFhir =
      (request.query as { _format?: unknown })._format !== undefined || accept.includes("application/fhir+");
    if (isFhir) return answerRead(providers)(request, reply, provider);
    refuseUnknown(request, Object.keys(request.query as object));
    const binary = (await readBy({ providers, request }, provider, request.params)) as Binary;
    const { contentType = "", data = "" } = binary;
    nameVersion(reply, binary);
    if (hasVersion(request, binary)) return reply.code(304).send();
    return (
      reply
        .header("content-type", mediaType.test(contentType) ? contentType : "application/octet-stream")
        // a browser shall never show it as a page of ours
        .header("content-disposition", "attachment")
        .send(Buffer.from(data, "base64"))
    );
  };

/** The Binary that a body of any other media type is. Throws GatewayError `bad-request` for an empty one. */
export function binaryInBody(request: FastifyRequest): Binary {
  const { body, headers } = request;
  if (!Buffer.isBuffer(body) || body.length === 0)
    throw new GatewayError("bad-request", { detail: "the bytes are due in the body" });
  const reference = headers["x-security-context"];
  return {
    resourceType: "Binary",
    contentType: mediaTypeOf(request) || "application/octet-stream",
    ...(typeof reference === "string" && { securityContext: { reference } }),
    data: body.toString("base64"),
  };
}
