import type { OperationOutcome, Resource } from "@medplum/fhirtypes";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Interaction } from "../../fhir/provider.ts";
import type { Format } from "../../plugins/fhir-format.ts";
import type { Done } from "./asked.ts";
import { preferencesOf } from "./prefer.ts";
import { nameVersion, writtenResource } from "./reply.ts";

interface Sent {
  baseUrl: string;
  done: readonly Done[];
  format: Format;
}

const returns = new Set(["minimal", "representation", "OperationOutcome"]);

/**
 * The answer to a change as `Prefer: return` asks for, without it the resource as it is now (FHIR R4 3.1.0.1.7):
 * status and headers are set on the reply, the body is returned and not sent yet.
 */
export function writtenReply(
  request: FastifyRequest,
  reply: FastifyReply,
  { baseUrl, done, format }: Sent,
): Buffer | undefined {
  const [first, ...others] = done;
  const one = others.length === 0 ? first : undefined;
  reply.code(one?.status ?? 204);
  if (one?.resource && (one.status === 201 || one.asked.interaction === "create"))
    reply.header("location", locationOf(baseUrl, one));
  if (one?.resource) nameVersion(reply, one.resource);
  const wanted = preferencesOf(request).get("return") ?? "";
  if (returns.has(wanted)) reply.header("preference-applied", `return=${wanted}`);
  const body = bodyOf(done, one?.unseen ? undefined : one?.resource, wanted);
  if (!body) return undefined;
  if (reply.statusCode === 204) reply.code(200);
  return writtenResource(reply, body, format);
}

function bodyOf(done: readonly Done[], resource: Resource | undefined, wanted: string): Resource | undefined {
  if (wanted === "OperationOutcome") return outcomeOfDone(done);
  return wanted === "minimal" ? undefined : resource;
}

/** Absolute address of the version that was written. */
export const locationOf = (baseUrl: string, { asked, id, resource }: Done): string =>
  `${baseUrl}/${asked.provider.type}/${id}/_history/${resource?.meta?.versionId}`;

const deeds: Readonly<Partial<Record<Interaction, string>>> = {
  create: "was there already",
  update: "updated",
  patch: "patched",
  delete: "deleted",
};

const deedOf = ({ asked, status }: Done) => (status === 201 ? "created" : deeds[asked.interaction]);

/** What was done, and what the validator let pass. */
export function outcomeOfDone(done: readonly Done[]): OperationOutcome {
  const said = done.map((one) => `${one.asked.provider.type}/${one.id} ${deedOf(one)}`);
  const issue = (said.length > 0 ? said : ["nothing was found"]).map((diagnostics) => ({
    severity: "information" as const,
    code: "informational" as const,
    diagnostics,
  }));
  return {
    resourceType: "OperationOutcome",
    issue: [...issue, ...done.flatMap(({ warnings }) => warnings)],
  };
}
