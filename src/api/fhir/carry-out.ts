import type { Resource } from "@medplum/fhirtypes";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import type { Written } from "../../fhir/provider.ts";
import type { RepositoryWrites } from "../../fhir/repository.ts";
import { storedTypeOf } from "../../fhir/stored-types.ts";
import type { KeptAccess } from "../../store/idempotency.ts";
import { isRepeatable, storeUnavailable } from "../../store/store-errors.ts";
import { personOf } from "./accesses.ts";
import type { Caller, Done } from "./asked.ts";
import { journalHidden } from "./hidden.ts";
import type { PlannedChange } from "./plan.ts";

const mostAttempts = 4;

/**
 * Writes the planned changes in one transaction, then their journal rows. When someone else was quicker between the
 * plan and the write, or in its way, it is planned anew. Throws what planning throws, `version-conflict`, `store-unavailable`.
 */
export async function carriedOut(caller: Caller, plan: () => Promise<PlannedChange[]>): Promise<Done[]> {
  for (let attempt = 1; ; attempt += 1) {
    const changes = await plan();
    try {
      const done = await written(caller, changes);
      for (const { access } of done) await caller.request.journal(access);
      await journalHidden(caller.request, "criteria");
      return done;
    } catch (error) {
      const conflict = conflictOf(error);
      if (!conflict || attempt === mostAttempts) throw conflict ?? error;
    }
  }
}

/** What the caller is told when someone else was in the way each time; undefined for any other failure. */
function conflictOf(error: unknown): GatewayError | undefined {
  if (isRepeatable(error)) return storeUnavailable(error);
  return isGatewayError(error) && error.code === "version-conflict" ? error : undefined;
}

async function written(caller: Caller, changes: readonly PlannedChange[]): Promise<Done[]> {
  const isStored = changes.every(({ asked }) => storedTypeOf(asked.provider.type));
  if (isStored) return inTransaction(caller, changes);
  const [only, ...others] = changes;
  if (!only || others.length > 0)
    throw new GatewayError("internal", { detail: "one transaction, several systems" });
  return [doneOf(only, await passedOn(caller, only))];
}

function inTransaction(
  { request, repository, resigning, settle }: Caller,
  changes: readonly PlannedChange[],
): Promise<Done[]> {
  const { ctx } = request;
  return repository.transaction(ctx, async (writes) => {
    await writes.claim(changes.flatMap(namesOf));
    for (const change of changes) await refuseOvertaken(writes, change);
    const done: Done[] = [];
    for (const change of changes) {
      const result = await performed(writes, change);
      if (change.amendment && result)
        await resigning?.settle(writes.trx, change.amendment, Number(result.resource.meta?.versionId));
      done.push(doneOf(change, result));
    }
    await settle?.(writes.trx, done);
    return done;
  });
}

/** What a change must have for itself while its transaction lasts: the resource, and the criteria that found it. */
function namesOf({ asked, id }: PlannedChange): string[] {
  const { type } = asked.provider;
  const criteria = asked.criteria && new URLSearchParams([...asked.criteria]);
  criteria?.sort();
  return [`${type}/${id}`, ...(criteria ? [`${type}?${criteria}`] : [])];
}

/** Asks the criteria again, now that nobody else can answer to them; throws `version-conflict` for another answer. */
async function refuseOvertaken(writes: RepositoryWrites, { search, found }: PlannedChange): Promise<void> {
  if (!search || !found) return;
  const ids = await writes.search(search);
  if (ids.length !== found.length || ids.some((id) => !found.includes(id)))
    throw new GatewayError("version-conflict");
}

async function performed(writes: RepositoryWrites, change: PlannedChange): Promise<Written | undefined> {
  const { action, asked, id, before, after } = change;
  const ifMatch = Number(before?.meta?.versionId ?? 0);
  if (action === "delete") await writes.remove(asked.provider.type, id, { ifMatch });
  if (action !== "create" && action !== "update") return undefined;
  return writes.put({ ...(after as Resource), id }, { ifMatch });
}

/** A type that is not ours: its own provider writes. */
async function passedOn({ request }: Caller, change: PlannedChange): Promise<Written | undefined> {
  const { action, asked, id, after } = change;
  const { provider, ifMatch } = asked;
  if (action === "delete") await provider.remove?.(id, request.ctx, { ifMatch });
  if (action !== "create" && action !== "update") return undefined;
  return asked.interaction === "create"
    ? provider.create?.(after as Resource, request.ctx)
    : provider.update?.(id, after as Resource, request.ctx, { ifMatch });
}

function doneOf(change: PlannedChange, result: Written | undefined): Done {
  const { asked, entry, id, after, action, warnings, unseen } = change;
  const resource = result?.resource ?? (action === "none" ? after : undefined);
  return {
    status: result?.created ? 201 : resource ? 200 : 204,
    asked,
    entry,
    id: resource?.id ?? id,
    resource,
    warnings,
    unseen,
    access: accessOf(change),
  };
}

function accessOf({ asked, id, before, after, action }: PlannedChange): KeptAccess {
  const told = after ?? before;
  return {
    action: asked.interaction,
    resourceType: asked.provider.type,
    // of what there never was, the caller may have named anything, a person's number too
    resourceId: told && id,
    subject: told && personOf(told),
    ...(action === "none" && { decided: "read" }),
  };
}
