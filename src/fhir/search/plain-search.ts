import type { Criterion, ReverseChain, SearchRequest } from "../provider.ts";

/** A search that only asks the tests: nothing is included, sorted or shown. */
export const plainSearch = (type: string, tests: readonly (Criterion | ReverseChain)[]): SearchRequest => ({
  type,
  criteria: tests.filter((test): test is Criterion => "values" in test),
  has: tests.filter((test): test is ReverseChain => "test" in test),
  include: [],
  revinclude: [],
  sort: [],
  count: 200,
  ignored: [],
  applied: [],
});
