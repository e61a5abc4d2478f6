import type { Resource, ResourceType } from "@medplum/fhirtypes";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { type Provider, Providers } from "../../src/fhir/provider.ts";
import { indexedParametersOf } from "../../src/fhir/search/parameters.ts";
import { type IndexQuery, type PageOfIndex, SearchIndex } from "../../src/fhir/search/search-index.ts";
import type { SharedPlace } from "../../src/fhir/search/shared-place.ts";
import type { SearchTerminology } from "../../src/fhir/search/terminology.ts";
import { parseSearch } from "../../src/fhir/search-request.ts";
import type { OpenDatabase } from "../../src/store/database.ts";

const searchBase = "https://gateway.example/fhir";

/** Providers of indexed types that hold nothing themselves: what a query is read against. */
function indexedProviders(types: readonly ResourceType[]): Providers {
  const nothing = { value: [], sources: [] };
  return new Providers(
    searchBase,
    types.map(
      (type): Provider => ({
        type,
        documentation: type,
        searchParameters: indexedParametersOf(type),
        indexed: {
          candidates: async () => ({ found: [], more: false, sources: [] }),
          byIds: async () => [],
        },
        read: () => Promise.reject(new Error("not held")),
        search: async () => nothing,
      }),
    ),
  );
}

export interface IndexedStore {
  put(...resources: Resource[]): Promise<void>;
  remove(type: string, id: string): Promise<void>;
  /** ids that a query such as `Patient?name=x` finds, in order; `beside`: also those of the shared place */
  find(query: string, page?: PageOfIndex & Pick<IndexQuery, "beside">): Promise<string[]>;
}

/** An index in a database, of one tenant, asked with the text of a query. */
export function indexIn(
  store: () => OpenDatabase,
  options: {
    tenant?: string;
    types: readonly ResourceType[];
    terminology?: SearchTerminology;
    now?: number;
    shared?: SharedPlace;
  },
): IndexedStore & { index: SearchIndex } {
  const { tenant = "t", types, terminology, now = Date.UTC(2026, 0, 1), shared } = options;
  const providers = indexedProviders(types);
  const index = new SearchIndex({
    keyring: createKeyring(new Uint8Array(32).fill(7)),
    clock: { now: () => now } as never,
    baseUrl: searchBase,
    terminology,
    shared,
  });
  return {
    index,
    put: (...resources) =>
      store()
        .db.transaction()
        .execute(async (trx) => {
          for (const resource of resources)
            await index.write(trx, { tenant, type: resource.resourceType, id: resource.id ?? "" }, resource);
        }),
    remove: (type, id) =>
      store()
        .db.transaction()
        .execute((trx) => index.write(trx, { tenant, type, id }, undefined)),
    async find(text, { beside, ...page } = { limit: 1000 }) {
      const [type = "", query = ""] = text.split(/\?(.*)/s);
      const provider = providers.of(type);
      if (!provider) throw new Error(`no type ${type}`);
      const request = parseSearch(providers, provider, new URLSearchParams(query), {
        lenient: false,
        inUrl: false,
      });
      const tests = [...request.criteria, ...request.has];
      const { hits } = await index.search(
        store().db,
        {
          tenant,
          types: [type],
          tests,
          sort: request.sort,
          beside,
        },
        page,
      );
      return hits.map(({ id }) => id);
    },
  };
}
