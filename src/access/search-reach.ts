import type { SearchRequest } from "../fhir/provider.ts";
import { typesBehind } from "../fhir/search/witnesses.ts";
import { classOf } from "./data-classes.ts";

/** True when `_has` or a chain goes through data that is decided on one by one. */
export const looksAtPeople = (search: Pick<SearchRequest, "criteria" | "has">): boolean =>
  [...typesBehind(search)].some((type) => classOf(type) !== "system");
