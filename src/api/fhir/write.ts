import type { Provenance, Resource } from "@medplum/fhirtypes";
import type { FastifyRequest } from "fastify";
import { GatewayError } from "../../core/errors.ts";
import type { Provider } from "../../fhir/provider.ts";
import { formatOf } from "../../plugins/fhir-format.ts";
import { keptAnswer } from "../../plugins/idempotency.ts";
import { type AskedChange, type Caller, type Done, toldBy, type WritingCaller } from "./asked.ts";
import { binaryInBody } from "./binary.ts";
import { carriedOut } from "./carry-out.ts";
import { pairsOfQuery } from "./criteria.ts";
import { patchInBody } from "./patch-body.ts";
import type { Answering, TypeParams } from "./paths.ts";
import { plannedChange, targetsOf } from "./plan.ts";
import { asResource, isFhirBody, resourceInBody } from "./resource-body.ts";
import { isViewName } from "./view.ts";
import { writtenReply } from "./written-reply.ts";

/** Create, update, patch and delete, also conditional (FHIR R4 3.1.0.4 to 3.1.0.8). */
export const answerWrite =
  (caller: Omit<Caller, "request">, interaction: AskedChange["interaction"]): Answering =>
  async (request, reply, provider) => {
    const format = formatOf(request);
    const asked = askedOf(request, provider, interaction);
    const answer = (done: readonly Done[]) =>
      writtenReply(request, reply, { baseUrl: caller.providers.baseUrl, done, format });
    const settle: WritingCaller["settle"] = (trx, done) =>
      request.settle(trx, { ...keptAnswer(reply, answer(done)), accesses: toldBy(done) });
    return reply.send(answer(await changed({ ...caller, request, settle }, asked)));
  };

/** Carries one change out; a conditional delete may come to several. */
export function changed(caller: WritingCaller, asked: AskedChange): Promise<Done[]> {
  return carriedOut(caller, [asked], async () => {
    const targets = await targetsOf(caller, asked);
    const changes = [];
    for (const target of targets) changes.push(await plannedChange(caller, target));
    return changes;
  });
}

function askedOf(
  request: FastifyRequest<{ Params: TypeParams }>,
  provider: Provider,
  interaction: AskedChange["interaction"],
): AskedChange {
  const { id } = request.params;
  const { headers } = request;
  const asked: AskedChange = {
    interaction,
    provider,
    id,
    // RFC 9110 13.1.2: only where there is none yet
    ifMatch: headers["if-none-match"]?.trim() === "*" ? 0 : ifMatchOf(headers["if-match"]),
    provenance: provenanceOf(headers["x-provenance"]),
    ...contentIn(request, provider, interaction),
  };
  if (interaction === "create") return { ...asked, criteria: ifNoneExistOf(headers["if-none-exist"]) };
  if (id !== undefined) return asked;
  const query = request.url.split("?", 2)[1] ?? "";
  return { ...asked, criteria: pairsOfQuery(query).filter(([name]) => !isViewName(name)), inUrl: true };
}

function contentIn(
  request: FastifyRequest<{ Params: TypeParams }>,
  provider: Provider,
  interaction: AskedChange["interaction"],
): Pick<AskedChange, "resource" | "patch"> {
  if (interaction === "delete") return {};
  if (interaction === "patch") return { patch: patchInBody(request) };
  const isBytes = provider.type === "Binary" && !isFhirBody(request);
  const resource = isBytes ? binaryInBody(request) : resourceInBody(request);
  return { resource: bodyFor(provider, request.params.id, resource) };
}

/** The resource of a body; throws `bad-request` when its type or id is not the URL's. */
export function bodyFor(provider: Provider, id: string | undefined, resource: Resource): Resource {
  const { type } = provider;
  if (resource.resourceType !== type)
    throw new GatewayError("bad-request", { field: "resourceType", detail: `${type} is due here` });
  if (id !== undefined && resource.id !== id)
    throw new GatewayError("bad-request", { field: `${type}.id`, detail: "the id is the one of the URL" });
  return resource;
}

/** The version of an If-Match; throws `bad-request` for what is no ETag of ours. */
export function ifMatchOf(etag: unknown): number | undefined {
  if (etag === undefined) return undefined;
  const version = typeof etag === "string" && /^(?:W\/)?"(\d{1,9})"$/.exec(etag.trim())?.[1];
  if (!version) throw new GatewayError("bad-request", { field: "If-Match", detail: 'send W/"version"' });
  return Number(version);
}

/** The Provenance of an X-Provenance (FHIR R4 provenance 6.3.4.6.1); throws `bad-request` for what is none. */
function provenanceOf(header: string | string[] | undefined): Provenance | undefined {
  if (header === undefined) return undefined;
  const refused = (cause?: unknown) =>
    new GatewayError("bad-request", { field: "X-Provenance", detail: "send a Provenance in JSON", cause });
  let read: Resource;
  try {
    read = asResource(JSON.parse([header].flat().join(",")), "X-Provenance");
  } catch (cause) {
    throw refused(cause);
  }
  if (read.resourceType !== "Provenance") throw refused();
  return read;
}

/** The criteria of an If-None-Exist, `?` before them or not. */
export const ifNoneExistOf = (header: string | string[] | undefined) =>
  header === undefined
    ? undefined
    : pairsOfQuery(
        [header]
          .flat()
          .join("&")
          .replace(/^[^?]*\?/, ""),
      );
