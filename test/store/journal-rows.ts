import type { JournalRow } from "../../src/store/journal.ts";

/** A row of the journal of synthetic actors; `n` tells rows apart. */
export function rowOf(n: number, fields: Partial<JournalRow> = {}): JournalRow {
  return {
    at: Date.UTC(2026, 10, 21, 9) + n,
    tenant: "1.2.643.5.1.13.13.12.2.77.7823",
    requestId: `request-${n}`,
    actorKind: "client",
    actorId: "demo-client",
    action: "read",
    resourceType: "Practitioner",
    resourceId: `practitioner-${n}`,
    subject: `practitioner-${n}`,
    ground: "TREAT",
    outcome: "ok",
    ...fields,
  };
}
