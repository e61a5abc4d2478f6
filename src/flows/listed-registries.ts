import type { Bundle, Practitioner } from "@medplum/fhirtypes";
import { identifierSystem } from "../core/canonical.ts";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import type { Logger } from "../core/logger.ts";
import type { OrganizationDirectory } from "./organization-directory.ts";
import type { PractitionerDirectory } from "./practitioner-directory.ts";
import type { Copied } from "./registry-copy.ts";
import type { ListedRegistry } from "./registry-sync.ts";

export interface WorkerList {
  workersChangedSince(
    day: string | undefined,
    page: number,
    ctx: RequestContext,
  ): Promise<{ value: { bundles: readonly Bundle[]; refused: number; isLast: boolean } }>;
}

export interface OrganizationList {
  listOrganizations(
    newContext: () => RequestContext,
  ): AsyncIterable<readonly { oid: string; modifyDate?: string | null }[]>;
}

interface ListedParts<L, D> {
  list: L;
  directory: D;
  clock: Clock;
  log: Logger;
}

/** ФРМР: Practitioner and a PractitionerRole per personal file. */
export const listedWorkers = ({
  list,
  directory,
  clock,
  log,
}: ListedParts<WorkerList, Pick<PractitionerDirectory, "cardOf">>): ListedRegistry => ({
  name: "frmr",
  async *records(day, newContext) {
    for await (const bundle of workersOf(list, { day, log }, newContext)) {
      const snils = snilsIn(bundle);
      if (snils === undefined) continue;
      const { practitioner, roles } = await directory.cardOf(snils, bundle, clock.now());
      yield { owner: practitioner.id ?? "", resources: [practitioner, ...roles] as Copied[] };
    }
  },
});

async function* workersOf(
  list: WorkerList,
  { day, log }: { day: string | undefined; log: Logger },
  newContext: () => RequestContext,
): AsyncGenerator<Bundle> {
  for (let page = 1; ; page++) {
    const { bundles, refused, isLast } = (await list.workersChangedSince(day, page, newContext())).value;
    if (refused > 0) log.warn({ system: "frmr", count: refused }, "records that can't be converted");
    yield* bundles;
    if (isLast) return;
  }
}

/** ФРМО: Organization of each legal entity and of its structural units. */
export const listedOrganizations = ({
  list,
  directory,
}: ListedParts<OrganizationList, Pick<OrganizationDirectory, "cardByOid">>): ListedRegistry => ({
  name: "frmo",
  async *records(day, newContext) {
    for await (const part of list.listOrganizations(newContext))
      for (const { oid, modifyDate } of part) {
        // a day that the registry does not tell may be any
        if (day !== undefined && modifyDate && modifyDate < day) continue;
        const { value } = await directory.cardByOid(oid, newContext());
        yield { owner: value[0]?.id ?? "", resources: value };
      }
  },
});

function snilsIn({ entry = [] }: Bundle): string | undefined {
  const practitioner = entry.find(({ resource }) => resource?.resourceType === "Practitioner")?.resource;
  return (practitioner as Practitioner | undefined)?.identifier?.find(
    ({ system }) => system === identifierSystem.snils,
  )?.value;
}
