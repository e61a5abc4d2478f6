import { type Kysely, sql } from "kysely";
import type { Schema } from "./schema.ts";

export interface OutboxDepth {
  system: string;
  ready: number;
  /** on lease to a worker or waiting for the next attempt */
  delayed: number;
  dead: number;
  /** milliseconds since the oldest undelivered message was written; dead ones don't count */
  oldestMs: number;
}

/** How much waits for each system; a state is counted up to `most`, so that a flood costs no more than that. */
export async function outboxDepth(db: Kysely<Schema>, now: number, most = 100_000): Promise<OutboxDepth[]> {
  const { rows } = await sql<OutboxDepth>`
    select system,
      (count(*) filter (where state = 'pending' and due_at <= ${now}))::int as ready,
      (count(*) filter (where state = 'pending' and due_at > ${now}))::int as delayed,
      (count(*) filter (where state = 'dead'))::int as dead,
      coalesce(${now} - min(created_at) filter (where state = 'pending'), 0)::int8 as "oldestMs"
    from (
      (select system, state, due_at, created_at from outbox where state = 'pending'
        order by system, due_at limit ${most})
      union all
      (select system, state, due_at, created_at from outbox where state = 'dead' limit ${most})) as open
    group by system order by system`.execute(db);
  return rows;
}
