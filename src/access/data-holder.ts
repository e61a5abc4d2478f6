import type { AccessedResource } from "./access-facts.ts";
import { classOf } from "./data-classes.ts";
import { isAtOrBelow } from "./oid-tree.ts";

/** ФРМО OID of the organisation whose data was accessed; consents and journal rows name other organisations there. */
export function holderOf({ type, subject, organization }: AccessedResource): string | undefined {
  const kind = classOf(type, subject);
  return kind === "consent" || kind === "journal" ? undefined : organization;
}

// what a resource says of its maker was written by a caller, who may have written anything
const oid = /^[0-2](\.\d{1,10}){3,20}$/;

/** The holder as a row of this tenant names it: undefined for the tenant's own data and that of its units. */
export const otherHolderOf = (tenant: string, holder: string | undefined): string | undefined =>
  holder !== undefined && oid.test(holder) && !isAtOrBelow(holder, [tenant]) ? holder : undefined;
