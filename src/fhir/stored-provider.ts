import { randomUUID } from "node:crypto";
import type { Resource } from "@medplum/fhirtypes";
import type { Provider } from "./provider.ts";
import type { Repository } from "./repository.ts";
import { indexedParametersOf } from "./search/parameters.ts";
import type { StoredType } from "./stored-types.ts";

/** A type of our own store behind the FHIR door. */
export function storedProvider(repository: Repository, row: StoredType): Provider {
  const { type, documentation } = row;
  const alone = async (resource: Resource) => ({ value: resource, sources: [] });
  const writing: Partial<Provider> = {
    update: async (id, resource, ctx, options) => {
      await repository.validate(resource, ctx);
      return repository.transaction(ctx, (writes) => writes.put({ ...resource, id }, options));
    },
    remove: (id, ctx, options) => repository.transaction(ctx, (writes) => writes.remove(type, id, options)),
  };
  return {
    type,
    documentation,
    searchParameters: indexedParametersOf(type),
    indexed: {
      candidates: (request, page, ctx) => repository.search(request, page, ctx),
      byIds: (ids, ctx) => repository.byIds(type, ids, ctx),
    },
    read: async (id, ctx) => alone(await repository.read(type, id, ctx)),
    vread: async (id, version, ctx) => alone(await repository.vread(type, id, version, ctx)),
    history: async (request, ctx) => ({ value: await repository.history(request, ctx, type), sources: [] }),
    search: async (request, ctx) => {
      const { found, sources } = await repository.search(request, { limit: request.count }, ctx);
      return { value: found.map(({ resource }) => resource), sources };
    },
    create: async (resource, ctx) => {
      await repository.validate(resource, ctx);
      return repository.transaction(ctx, (writes) => writes.put({ ...resource, id: randomUUID() }, {}));
    },
    ...(row.isImmutable ? { remove: writing.remove } : writing),
  };
}
