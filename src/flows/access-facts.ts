import type { FactsOf } from "../access/access-facts.ts";

/** Nothing is known of anybody: only system data, own data and the security duty are reached. */
export const noFacts: FactsOf = async () => () => ({});
