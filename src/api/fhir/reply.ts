import type { Resource } from "@medplum/fhirtypes";
import type { FastifyReply, FastifyRequest } from "fastify";
import { xmlOfResource } from "../../fhir/xml-codec.ts";
import { contentTypes, type Format, formatOf, givenIn } from "../../plugins/fhir-format.ts";
import { seenAs, viewIn } from "./view.ts";

interface Version {
  etag: string | undefined;
  lastModified: string | undefined;
}

/** A resource as it is answered in a format; the bytes are made when they are first sent, which a 304 does not. */
class Answer {
  readonly version: Version;
  readonly #resource: Resource;
  readonly #format: Format;
  #bytes: Buffer | undefined;

  constructor(resource: Resource, format: Format) {
    this.version = versionOf(resource);
    this.#resource = resource;
    this.#format = format;
  }

  get bytes(): Buffer {
    this.#bytes ??= bytesOf(this.#resource, this.#format, false);
    return this.#bytes;
  }
}

// of resources that caches hand out again and again as the same object
const answers: Readonly<Record<Format, WeakMap<Resource, Answer>>> = {
  json: new WeakMap(),
  xml: new WeakMap(),
};

/**
 * The one place that sets content type, ETag and Last-Modified of a FHIR answer (FHIR R4 http); a read of what the
 * caller has already is answered 304.
 */
export function sendResource(
  request: FastifyRequest,
  reply: FastifyReply,
  resource: Resource,
  format = formatOf(request),
): FastifyReply {
  const view = viewIn(givenIn(request));
  const answer = answerOf(resource, format);
  setVersion(reply, answer.version);
  if (isKnown(request, answer.version)) return reply.code(304).send();
  const bytes = view ? bytesOf(seenAs(resource, view), format, view.pretty) : answer.bytes;
  return reply.header("content-type", contentTypes[format]).send(bytes);
}

/** The resource in the format, in UTF-8. */
export const bytesOf = (resource: Resource, format: Format, pretty: boolean): Buffer =>
  Buffer.from(
    format === "json"
      ? JSON.stringify(resource, undefined, pretty ? 2 : undefined)
      : xmlOfResource(resource, { pretty }),
  );

/** The bytes of a resource that answers a change, its headers set on the reply; nothing is sent. */
export function writtenResource(reply: FastifyReply, resource: Resource, format: Format): Buffer {
  const answer = answerOf(resource, format);
  setVersion(reply, answer.version);
  reply.header("content-type", contentTypes[format]);
  return answer.bytes;
}

/** True when the caller has this version of the resource already, so that 304 is the answer. */
export function hasVersion(request: FastifyRequest, resource: Resource): boolean {
  return isKnown(request, versionOf(resource));
}

/** ETag and Last-Modified of an answer that does not carry the resource itself. */
export const nameVersion = (reply: FastifyReply, resource: Resource): void =>
  setVersion(reply, versionOf(resource));

function setVersion(reply: FastifyReply, { etag, lastModified }: Version): void {
  if (etag !== undefined) reply.header("etag", etag);
  if (lastModified !== undefined) reply.header("last-modified", lastModified);
}

function versionOf({ meta }: Resource): Version {
  const { versionId, lastUpdated } = meta ?? {};
  return {
    etag: versionId === undefined ? undefined : etagOf(versionId),
    lastModified: lastUpdated === undefined ? undefined : new Date(lastUpdated).toUTCString(),
  };
}

/** The weak ETag of a version (R4 http#versioning). */
export const etagOf = (versionId: string): string => `W/"${versionId}"`;

/** RFC 9110 13.2.2: If-Modified-Since counts only without If-None-Match. */
function isKnown({ method, headers }: FastifyRequest, { etag, lastModified }: Version): boolean {
  if (method !== "GET" && method !== "HEAD") return false;
  const seen = headers["if-none-match"];
  if (seen !== undefined) return etag !== undefined && (seen === etag || isAmong(etag, seen));
  const since = headers["if-modified-since"];
  return since !== undefined && lastModified !== undefined && Date.parse(lastModified) <= Date.parse(since);
}

/** True when a list of ETags names this one; a weak comparison, as If-None-Match wants it (RFC 9110 13.1.2). */
export const isAmong = (etag: string, list: string): boolean =>
  list.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^(W\/)?/, "W/") === etag);

function answerOf(resource: Resource, format: Format): Answer {
  let answer = answers[format].get(resource);
  if (answer === undefined) {
    answer = new Answer(resource, format);
    answers[format].set(resource, answer);
  }
  return answer;
}
