import type { ExtractResource, Resource } from "@medplum/fhirtypes";
import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { Keyring } from "../crypto/keyring.ts";
import { getResource, putResource, resourcesAbout, type StoredResource } from "./resources.ts";
import type { Schema } from "./schema.ts";

/** Whose resources: `subject` is the person's logical id. */
interface Owner {
  tenant: string;
  subject: string;
}

type Identified = Resource & { id: string };

interface Sealed {
  /** base64 */
  sealed: string;
}

const domain = "resource";

/** FHIR resources about a person; a row shows type, ids and times, the content is sealed. */
export class SealedResources {
  readonly #db: Kysely<Schema>;
  readonly #keyring: Keyring;
  readonly #clock: Clock;

  constructor(parts: { db: Kysely<Schema>; keyring: Keyring; clock: Clock }) {
    this.#db = parts.db;
    this.#keyring = parts.keyring;
    this.#clock = parts.clock;
  }

  /** Stores new resources in one transaction; throws `version-conflict` when an id is taken. */
  async create({ tenant, subject }: Owner, resources: readonly Identified[]): Promise<void> {
    const at = this.#clock.now();
    await this.#db.transaction().execute(async (trx) => {
      for (const resource of resources) {
        const key = { tenant, type: resource.resourceType, id: resource.id };
        const plain = Buffer.from(JSON.stringify(resource));
        const sealed = Buffer.from(this.#keyring.seal(domain, plain, placeOf(key)));
        const content: Sealed = { sealed: sealed.toString("base64") };
        await putResource(trx, { ...key, subject, content, at, ifVersion: 0 });
      }
    });
  }

  /** One resource of the person; undefined when it does not exist, is deleted or is another person's. */
  async read<T extends Resource["resourceType"]>(
    { tenant, subject }: Owner,
    type: T,
    id: string,
  ): Promise<ExtractResource<T> | undefined> {
    const stored = await getResource(this.#db, { tenant, type, id });
    if (!stored?.content || stored.subject !== subject) return undefined;
    return this.#opened<ExtractResource<T>>(stored);
  }

  /** Resources of one type about the person, newest first. */
  async list<T extends Resource["resourceType"]>(
    { tenant, subject }: Owner,
    type: T,
    limit: number,
  ): Promise<ExtractResource<T>[]> {
    const stored = await resourcesAbout(this.#db, { tenant, subject, type, limit });
    return stored.map((one) => this.#opened<ExtractResource<T>>(one));
  }

  #opened<R extends Resource>(stored: StoredResource): R {
    const { sealed } = stored.content as Sealed;
    const plain = this.#keyring.open(domain, Buffer.from(sealed, "base64"), placeOf(stored));
    return JSON.parse(Buffer.from(plain).toString("utf8"));
  }
}

// a sealed content moved to another row does not open
const placeOf = ({ tenant, type, id }: { tenant: string; type: string; id: string }): string =>
  JSON.stringify([tenant, type, id]);
