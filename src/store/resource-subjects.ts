import type { Kysely } from "kysely";
import type { Schema } from "./schema.ts";

/**
 * Logical ids of the persons whose data stored resources are, by `Type/id`: null for what is nobody's, nothing for what
 * never was. A deleted resource is still its person's.
 */
export async function subjectsOfStored(
  db: Kysely<Schema>,
  { tenant, resources }: { tenant: string; resources: readonly { type: string; id: string }[] },
): Promise<ReadonlyMap<string, string | null>> {
  if (resources.length === 0) return new Map();
  const rows = await db
    .selectFrom("resource")
    .select(["type", "id", "subject"])
    .where("tenant", "=", tenant)
    .where(({ or, and, eb }) =>
      or(resources.map(({ type, id }) => and([eb("type", "=", type), eb("id", "=", id)]))),
    )
    .execute();
  return new Map(rows.map(({ type, id, subject }) => [`${type}/${id}`, subject]));
}
