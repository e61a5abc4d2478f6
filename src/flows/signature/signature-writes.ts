import { randomUUID } from "node:crypto";
import type { ExtractResource, Resource, ResourceType } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import type { Clock } from "../../core/clock.ts";
import { type RequestContext, systemContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { Repository, RepositoryWrites } from "../../fhir/repository.ts";
import { subjectOf } from "../../fhir/subject.ts";
import type { KeptAccess } from "../../store/idempotency.ts";
import type { Journal } from "../../store/journal.ts";
import type { Schema } from "../../store/schema.ts";
import type { KeptSignature } from "../../store/signatures.ts";
import type { SignatureTerms } from "./terms.ts";

export interface SignatureWritesParts {
  repository: OpenedLater<Repository>;
  journal: Pick<Journal, "appendIn">;
  clock: Clock;
  log: Logger;
}

/** What the doors open after the parts behind them. */
export class OpenedLater<T> {
  #opened: T | undefined;

  open(opened: T): void {
    this.#opened = opened;
  }

  get(): T {
    if (this.#opened) return this.#opened;
    throw new GatewayError("internal", { detail: "asked for before it was opened" });
  }
}

type Identified = Resource & { id: string };

/** What a signature writes in one open transaction; remembers each resource for the journal. */
export class SignatureWriter {
  readonly trx: Kysely<Schema>;
  readonly accesses: KeptAccess[] = [];
  readonly #writes: RepositoryWrites;

  constructor(writes: RepositoryWrites) {
    this.trx = writes.trx;
    this.#writes = writes;
  }

  claim(name: string): Promise<void> {
    return this.#writes.claim([name]);
  }

  /** The current version as the transaction sees it; throws `not-found` and `gone`. */
  current<T extends ResourceType>(type: T, id: string): Promise<ExtractResource<T>> {
    return this.#writes.read(type, id) as Promise<ExtractResource<T>>;
  }

  /** Writes the next version and says its number. Throws `version-conflict`. */
  async put(resource: Identified, ifMatch?: number): Promise<number> {
    const { resource: stored, created } = await this.#writes.put(resource, { ifMatch });
    const { resourceType, id } = resource;
    const action = created ? "create" : "update";
    this.accesses.push({ action, resourceType, resourceId: id, subject: subjectOf(resource) });
    return Number(stored.meta?.versionId);
  }
}

const longestMs = 30_000;

/** Writes of the gateway itself in the name of a signer: found, told and journalled like every other change. */
export class SignatureWrites {
  readonly #parts: SignatureWritesParts;

  constructor(parts: SignatureWritesParts) {
    this.#parts = parts;
  }

  /** One transaction, in which the journal gets a row for each resource that it wrote. */
  transaction<T>(
    kept: KeptSignature,
    { requestId = randomUUID() }: { requestId?: string },
    work: (writer: SignatureWriter) => Promise<T>,
  ): Promise<T> {
    const { repository, journal, clock } = this.#parts;
    const ctx = this.#contextOf(kept, requestId);
    const { kind: actorKind, id: actorId, tenant } = ctx.actor;
    const { roleId: role } = kept.terms as SignatureTerms;
    const who = { tenant, requestId, actorKind, actorId, onBehalfOf: kept.signer, role };
    return repository.get().transaction(ctx, async (writes) => {
      const writer = new SignatureWriter(writes);
      const result = await work(writer);
      const rows = writer.accesses.map((access) => ({
        at: clock.now(),
        ...who,
        ...access,
        outcome: "ok" as const,
      }));
      await journal.appendIn(writes.trx, rows);
      return result;
    });
  }

  #contextOf({ tenant }: KeptSignature, requestId: string): RequestContext {
    const { clock, log } = this.#parts;
    return systemContext({ id: "signatures", tenant, requestId, deadline: clock.now() + longestMs, log });
  }
}
