import { GatewayError } from "../../core/errors.ts";
import type { Providers, SearchRequest } from "../../fhir/provider.ts";
import { parseSearch } from "../../fhir/search-request.ts";

/**
 * A filter as a search of its type. A filter stands in the Subscription in clear, so it names no person. Throws what
 * a search with it would throw.
 */
export function filterRequestOf(providers: Providers, type: string, filter: string): SearchRequest {
  const provider = providers.of(type);
  if (!provider) throw new GatewayError("unsupported-type", { field: type });
  const pairs = [...new URLSearchParams(filter)];
  return parseSearch(providers, provider, pairs, { lenient: false, inUrl: true });
}
