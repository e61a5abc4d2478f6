import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { OperationOutcomeIssue, Resource } from "@medplum/fhirtypes";
import type { AccessAction } from "../../access/access-facts.ts";
import { accessedOf } from "../../access/accessed-of.ts";
import type { ErrorCode } from "../../core/error-table.ts";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import type { SearchRequest } from "../../fhir/provider.ts";
import { isConditional, referencesIn, withReferences } from "../../fhir/references.ts";
import { storedTypeOf } from "../../fhir/stored-types.ts";
import { isSubset } from "../../fhir/subset.ts";
import type { Amendment } from "../../flows/signature/resigning.ts";
import { requireScope } from "../../plugins/auth.ts";
import type { AskedChange, Caller } from "./asked.ts";
import { findByCriteria, namesItself } from "./criteria.ts";
import { isId } from "./paths.ts";
import { inScope, requireInScope, scopeLetters } from "./scope-gate.ts";

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

/** Finds what a change is about. Throws `scope-missing`, `criteria-ambiguous`, `id-taken`, `not-found`. */
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
  return [{ ...(await onlyTargetOf(caller, asked, first)), search, found }];
}

/** Of criteria that find one resource or none (FHIR R4 3.1.0.4.3). */
async function onlyTargetOf(caller: Caller, asked: AskedChange, found: string | undefined): Promise<Target> {
  const { interaction, provider, resource } = asked;
  const sent = interaction === "update" ? resource?.id : undefined;
  const field = `${provider.type}.id`;
  if (found !== undefined && sent && sent !== found)
    throw new GatewayError("bad-request", { field, detail: "not the id that is found" });
  if (found === undefined && interaction === "patch") throw new GatewayError("not-found");
  const target = await targetOf(caller, asked, found ?? sent ?? (await newIdOf(caller, asked)));
  if (found === undefined && target.before) throw new GatewayError("id-taken", { field });
  return target;
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
  return { asked, id, before: await currentOf(caller, asked, id) };
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

/**
 * Decides on a change and validates it. What is there is decided on first: its version, and whether a patch fits it,
 * are told to nobody who may not change it. Throws `access-denied`, `version-conflict`, `validation-failed`.
 */
export async function plannedChange(caller: Caller, target: Target): Promise<PlannedChange> {
  const { asked, before } = target;
  if (asked.interaction === "create" && before) return foundAlready(caller, target, before);
  const isDelete = asked.interaction === "delete";
  if (before) await decided(caller, isDelete ? "delete" : "update", before);
  if (before && asked.patch) await requireSeen(caller, before);
  refuseStale(caller, target);
  return isDelete ? plannedDelete(caller, target) : plannedPut(caller, target);
}

async function decided({ request }: Caller, action: AccessAction, version: Resource): Promise<void> {
  await request.authorizeOne(action, accessedOf(version, request.ctx.actor.tenant));
}

/** Whether a patch fits tells what is there, so that it takes the right to read, too. */
async function requireSeen(caller: Caller, before: Resource): Promise<void> {
  await requireInScope(caller.providers, caller.request, before);
  await decided(caller, "read", before);
}

/** What an update answers with was there in part before, or may have been: it is shown as a read would show it. */
async function isSeen({ request, providers }: Caller, before: Resource, after: Resource): Promise<boolean> {
  const [isOpen] = await inScope(providers, request, { interaction: "r", resources: [before] });
  const versions = [before, after].map((version) => accessedOf(version, request.ctx.actor.tenant));
  const decisions = await request.authorizeAll("read", versions);
  return isOpen === true && decisions.every(({ permit }) => permit);
}

function refuseStale({ rules }: Caller, { asked, before }: Target): void {
  const { id, ifMatch } = asked;
  if (ifMatch !== undefined && ifMatch !== Number(before?.meta?.versionId ?? 0))
    throw new GatewayError("version-conflict");
  if (before && id && ifMatch === undefined && rules.ifMatchRequired)
    throw new GatewayError("version-conflict", {
      field: "If-Match",
      detail: "send the version that you have read",
    });
}

async function plannedDelete({ request, resigning }: Caller, target: Target): Promise<PlannedChange> {
  const { before } = target;
  if (before) await resigning?.judged({ before }, request.ctx);
  return { ...target, action: before ? "delete" : "none", warnings: [] };
}

/**
 * A create that finds its resource. Whoever may make such a resource but not see it, as the registry office, is told
 * where it is when they named it themselves.
 */
async function foundAlready(caller: Caller, target: Target, before: Resource): Promise<PlannedChange> {
  const { request } = caller;
  const accessed = accessedOf(before, request.ctx.actor.tenant);
  const [decision] = await request.authorizeAll("read", [accessed]);
  const unseen = !decision?.permit && target.search !== undefined && namesItself(target.asked, target.search);
  await request.authorizeOne(unseen ? "create" : "read", accessed);
  refuseStale(caller, target);
  return { ...target, action: "none", after: before, warnings: [], unseen };
}

async function plannedPut(caller: Caller, target: Target): Promise<PlannedChange> {
  const { request, providers, repository, resigning, personIdOf } = caller;
  const { asked, before, id } = target;
  const { type } = asked.provider;
  const ownAddress = `${providers.baseUrl}/`;
  const after = withReferences({ ...contentOf(target), id } as Resource, (reference) =>
    reference.startsWith(ownAddress) ? reference.slice(ownAddress.length) : reference,
  );
  refuseConditional(after);
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
  // the rules read what is valid
  const warnings = await repository.validate(after, request.ctx);
  const unseen = before && !(await isSeen(caller, before, after));
  await decided(caller, action, after);
  const { provenance } = asked;
  const amendment = await resigning?.judged({ before, after, provenance }, request.ctx);
  return { ...target, action, after, warnings, unseen, amendment };
}

/** Those of a transaction have become ids by now; a Bundle that is stored has references of its own. */
function refuseConditional(resource: Resource): void {
  if (resource.resourceType !== "Bundle" && referencesIn(resource).some(isConditional))
    throw new GatewayError("bad-request", {
      field: resource.resourceType,
      detail: "a reference by a search has its place in a transaction",
    });
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

/** An id stands in URLs and logs, so that of a person's data must be random; throws `bad-request`. */
function refuseSpeakingId(type: string, id: string): void {
  const isFree = storedTypeOf(type)?.isPublic ?? false;
  if (isFree ? isId(id) : uuid.test(id)) return;
  const detail = isFree
    ? "not an id of FHIR R4"
    : "a new resource of this type takes a random UUID as its id";
  throw new GatewayError("bad-request", { field: `${type}.id`, detail });
}
