import { isGatewayError } from "../../core/errors.ts";
import type { SearchTerminology } from "../search/terminology.ts";
import type { Inclusion, Terminology } from "./terminology.ts";

const mostCodes = 20_000;

/** What the search index asks of the code systems; what is not known is undefined. */
export function searchTerminology(terminology: Terminology): SearchTerminology {
  return {
    codesOf: (url) =>
      orUnknown(async () => {
        const { inclusions } = await terminology.valueSet(url);
        return (await Promise.all(inclusions.map(codesIn))).flat();
      }),
    subtree: (system, code) =>
      orUnknown(async () => known(await (await terminology.codeSystem(system)).subtree(code))),
    ancestors: (system, code) =>
      orUnknown(async () => known(await (await terminology.codeSystem(system)).ancestors(code))),
  };
}

const known = (codes: readonly string[]) => (codes.length === 0 ? undefined : codes);

async function codesIn({ system, root }: Inclusion) {
  const query = { offset: 0, count: mostCodes, ...(root !== undefined && { root }) };
  const { concepts } = await system.search(query);
  return concepts.map(({ code }) => ({ system: system.url, code }));
}

async function orUnknown<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isGatewayError(error) && error.code === "not-found") return undefined;
    throw error;
  }
}
