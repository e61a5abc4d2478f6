import type { BundleEntry, Resource } from "@medplum/fhirtypes";
import { GatewayError } from "../../core/errors.ts";
import { isConditional, referencesIn, withLinks } from "../../fhir/references.ts";
import { requireScope } from "../../plugins/auth.ts";
import type { AskedChange, Caller, Done, Pairs, WritingCaller } from "./asked.ts";
import { atEntry } from "./at-entry.ts";
import type { AskedEntry, AskedRead, AskedWhole } from "./bundle-entry.ts";
import { preparedRead, refuseMissing } from "./bundle-read.ts";
import { type BundleCaller, failureOf, respondedChange, respondedFailure } from "./bundle-response.ts";
import { carriedOut } from "./carry-out.ts";
import { findByCriteria, pairsOfQuery } from "./criteria.ts";
import { providerOf } from "./paths.ts";
import { type PlannedChange, plannedChange, type Target, targetsOf } from "./plan.ts";

type ChangeEntry = AskedEntry & { change: AskedChange };
type ReadEntry = AskedEntry & { read: AskedRead | AskedWhole };
type Aim = Target & { entry: ChangeEntry };

const order = ["DELETE", "POST", "PUT", "PATCH"];
const rankOf = ({ method }: AskedEntry): number => order.indexOf(method);

/**
 * All changes of a transaction or none, in the order DELETE, POST, PUT and PATCH; GETs are answered by what is there
 * after them. Throws what any entry throws, naming the entry.
 */
export async function transacted(
  caller: BundleCaller & WritingCaller,
  entries: readonly AskedEntry[],
): Promise<BundleEntry[]> {
  refuseNamedAlike(entries);
  const changes = entries
    .filter((entry): entry is ChangeEntry => entry.change !== undefined)
    .sort((one, other) => rankOf(one) - rankOf(other));
  const reads = entries
    .filter((entry): entry is ReadEntry => entry.read !== undefined)
    .map((entry) => ({ ...entry, run: atEntry(entry.index, () => preparedRead(caller, entry.read)) }));
  const asked = changes.map(({ change }) => change);
  const done = await carriedOut(caller, asked, () => planned(caller, changes, reads));
  const answers = respondedChanges(caller, entries, done);
  // what is written stays written: a read that fails now is the failure of its entry
  for (const { run, ...entry } of reads)
    answers[entry.index] = await atEntry(entry.index, run).catch((error) =>
      respondedFailure(caller, entry, error),
    );
  return answers;
}

/** Answers in the order of the entries; those of GETs say that they were not carried out. */
export const respondedChanges = (
  caller: BundleCaller,
  entries: readonly AskedEntry[],
  done: readonly Done[],
): BundleEntry[] =>
  entries.map(({ index, change }) =>
    change
      ? respondedChange(
          caller,
          done.filter(({ entry }) => entry === index),
        )
      : failureOf(new GatewayError("read-interrupted", { field: `Bundle.entry[${index}]` })),
  );

async function planned(
  caller: Caller,
  changes: readonly ChangeEntry[],
  reads: readonly ReadEntry[],
): Promise<PlannedChange[]> {
  const links = new Map<string, string>();
  const aims = await aimsOf(caller, changes, links);
  refuseTwice(aims);
  const planned: PlannedChange[] = [];
  for (const { entry, ...target } of aims)
    planned.push(
      await atEntry(entry.index, async () => {
        const asked = await linkedChange(caller, target.asked, links);
        return { ...(await plannedChange(caller, { ...target, asked })), entry: entry.index };
      }),
    );
  for (const { index, read } of reads) await atEntry(index, () => refuseMissing(caller, read, planned));
  return planned;
}

/** What each change is about. Criteria may name other entries, whose ids must then be known first. */
async function aimsOf(
  caller: Caller,
  changes: readonly ChangeEntry[],
  links: Map<string, string>,
): Promise<Aim[]> {
  const found = new Map<ChangeEntry, Aim[]>();
  for (let open = [...changes]; open.length > 0; ) {
    const next = open.find((entry) => !waitsFor(entry, open)) ?? open[0];
    if (!next) break;
    const { change, index, fullUrl } = next;
    const asked = { ...change, criteria: linkedCriteria(change.criteria, links) };
    const targets = await atEntry(index, () => targetsOf(caller, asked));
    found.set(
      next,
      targets.map((target) => ({ ...target, entry: next })),
    );
    const [first] = targets;
    if (fullUrl !== undefined && first) links.set(fullUrl, `${change.provider.type}/${first.id}`);
    open = open.filter((entry) => entry !== next);
  }
  return changes.flatMap((entry) => found.get(entry) ?? []);
}

const waitsFor = ({ change }: ChangeEntry, open: readonly ChangeEntry[]): boolean =>
  change.criteria?.some(([, value]) => open.some(({ fullUrl }) => fullUrl === value)) ?? false;

const linkedCriteria = (criteria: Pairs | undefined, links: ReadonlyMap<string, string>): Pairs | undefined =>
  criteria?.map(([name, value]) => [name, links.get(value) ?? value]);

/** What is found or named by two entries (FHIR R4 3.1.0.11.2); throws `bad-request`. */
function refuseTwice(aims: readonly Aim[]): void {
  const seen = new Map<string, AskedChange["interaction"]>();
  for (const { asked, id, entry } of aims) {
    const name = `${asked.provider.type}/${id}`;
    const other = seen.get(name);
    // several conditional creates may find the same resource, which none of them changes
    if (other !== undefined && (other !== "create" || asked.interaction !== "create"))
      throw new GatewayError("bad-request", {
        field: `Bundle.entry[${entry.index}]`,
        detail: "another entry changes the same resource",
      });
    seen.set(name, asked.interaction);
  }
}

/** The change with links to other entries resolved, and references by criteria to the one that they find. */
async function linkedChange(
  caller: Caller,
  asked: AskedChange,
  links: ReadonlyMap<string, string>,
): Promise<AskedChange> {
  if (!asked.resource) return asked;
  const resource = withLinks(asked.resource, links);
  refuseDangling(resource);
  const found = new Map<string, string>();
  for (const reference of referencesIn(resource))
    if (isConditional(reference)) found.set(reference, await foundBy(caller, reference));
  return { ...asked, resource: found.size > 0 ? withLinks(resource, found) : resource };
}

const entryLink = /^urn:(uuid|oid):/;

/** Refuses a link to an entry that there is not; a Bundle that is stored has links of its own. */
function refuseDangling(resource: Resource): void {
  if (resource.resourceType === "Bundle") return;
  if (referencesIn(resource).some((reference) => entryLink.test(reference)))
    throw new GatewayError("bad-request", {
      field: resource.resourceType,
      detail: "refers to a fullUrl that no changed entry has",
    });
}

/** FHIR R4 bdl-7: links could mean either of two entries that are named alike. */
function refuseNamedAlike(entries: readonly AskedEntry[]): void {
  const seen = new Set<string>();
  for (const { fullUrl, index, change } of entries) {
    if (fullUrl === undefined || !change) continue;
    if (seen.has(fullUrl))
      throw new GatewayError("bad-request", {
        field: `Bundle.entry[${index}].fullUrl`,
        detail: "another entry has the same fullUrl",
      });
    seen.add(fullUrl);
  }
}

async function foundBy(caller: Caller, reference: string): Promise<string> {
  const [type = "", query = ""] = reference.split("?", 2);
  const provider = providerOf(caller.providers, type);
  requireScope(caller.request, type, "s");
  const { matches } = await findByCriteria(
    caller,
    { interaction: "reference", provider },
    pairsOfQuery(query),
  );
  const [id, ...others] = matches;
  if (id === undefined || others.length > 0)
    throw new GatewayError("criteria-ambiguous", {
      field: type,
      detail: `a reference finds ${matches.length}`,
    });
  return `${type}/${id}`;
}
