import { GatewayError } from "../../core/errors.ts";
import type { Provider, Providers } from "../provider.ts";

const mostTypes = 10;

/**
 * One search over several indexed types, by the parameters that all of them have (FHIR R4 3.1.1). Throws
 * `bad-request` for no or too many types, `unsupported-type` for one that is not searched through the index.
 */
export function providerOfTypes(providers: Providers, names: string | undefined): Provider {
  const types = [...new Set(names?.split(",").filter(Boolean) ?? [])];
  if (types.length === 0 || types.length > mostTypes)
    throw new GatewayError("bad-request", { field: "_type", detail: `name 1 to ${mostTypes} types` });
  const [first, ...others] = types.map((type) => {
    const provider = providers.of(type);
    if (!provider?.indexed) throw new GatewayError("unsupported-type", { field: "_type" });
    return provider;
  });
  if (!first?.indexed) throw new GatewayError("unsupported-type", { field: "_type" });
  const shared = first.searchParameters.filter((parameter) =>
    others.every(({ searchParameters }) =>
      searchParameters.some(({ name, type }) => name === parameter.name && type === parameter.type),
    ),
  );
  const { candidates, byIds } = first.indexed;
  return {
    ...first,
    isOfTypes: types.length > 1,
    // places of several types are one order, sorted they would be several
    searchParameters: shared.map((parameter) => ({
      ...parameter,
      sorts: types.length === 1 && parameter.sorts,
    })),
    indexed: { byIds, candidates: (request, page, ctx) => candidates({ ...request, types }, page, ctx) },
  };
}
