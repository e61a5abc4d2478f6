import type { Resource } from "@medplum/fhirtypes";
import type { FastifyRequest } from "fastify";
import type { AccessAction } from "../../access/access-facts.ts";
import { accessedOf } from "../../access/accessed-of.ts";
import type { ErrorCode } from "../../core/error-table.ts";
import { isGatewayError } from "../../core/errors.ts";
import { parseJson } from "../../fhir/json-body.ts";
import type { Providers } from "../../fhir/provider.ts";
import { resourceOfXml } from "../../fhir/xml-codec.ts";
import { requireScope } from "../../plugins/auth.ts";
import type { KeptAccess, KeptAnswer } from "../../store/idempotency.ts";
import { permittedPart, storedIn } from "./permitted-part.ts";
import { bytesOf } from "./reply.ts";
import { inScope, scopeLetters } from "./scope-gate.ts";

/**
 * A kept answer as the caller may have it now: each resource in it is decided on anew, for consent may have been
 * withdrawn since, and is left out when its version is there no more, as when a person's data were destroyed. That
 * something was changed, and where it is, is told still. Throws `scope-missing` when the token no longer opens what was
 * changed.
 */
export const renewedBy =
  (providers: Providers) =>
  async (request: FastifyRequest, answer: KeptAnswer): Promise<KeptAnswer> => {
    const { body, headers, accesses = [] } = answer;
    requireDeeds(request, accesses);
    if (body.length === 0) return answer;
    const isXml = headers["content-type"]?.includes("xml") ?? false;
    const text = Buffer.from(body).toString("utf8");
    const whole = isXml ? resourceOfXml(text) : (parseJson(text) as Resource);
    const refused = await refusedIn(providers, request, { whole, accesses });
    if (refused.size === 0) return answer;
    const part = permittedPart(whole, new Set(refused.keys()));
    const codes = new Map([...refused].map(([resource, code]) => [nameOf(resource), code]));
    return {
      ...answer,
      accesses: accesses.map((access) => refusedAccess(access, codes)),
      body: part ? bytesOf(part, isXml ? "xml" : "json", false) : new Uint8Array(),
    };
  };

/** As the first request: a criterion that found the resource is a search. */
function requireDeeds(request: FastifyRequest, accesses: readonly KeptAccess[]): void {
  for (const { action, resourceType = "", decided, beside } of accesses) {
    if (beside || !isDeed(action)) continue;
    requireScope(request, resourceType, scopeLetters[action]);
    if (decided) requireScope(request, resourceType, "s");
  }
}

const nameOf = ({ resourceType, id }: Resource): string => `${resourceType}/${id}`;

/** What shows the resource that a deed left: only a create answers with nothing but what the caller sent. */
const actions = {
  create: "create",
  update: "read",
  patch: "read",
  delete: "delete",
} as const satisfies Readonly<Record<string, AccessAction>>;

const isDeed = (action: string): action is keyof typeof actions => Object.hasOwn(actions, action);

async function refusedIn(
  providers: Providers,
  request: FastifyRequest,
  { whole, accesses }: { whole: Resource; accesses: readonly KeptAccess[] },
): Promise<Map<Resource, ErrorCode>> {
  const known = new Map(accesses.map((access) => [`${access.resourceType}/${access.resourceId}`, access]));
  const refused = new Map<Resource, ErrorCode>();
  // a Bundle that was written is a resource, one that answers entries is none
  const isAnswer = whole.resourceType === "Bundle" && whole.type?.endsWith("-response");
  for (const resource of isAnswer ? storedIn(whole) : [whole]) {
    if (resource.id === undefined) continue;
    const { action = "read", decided } = known.get(nameOf(resource)) ?? {};
    const code =
      (await refusal(providers, request, { resource, action, decided })) ??
      (await absence(providers, request, resource));
    if (code) refused.set(resource, code);
  }
  return refused;
}

/** Scope first, as at every door; those of deeds have been seen to. */
async function refusal(
  providers: Providers,
  request: FastifyRequest,
  { resource, action, decided }: { resource: Resource; action: string; decided?: "read" },
): Promise<ErrorCode | undefined> {
  const asked = decided ?? (isDeed(action) ? actions[action] : "read");
  if (asked === "read" && decided === undefined) {
    const interaction = action === "search" ? "s" : "r";
    const [isOpen] = await inScope(providers, request, { interaction, resources: [resource] });
    if (!isOpen) return "scope-missing";
  }
  const accessed = accessedOf(resource, request.ctx.actor.tenant);
  const [decision] = await request.authorizeAll(asked, [accessed]);
  return decision?.permit ? undefined : "access-denied";
}

/** Why the version can't be shown any more, if it can't. */
async function absence(
  providers: Providers,
  { ctx }: FastifyRequest,
  { resourceType, id, meta }: Resource,
): Promise<ErrorCode | undefined> {
  const provider = providers.of(resourceType);
  if (!provider?.vread || id === undefined || meta?.versionId === undefined) return undefined;
  try {
    await provider.vread(id, meta.versionId, ctx);
    return undefined;
  } catch (error) {
    if (isGatewayError(error) && (error.code === "gone" || error.code === "not-found")) return error.code;
    throw error;
  }
}

function refusedAccess(access: KeptAccess, codes: ReadonlyMap<string, ErrorCode>): KeptAccess {
  const code = codes.get(`${access.resourceType}/${access.resourceId}`);
  return code === undefined ? access : { ...access, ground: undefined, outcome: code };
}
