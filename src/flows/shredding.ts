import type { Kysely } from "kysely";
import type { Cache } from "../cache/cache.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { forgetAccessFacts } from "../store/access-facts.ts";
import type { DataKeys } from "../store/data-keys.ts";
import type { IdentityMap } from "../store/identity-map.ts";
import type { ResourceKey } from "../store/resources.ts";
import { forgetHolds, holdsOf } from "../store/retention-holds.ts";
import type { Schema } from "../store/schema.ts";

/** What searches of stored resources read. */
interface ResourceIndex {
  /** an absent resource is forgotten */
  write(trx: Kysely<Schema>, key: ResourceKey, resource: undefined): Promise<void>;
}

interface ShreddingParts {
  db: Kysely<Schema>;
  dataKeys: DataKeys;
  identityMap: IdentityMap;
  index: ResourceIndex;
  cache: Cache;
  clock: Clock;
}

interface ShreddedPerson {
  tenant: string;
  /** logical id */
  subject: string;
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
  async shred(person: ShreddedPerson): Promise<void> {
    const { db, dataKeys, identityMap, index, cache, clock } = this.#parts;
    await db.transaction().execute(async (trx) => {
      // first, because it waits for documents that are being written
      await dataKeys.shred(trx, person);
      const [longest] = await holdsOf(trx, person, clock.now());
      if (longest) throw heldBy(longest);
      for (const key of await resourcesOf(trx, person)) await index.write(trx, key, undefined);
      await forgetAccessFacts(trx, person);
      await forgetHolds(trx, person);
    });
    // identifiers name the cached answers of registries; they are forgotten last, so that a repeated call finds them
    const identity = await identityMap.find(person.tenant, person.subject);
    for (const subject of [person.subject, identity?.value]) if (subject) await cache.bump(subject);
    await identityMap.forget(person.tenant, person.subject);
  }
}

function resourcesOf(trx: Kysely<Schema>, { tenant, subject }: ShreddedPerson): Promise<ResourceKey[]> {
  return trx
    .selectFrom("resource")
    .select(["tenant", "type", "id"])
    .where("tenant", "=", tenant)
    .where("subject", "=", subject)
    .execute();
}

function heldBy({ reason, until }: { reason: string; until: number }): GatewayError {
  const day = new Date(until).toISOString().slice(0, 10);
  return new GatewayError("retention-held", { detail: `held until ${day}: ${reason}` });
}
