import type { Kysely } from "kysely";
import type { Cache } from "../cache/cache.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { DataKeys } from "../store/data-keys.ts";
import type { IdentityMap } from "../store/identity-map.ts";
import { holdsOf } from "../store/retention-holds.ts";
import type { Schema } from "../store/schema.ts";

interface ShreddingParts {
  db: Kysely<Schema>;
  dataKeys: DataKeys;
  identityMap: IdentityMap;
  cache: Cache;
  clock: Clock;
}

/** Destroys a person's data for good by destroying their data key; what was sealed stays as noise. */
export class Shredding {
  readonly #parts: ShreddingParts;

  constructor(parts: ShreddingParts) {
    this.#parts = parts;
  }

  /**
   * Throws `retention-held` while a hold is in force. After it returns no replica can give the data, from its cache
   * either; `store-unavailable` means that the key is gone and the caches are not yet known to be: call it again.
   */
  async shred(person: { tenant: string; subject: string }): Promise<void> {
    const { db, dataKeys, identityMap, cache, clock } = this.#parts;
    await db.transaction().execute(async (trx) => {
      // first, because it waits for documents that are being written
      await dataKeys.shred(trx, person);
      const [longest] = await holdsOf(trx, person, clock.now());
      if (longest) throw heldBy(longest);
    });
    // identifiers name the cached answers of registries; they are forgotten last, so that a repeated call finds them
    const identity = await identityMap.find(person.tenant, person.subject);
    for (const subject of [person.subject, identity?.value]) if (subject) await cache.bump(subject);
    await identityMap.forget(person.tenant, person.subject);
  }
}

function heldBy({ reason, until }: { reason: string; until: number }): GatewayError {
  const day = new Date(until).toISOString().slice(0, 10);
  return new GatewayError("retention-held", { detail: `held until ${day}: ${reason}` });
}
