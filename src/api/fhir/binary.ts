import { hash } from "node:crypto";
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

/**
 * `GET Binary/id`: the bytes themselves, unless FHIR is asked for (FHIR R4 binary). The journal tells what they were
 * taken for: `_for=print`, else a download (M-08).
 */
export const answerBinary =
  (providers: Providers): Answering =>
  async (request, reply, provider) => {
    const { accept = "" } = request.headers;
    const isFhir =
      (request.query as { _format?: unknown })._format !== undefined || accept.includes("application/fhir+");
    if (isFhir) return answerRead(providers)(request, reply, provider);
    const { _for: action = "download", ...others } = request.query as { _for?: unknown };
    refuseUnknown(request, Object.keys(others));
    if (action !== "download" && action !== "print")
      throw new GatewayError("bad-request", { field: "_for", detail: "download or print" });
    const binary = (await readBy({ providers, request, action }, provider, request.params)) as Binary;
    const { contentType = "", data = "" } = binary;
    const bytes = Buffer.from(data, "base64");
    nameVersion(reply, binary);
    if (hasVersion(request, binary)) return reply.code(304).send();
    return (
      reply
        .header("content-type", mediaType.test(contentType) ? contentType : "application/octet-stream")
        // a browser shall never show it as a page of ours
        .header("content-disposition", "attachment")
        .header("repr-digest", digestOf(bytes))
        .send(bytes)
    );
  };

/** The Binary that a body of any other media type is. Throws GatewayError `bad-request` for an empty one. */
export function binaryInBody(request: FastifyRequest): Binary {
  const { body, headers } = request;
  if (!Buffer.isBuffer(body) || body.length === 0)
    throw new GatewayError("bad-request", { detail: "the bytes are due in the body" });
  refuseChanged(body, headers);
  const reference = headers["x-security-context"];
  return {
    resourceType: "Binary",
    contentType: mediaTypeOf(request) || "application/octet-stream",
    ...(typeof reference === "string" && { securityContext: { reference } }),
    data: body.toString("base64"),
  };
}

/** Integrity of the whole representation (RFC 9530), as it was stored. */
const digestOf = (bytes: Uint8Array): string => `sha-256=:${hash("sha256", bytes, "base64")}:`;

/** Throws GatewayError `bad-request` when the bytes are not those that the caller hashed. */
function refuseChanged(body: Buffer, headers: FastifyRequest["headers"]): void {
  for (const field of ["content-digest", "repr-digest"]) {
    const stated = /sha-256=:([A-Za-z0-9+/=]+):/.exec(String(headers[field] ?? ""))?.[0];
    if (stated !== undefined && stated !== digestOf(body))
      throw new GatewayError("bad-request", { field, detail: "the bytes that arrived have another hash" });
  }
}
