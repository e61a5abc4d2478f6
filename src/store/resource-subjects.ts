import type { Kysely } from "kysely";
import type { Schema } from "./schema.ts";

/** Logical ids of the persons whose data stored resources are; of those that are nobody's, none. */
export async function subjectsOfStored(
  db: Kysely<Schema>,
  { tenant, resources }: { tenant: string; resources: readonly { type: string; id: string }[] },
): Promise<string[]> {
  if (resources.length === 0) return [];
  const rows = await db
    .selectFrom("resource")
    .select("subject")
    .distinct()
    .where("tenant", "=", tenant)
    .where(({ or, and, eb }) =>
      or(resources.map(({ type, id }) => and([eb("type", "=", type), eb("id", "=", id)]))),
    )
    .execute();
  return rows.flatMap(({ subject }) => subject ?? []);
}
