import type { EmployeeRole } from "./identity-provider.ts";
import type { EsiaRole } from "./wire.ts";

/** Elements of ESIA's /roles as the project speaks of them. */
export function employeeRoles({ elements = [] }: { elements?: readonly EsiaRole[] }): EmployeeRole[] {
  return elements.map((role) => ({
    organizationOid: String(role.oid),
    ogrn: role.ogrn ?? "",
    name: role.fullName ?? role.shortName ?? "",
    active: role.active === true && role.isLiquidated !== true,
    chief: role.chief === true,
  }));
}
