import type { Resource } from "@medplum/fhirtypes";
import { makerOf } from "../../access/accessed-of.ts";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import type { Written } from "../../fhir/provider.ts";
import type { RepositoryWrites } from "../../fhir/repository.ts";
import { partsAt, valuesOf } from "../../fhir/search/criterion.ts";
import type { KeptAccess } from "../../store/idempotency.ts";
import { isRepeatable, storeUnavailable } from "../../store/store-errors.ts";
import { personOf } from "./accesses.ts";
import type { AskedChange, Caller, Done, WritingCaller } from "./asked.ts";
import { atEntry } from "./at-entry.ts";
import { forgetHidden, journalHidden, journalHiddenIn } from "./hidden.ts";
import type { PlannedChange } from "./plan.ts";

// each time at least one of those who are in each other's way gets through
const mostAttempts = 16;

/**
 * Plans what is asked and writes it in one transaction, with its journal rows. Changes about the same go one after another
 * in this process; when another replica was quicker between the plan and the write, or in its way, it is planned anew.
 * Throws what planning throws, `store-unavailable` when others were quicker each time.
 */
export async function carriedOut(
  caller: WritingCaller,
  asked: readonly AskedChange[],
  plan: () => Promise<PlannedChange[]>,
): Promise<Done[]> {
  const { repository, request } = caller;
  try {
    return await repository.inTurn(request.ctx, asked.flatMap(namesOf), () => writtenAtLast(caller, plan));
  } catch (error) {
    // whose data the criteria met is told though nothing came of it
    await journalHidden(request, "criteria");
    throw error;
  }
}

async function writtenAtLast(caller: WritingCaller, plan: () => Promise<PlannedChange[]>): Promise<Done[]> {
  for (let attempt = 1; ; attempt += 1) {
    const changes = await plan();
    try {
      return await written(caller, changes);
    } catch (error) {
      if (!isOvertaken(error)) throw error;
      if (attempt === mostAttempts) throw storeUnavailable(error);
    }
  }
}

const isOvertaken = (error: unknown): boolean =>
  isGatewayError(error)
    ? error.code === "version-conflict" || isRepeatable(error.cause)
    : isRepeatable(error);

async function written(caller: WritingCaller, changes: readonly PlannedChange[]): Promise<Done[]> {
  const { repository, request, settle } = caller;
  const written = await repository.transaction(request.ctx, async (writes) => {
    await writes.claim(changes.flatMap(claimsOf));
    for (const change of changes) await refuseOvertaken(writes, change);
    const done: Done[] = [];
    for (const change of changes) {
      if (done.length > 0) await refuseMade(writes, change);
      done.push(await atEntry(change.entry, () => carriedThrough(caller, writes, change)));
    }
    await settle(writes.trx, done);
    await journalHiddenIn(writes.trx, request, "criteria");
    return done;
  });
  forgetHidden(request);
  return written;
}

const claimsOf = ({ asked, id, amendment }: PlannedChange): string[] => [
  ...namesOf({ ...asked, id }),
  ...(amendment?.binary === undefined ? [] : [`Binary/${amendment.binary}`]),
];

/** One change of the transaction, with what stands beside it when it is signed. */
async function carriedThrough(
  { request, resigning }: Caller,
  writes: RepositoryWrites,
  change: PlannedChange,
): Promise<Done> {
  const { action, amendment, before } = change;
  // a signature may have come since the change was planned
  if (before && action !== "none" && !amendment) await resigning?.refuseSigned(writes, before, request.ctx);
  const result = await performed(writes, change);
  const version = Number(result?.resource.meta?.versionId);
  const beside = amendment && (await resigning?.settle(writes, { ...amendment, version }, request.ctx));
  return doneOf(change, result, beside);
}

/**
 * What a change must have for itself: the resource, the criteria that find it, and each identifier in them, by which other
 * criteria may find the same.
 */
function namesOf({ provider: { type }, id, criteria = [] }: AskedChange): string[] {
  const sorted = new URLSearchParams([...criteria]);
  sorted.sort();
  const identifiers = criteria
    .filter(([name]) => /^identifier(:|$)/.test(name))
    .flatMap(([, value]) => valuesOf(value).raw ?? [])
    .map((value) => `${type} ${partsAt("|", value).at(-1)}`);
  return [
    ...(id === undefined ? [] : [`${type}/${id}`]),
    ...(criteria.length === 0 ? [] : [`${type}?${sorted}`]),
    ...identifiers,
  ];
}

/** Asks the criteria again, now that nobody else can answer to them; throws `version-conflict` for another answer. */
async function refuseOvertaken(writes: RepositoryWrites, { search, found }: PlannedChange): Promise<void> {
  if (!search || !found) return;
  const ids = await writes.search(search);
  if (ids.length !== found.length || ids.some((id) => !found.includes(id)))
    throw new GatewayError("version-conflict");
}

/** What an entry of a transaction is to find must not first be made by another; throws `bad-request`. */
async function refuseMade(writes: RepositoryWrites, { search, found, entry }: PlannedChange): Promise<void> {
  if (!search || !found) return;
  const ids = await writes.search(search);
  if (ids.every((id) => found.includes(id))) return;
  throw new GatewayError("bad-request", {
    field: `Bundle.entry[${entry}]`,
    detail: "its criteria find what another entry makes: name that by its fullUrl",
  });
}

async function performed(writes: RepositoryWrites, change: PlannedChange): Promise<Written | undefined> {
  const { action, asked, id, before, after } = change;
  const ifMatch = Number(before?.meta?.versionId ?? 0);
  if (action === "delete") await writes.remove(asked.provider.type, id, { ifMatch });
  if (action !== "create" && action !== "update") return undefined;
  return writes.put({ ...(after as Resource), id }, { ifMatch });
}

function doneOf(
  change: PlannedChange,
  result: Written | undefined,
  beside: readonly KeptAccess[] = [],
): Done {
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
    beside,
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
    holder: told && makerOf(told),
    ...(action === "none" && { decided: "read" }),
  };
}
