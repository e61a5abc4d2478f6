import type { RequestContext } from "../core/context.ts";
import { isGatewayError } from "../core/errors.ts";
import { type JournalRow, organizationOf } from "../store/journal-format.ts";
import type { OrganizationDirectory } from "./organization-directory.ts";
import type { PractitionerDirectory } from "./practitioner-directory.ts";

interface Directories {
  practitioners: PractitionerDirectory;
  organizations: OrganizationDirectory;
  /** registered name of a client system */
  clientName(clientId: string): string | undefined;
}

/** Names for people to read: who acted, and in which organisation. */
export interface AccessNames {
  actor(row: JournalRow): string | undefined;
  organization(oid: string): string | undefined;
}

/** Asks the registries once for each worker and organisation of a page; whom they do not tell stays nameless. */
export async function accessNames(
  rows: readonly JournalRow[],
  { practitioners, organizations, clientName }: Directories,
  ctx: RequestContext,
): Promise<AccessNames> {
  const workers = await named(rows.map(workerOf), async (id) => {
    const { value } = await practitioners.cardById(id, ctx);
    const [name] = value.practitioner.name ?? [];
    return [name?.family, ...(name?.given ?? [])].filter(Boolean).join(" ");
  });
  const oids = await named(
    rows.map((row) => organizationOf(row) || undefined),
    async (oid) => (await organizations.organizationByOid(oid, ctx)).value.name,
  );
  return {
    actor: (row) => workers.get(workerOf(row) ?? "") ?? clientName(row.actorId),
    organization: (oid) => oids.get(oid),
  };
}

/** Logical id of the worker who acted, in person or behind a client system. */
export const workerOf = ({ actorKind, actorId, onBehalfOf }: JournalRow): string | undefined =>
  onBehalfOf ?? (actorKind === "practitioner" ? actorId : undefined);

async function named(
  keys: readonly (string | undefined)[],
  nameOf: (key: string) => Promise<string | undefined>,
): Promise<Map<string, string | undefined>> {
  const distinct = [...new Set(keys.filter((key) => key !== undefined))];
  const names = await Promise.all(
    distinct.map(async (key) => {
      const name = await nameOf(key).catch((error: unknown) => {
        if (isGatewayError(error)) return undefined;
        throw error;
      });
      return [key, name] as const;
    }),
  );
  return new Map(names);
}
