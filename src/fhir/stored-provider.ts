import type { Resource } from "@medplum/fhirtypes";
import type { Provider } from "./provider.ts";
import type { Repository } from "./repository.ts";
import { indexedParametersOf } from "./search/parameters.ts";
import type { StoredType } from "./stored-types.ts";

/** A type of our own store behind the FHIR door. */
export function storedProvider(repository: Repository, row: StoredType): Provider {
  const { type, documentation } = row;
  const alone = async (resource: Resource) => ({ value: resource, sources: [] });
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
      const page = { limit: request.count, own: true };
      const { found, sources, warnings } = await repository.search(request, page, ctx);
      // whoever asks for all that there is must not be given less
      const altered = warnings?.find(({ code }) => code === "stored-data-altered");
      if (altered) throw altered;
      return { value: found.map(({ resource }) => resource), sources };
    },
    changes: row.isImmutable ? ["create", "delete"] : ["create", "update", "delete"],
  };
}
