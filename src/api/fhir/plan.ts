import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { OperationOutcomeIssue, Resource } from "@medplum/fhirtypes";
import { accessedOf } from "../../access/accessed-of.ts";
import type { ErrorCode } from "../../core/error-table.ts";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import type { SearchRequest } from "../../fhir/provider.ts";
import { withReferences } from "../../fhir/references.ts";
import { storedTypeOf } from "../../fhir/stored-types.ts";
import { isSubset } from "../../fhir/subset.ts";
import type { Amendment } from "../../flows/signature/resigning.ts";
import { requireScope } from "../../plugins/auth.ts";
import type { AskedChange, Caller } from "./asked.ts";
import { findByCriteria, namesItself } from "./criteria.ts";
import { scopeLetters } from "./scope-gate.ts";

/** Which resource a change is about; nothing is written yet. */
export interface Target {
  asked: AskedChange;
  id: string;
  /** the current version */
  before?: Resource;
  /** what the criteria ask, and the ids that they found */
  search?: SearchRequest;
  found?: readonly string[];
}

/** A change that was decided on and validated. */
export interface PlannedChange extends Target {
  /** index of the entry of a transaction */
  entry?: number;
  action: "create" | "update" | "delete" | "none";
  after?: Resource;
  warnings: readonly OperationOutcomeIssue[];
  /** the caller may know that it is there, and no more of it */
  unseen?: boolean;
  /** the new signature, when what changes is signed */
  amendment?: Amendment;
}

/** Finds what a change is about. Throws `scope-missing`, `criteria-ambiguous`, `not-found`, `version-conflict`. */
export async function targetsOf(caller: Caller, asked: AskedChange): Promise<Target[]> {
  const { interaction, provider, criteria } = asked;
  requireScope(caller.request, provider.type, scopeLetters[interaction]);
  if (!criteria) return [await targetOf(caller, asked, asked.id ?? (await newIdOf(caller, asked)))];
  requireScope(caller.request, provider.type, "s");
  const { search, found, matches } = await findByCriteria(caller, asked, criteria);
  const [first, ...others] = matches;
  if (interaction === "delete" && (caller.rules.deletesMany || others.length === 0))
    return Promise.all(
      matches.map(async (id) => ({ ...(await targetOf(caller, asked, id)), search, found })),
    );
  if (others.length > 0)
    throw new GatewayError("criteria-ambiguous", {
      field: provider.type,
      detail: `${matches.length} matches`,
    });
  if (first !== undefined && asked.resource?.id && asked.resource.id !== first && interaction === "update")
    throw new GatewayError("bad-request", {
      field: `${provider.type}.id`,
      detail: "not the id that is found",
    });
  if (first === undefined && interaction === "patch") throw new GatewayError("not-found");
  const ownId = interaction === "update" ? asked.resource?.id : undefined;
  const id = first ?? ownId ?? (await newIdOf(caller, asked));
  return [{ ...(await targetOf(caller, asked, id)), search, found }];
}

/** The id of what is created; throws `patient-known` for a person whose record is here already. */
async function newIdOf(caller: Caller, asked: AskedChange): Promise<string> {
  const personId = asked.resource && (await caller.personIdOf?.(asked.resource));
  if (personId === undefined) return randomUUID();
  if (await currentOf(caller, asked, personId)) throw patientKnown(personId);
  return personId;
}

const patientKnown = (id: string) =>
  new GatewayError("patient-known", { field: "Patient.identifier", detail: `the person is Patient/${id}` });

async function targetOf(caller: Caller, asked: AskedChange, id: string): Promise<Target> {
  if (asked.interaction === "create" && !asked.criteria) return { asked, id };
  const { provider, ifMatch } = asked;
  const before = await currentOf(caller, asked, id);
  if (ifMatch !== undefined && ifMatch !== Number(before?.meta?.versionId ?? 0))
    throw new GatewayError("version-conflict");
  if (
    before &&
    asked.id &&
    ifMatch === undefined &&
    caller.rules.ifMatchRequired &&
    storedTypeOf(provider.type)
  )
    throw new GatewayError("version-conflict", {
      field: "If-Match",
      detail: "send the version that you have read",
    });
  return { asked, id, before };
}

const absent: ReadonlySet<ErrorCode> = new Set(["not-found", "gone"]);

async function currentOf({ request }: Caller, asked: AskedChange, id: string): Promise<Resource | undefined> {
  try {
    return (await asked.provider.read(id, request.ctx)).value;
  } catch (error) {
    if (!isGatewayError(error) || !absent.has(error.code) || asked.interaction === "patch") throw error;
    return undefined;
  }
}

/** Decides on a change and validates it. */
export function plannedChange(caller: Caller, target: Target): Promise<PlannedChange> {
  const { interaction } = target.asked;
  if (interaction === "delete") return plannedDelete(caller, target);
  return interaction === "create" && target.before
    ? foundAlready(caller, target, target.before)
    : plannedPut(caller, target);
}

async function plannedDelete({ request, resigning }: Caller, target: Target): Promise<PlannedChange> {
  const { before } = target;
  if (before) {
    await request.authorizeOne("delete", accessedOf(before, request.ctx.actor.tenant));
    await resigning?.judged({ before }, request.ctx);
  }
  return { ...target, action: before ? "delete" : "none", warnings: [] };
}

/**
 * A create that finds its resource. Whoever may make such a resource but not see it, as the registry office, is told
 * where it is when they named it themselves.
 */
async function foundAlready({ request }: Caller, target: Target, before: Resource): Promise<PlannedChange> {
  const accessed = accessedOf(before, request.ctx.actor.tenant);
  const [decision] = await request.authorizeAll("read", [accessed]);
  const unseen = !decision?.permit && target.search !== undefined && namesItself(target.asked, target.search);
  await request.authorizeOne(unseen ? "create" : "read", accessed);
  return { ...target, action: "none", after: before, warnings: [], unseen };
}

async function plannedPut(
  { request, providers, repository, resigning, personIdOf }: Caller,
  target: Target,
): Promise<PlannedChange> {
  const { asked, before, id } = target;
  const { type } = asked.provider;
  const ownAddress = `${providers.baseUrl}/`;
  const after = withReferences({ ...contentOf(target), id } as Resource, (reference) =>
    reference.startsWith(ownAddress) ? reference.slice(ownAddress.length) : reference,
  );
  const action = before ? "update" : "create";
  // R4 3.1.1.5.8: a part that is sent back would delete the rest
  if (asked.interaction === "update" && isSubset(after))
    throw new GatewayError("validation-failed", {
      field: `${type}.meta.tag`,
      detail: "a resource tagged SUBSETTED is a part: read the whole and change that",
    });
  if (!before && asked.interaction === "update") {
    refuseSpeakingId(type, id);
    const personId = await personIdOf?.(after);
    if (personId !== undefined && personId !== id) throw patientKnown(personId);
  }
  const decide = (version: Resource) =>
    request.authorizeOne(action, accessedOf(version, request.ctx.actor.tenant));
  if (before) await decide(before);
  // the rules read what is valid; another's provider validates what it is given itself
  const warnings = storedTypeOf(type) ? await repository.validate(after, request.ctx) : [];
  await decide(after);
  const { provenance } = asked;
  const amendment = await resigning?.judged({ before, after, provenance }, request.ctx);
  return { ...target, action, after, warnings, amendment };
}

/** The content that the caller sends, or that their patch makes of the current version. */
function contentOf({ asked, before }: Target): Resource {
  const { patch, resource, provider } = asked;
  if (!patch || !before) return resource as Resource;
  const patched = patch(before);
  const isOther =
    patched.resourceType !== provider.type ||
    patched.id !== before.id ||
    !isDeepStrictEqual(patched.meta?.versionId, before.meta?.versionId);
  if (isOther)
    throw new GatewayError("validation-failed", {
      field: provider.type,
      detail: "a patch changes neither resourceType nor id nor meta.versionId",
    });
  return patched;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const idForm = /^[A-Za-z0-9\-.]{1,64}$/;

/** An id stands in URLs and logs, so that of a person's data must be random; throws `bad-request`. */
function refuseSpeakingId(type: string, id: string): void {
  const isFree = storedTypeOf(type)?.isPublic ?? false;
  if ((isFree ? idForm : uuid).test(id)) return;
  const detail = isFree
    ? "not an id of FHIR R4"
    : "a new resource of this type takes a random UUID as its id";
  throw new GatewayError("bad-request", { field: `${type}.id`, detail });
}
