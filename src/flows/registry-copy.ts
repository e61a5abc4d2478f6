import { randomUUID } from "node:crypto";
import type { Resource } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import { type RequestContext, systemContext } from "../core/context.ts";
import { GatewayError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { sharedTenant } from "../core/shared-tenant.ts";
import type { IndexedSearch } from "../fhir/provider.ts";
import type { Repository } from "../fhir/repository.ts";
import { versioned } from "../fhir/version.ts";
import { type CopyAge, copyAgeOf, noteCopyAge, noteRecord, ownersUnseen } from "../store/registry-copies.ts";
import type { Schema } from "../store/schema.ts";

export interface RegistryCopyParts {
  db: Kysely<Schema>;
  /** writes what registries say: without validation and without listeners */
  repository: Repository;
  log: Logger;
}

/** A resource of a registry under its logical id. */
export type Copied = Resource & { id: string };

// what registries publish is the same for every organisation
const tenant = sharedTenant;
const firstCopySeconds = 120;

/** Synchronised copies of registries in the search index: what answers the searches that a registry can't. */
export class RegistryCopy {
  readonly #parts: RegistryCopyParts;

  constructor(parts: RegistryCopyParts) {
    this.#parts = parts;
  }

  ageOf(registry: string): Promise<CopyAge | undefined> {
    return copyAgeOf(this.#parts.db, registry);
  }

  noteAge(registry: string, age: CopyAge): Promise<void> {
    return noteCopyAge(this.#parts.db, registry, age);
  }

  /** Writes one record of a registry, seen at a moment, over what was known of it; no resources: it is no more. */
  async put(registry: string, owner: string, at: number, resources: readonly Copied[]): Promise<void> {
    const named = resources.map(({ resourceType, id }) => ({ type: resourceType, id }));
    await this.#parts.repository.transaction(this.#context(), async (writes) => {
      for (const resource of resources) await writes.put(resource, {});
      const gone = await noteRecord(writes.trx, { registry, owner, at, resources: named });
      for (const { type, id } of gone) await writes.remove(type, id, {});
    });
  }

  /** Forgets the records that were not seen since a moment. */
  async sweep(registry: string, since: number): Promise<void> {
    for (;;) {
      const owners = await ownersUnseen(this.#parts.db, registry, since);
      for (const owner of owners) await this.put(registry, owner, since, []);
      if (owners.length === 0) return;
    }
  }

  /** Searches the copy; throws `upstream-unavailable` before there is one. Its age is among the sources. */
  searchOf(registry: string): Pick<IndexedSearch, "candidates"> {
    return {
      candidates: async (request, page, ctx) => {
        const age = await this.ageOf(registry);
        if (!age) throw notCopied(registry);
        const found = await this.#parts.repository.search(request, page, shared(ctx));
        return {
          ...found,
          found: found.found.map(({ resource, at }) => ({ resource: asRead(resource, age), at })),
          sources: [{ system: registry, status: "cached", asOf: age.copiedAt, copy: true }],
        };
      },
    };
  }

  #context(): RequestContext {
    const own = { id: "registry-copy", requestId: randomUUID(), deadline: Number.MAX_SAFE_INTEGER };
    return systemContext({ ...own, tenant, log: this.#parts.log });
  }
}

const shared = (ctx: RequestContext): RequestContext => ({ ...ctx, actor: { ...ctx.actor, tenant } });

/** As a read through the registry shows it: with the version that is a digest of what it says. */
function asRead({ id, meta: _row, ...content }: Resource, { copiedAt }: CopyAge): Resource {
  return versioned({ ...content, id } as Resource, copiedAt);
}

const notCopied = (system: string) =>
  new GatewayError("upstream-unavailable", {
    system,
    retryAfter: firstCopySeconds,
    detail: "there is no copy of the registry yet to search in",
  });
