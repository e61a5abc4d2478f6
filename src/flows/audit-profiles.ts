import type { JournalRow } from "../store/journal-format.ts";

const profile = (name: string) =>
  `https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.${name}`;

const patterns: Readonly<Record<string, string>> = {
  read: "Read",
  vread: "Read",
  search: "Query",
  create: "Create",
  update: "Update",
  patch: "Update",
  delete: "Delete",
};

interface Told {
  row: JournalRow;
  /** whose data it was is a patient */
  isOfPatient: boolean;
  /** a human stands behind the access */
  hasUser: boolean;
}

/** The patterns of IHE BALP 1.1.3 whose every field the event has; one that lacks a field claims none. */
export function profilesOf({ row, isOfPatient, hasUser }: Told): string[] {
  const { action, outcome, address, token, query, resourceType, resourceId } = row;
  const pattern = Object.hasOwn(patterns, action) ? patterns[action] : undefined;
  const hasObject = pattern === "Query" ? query !== undefined : resourceType && resourceId;
  // a refusal is recorded, but is no success; rows of before, and of what was put off, have no address
  const isWhole = pattern && outcome === "ok" && address !== undefined && hasObject;
  return [
    ...(isWhole ? [profile(isOfPatient ? `Patient${pattern}` : pattern)] : []),
    ...(token !== undefined && hasUser ? [profile("OAUTHaccessTokenUse.Minimal")] : []),
  ];
}
