import { systemClock } from "../../src/core/clock.ts";
import type { RequestContext } from "../../src/core/context.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { masterKeyProvider } from "../../src/crypto/key-providers.ts";
import { Providers } from "../../src/fhir/provider.ts";
import { Repository } from "../../src/fhir/repository.ts";
import { SearchIndex } from "../../src/fhir/search/search-index.ts";
import { searchBundle } from "../../src/fhir/search.ts";
import { parseSearch } from "../../src/fhir/search-request.ts";
import { storedProvider } from "../../src/fhir/stored-provider.ts";
import { storedTypes } from "../../src/fhir/stored-types.ts";
import { DataKeys } from "../../src/store/data-keys.ts";
import { openDatabase } from "../../src/store/database.ts";
import { ResourceStore } from "../../src/store/resources.ts";
import { baseUrl, keyring } from "../fhir/seed.ts";
import { queryOf, tenant } from "../fhir/world.ts";
import { answerRounds } from "./fhir-rounds.ts";

// our search layer over a seeded PostgreSQL: parse, index, sealed resources, includes, Bundle, its JSON
const { SEEDED_URL: url = "", SEEDED_REFERRALS = "" } = process.env;
const clock = systemClock;
const { db, searches } = await openDatabase({ url, dataDir: "memory://" });
const repository = new Repository({
  db,
  searches,
  store: new ResourceStore({ dataKeys: new DataKeys({ keys: masterKeyProvider(keyring), clock }), clock }),
  index: new SearchIndex({ keyring, clock, baseUrl }),
  validate: async () => [],
  onChange: [],
});
const providers = new Providers(
  baseUrl,
  storedTypes.map((row) => storedProvider(repository, row)),
);
const provider = providers.of("ServiceRequest");
if (!provider) throw new Error("ServiceRequest is not stored");
const ctx: RequestContext = {
  requestId: "bench",
  actor: { kind: "client", id: "bench", tenant, scopes: ["system/*.rs"] },
  deadline: Number.MAX_SAFE_INTEGER,
  log: silentLogger,
  timings: { entries: [] } as never,
};

const everything = async (resources: readonly unknown[]) => resources.map(() => true);

const search = async (n: number) => {
  const { bundle } = await searchBundle({
    providers,
    provider,
    request: parseSearch(providers, provider, queryOf(n), { lenient: false, inUrl: true }),
    path: "ServiceRequest",
    permitted: everything,
    permittedMatch: everything,
    pageUrl: () => baseUrl,
    ctx,
  });
  return bundle;
};

answerRounds({ referrals: Number(SEEDED_REFERRALS), entries: 2, search });
