import type { Kysely } from "kysely";
import type { Schema } from "./schema.ts";

export interface LeaseRequest {
  job: string;
  holder: string;
  now: number;
  leaseMs: number;
}

/** Takes or renews the lease of a job; false while another holder's lease runs. */
export async function takeLease(db: Kysely<Schema>, request: LeaseRequest): Promise<boolean> {
  const { job, holder, now, leaseMs } = request;
  const expires_at = now + leaseMs;
  const result = await db
    .insertInto("job_lease")
    .values({ job, holder, expires_at })
    .onConflict((conflict) =>
      conflict
        .column("job")
        .doUpdateSet({ holder, expires_at })
        .where((lease) =>
          lease.or([lease("job_lease.holder", "=", holder), lease("job_lease.expires_at", "<=", now)]),
        ),
    )
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/** Gives all leases of a holder back, so that another replica takes over at once. */
export async function releaseLeases(db: Kysely<Schema>, holder: string): Promise<void> {
  await db.deleteFrom("job_lease").where("holder", "=", holder).execute();
}
