import type { Attempt } from "../../upstream/operation.ts";

/** What the live contract, which is not public, calls the operations of fixtures/wsdl/frmr.wsdl; absent: the same. */
export interface OperationNames {
  getEmployee?: string;
  listEmployees?: string;
}

/** The attempt, but sending an operation of our WSDL under the name of the live contract. */
export function renaming(attempt: Attempt, ours: keyof OperationNames, names: OperationNames = {}): Attempt {
  const theirs = names[ours] ?? ours;
  if (theirs === ours) return attempt;
  // in the SOAPAction and in the element of the request
  const places = new RegExp(`${ours}(?=Request|"?$)`, "g");
  const renamed = (text: unknown) => String(text).replaceAll(places, theirs);
  return {
    ...attempt,
    fetch: (url, init = {}) => {
      const headers = Object.entries(init.headers ?? {}).map(
        ([name, value]) => [name, renamed(value)] as const,
      );
      return attempt.fetch(url, { ...init, headers: Object.fromEntries(headers), body: renamed(init.body) });
    },
  };
}
