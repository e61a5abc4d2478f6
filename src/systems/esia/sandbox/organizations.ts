import type { Organization, World } from "../../sandbox-world.ts";

/** ESIA numbers organisations itself: 1000000001 and on, in the order of the world. */
export function esiaOrganizations(world: World): { oid: number; row: Organization }[] {
  return [...world.organizations.values()].map((row, index) => ({ oid: 1_000_000_001 + index, row }));
}
