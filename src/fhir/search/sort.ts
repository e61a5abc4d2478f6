import { GatewayError } from "../../core/errors.ts";
import type { Provider, SortKey } from "../provider.ts";

const mostKeys = 4;

/** `_sort=-date,status`: keys, and the names that the type does not sort by (FHIR R4 3.1.1.5.1). */
export function readSort(
  provider: Provider,
  text: string | undefined,
): { keys: SortKey[]; ignored: string[] } {
  const keys: SortKey[] = [];
  const names = [...new Set(text?.split(",").filter(Boolean) ?? [])];
  if (names.length > mostKeys)
    throw new GatewayError("bad-request", { field: "_sort", detail: `at most ${mostKeys} keys` });
  for (const name of names) {
    const descending = name.startsWith("-");
    const parameter = provider.searchParameters.find(
      (one) => one.name === (descending ? name.slice(1) : name),
    );
    if (!parameter?.sorts) return { keys: [], ignored: ["_sort"] };
    keys.push({ parameter, descending });
  }
  return { keys, ignored: [] };
}
