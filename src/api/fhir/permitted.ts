import type { Resource } from "@medplum/fhirtypes";
import type { FastifyRequest } from "fastify";
import { accessedOf } from "../../access/accessed-of.ts";
import { looksAtPeople } from "../../access/search-reach.ts";
import type { Providers, SearchRequest } from "../../fhir/provider.ts";
import { keyOf } from "../../fhir/search/includes.ts";
import type { Permitted } from "../../fhir/search/page.ts";
import { testsBehind, witnessed } from "../../fhir/search/witnesses.ts";
import { noteHidden } from "./hidden.ts";
import { inScope } from "./scope-gate.ts";

const letters = { read: "r", search: "s" } as const;

interface Seeing {
  providers: Providers;
  request: FastifyRequest;
  /** to refuse these is not journalled: nobody asked for them */
  unasked?: ReadonlySet<Resource> | undefined;
}

/**
 * Which of the resources the caller may see, in their order. Scope first: what the token does not open is left out
 * without a decision.
 */
export async function permitted(
  { providers, request, unasked }: Seeing,
  action: "read" | "search",
  resources: readonly Resource[],
): Promise<boolean[]> {
  const opened = await inScope(providers, request, { interaction: letters[action], resources });
  const open = resources.filter((_, index) => opened[index]);
  const accessed = open.map((resource) => accessedOf(resource, request.ctx.actor.tenant));
  const decisions = await request.authorizeAll(action, accessed);
  const asked = open.map((resource, index) => (unasked?.has(resource) ? undefined : decisions[index]));
  noteHidden(request, accessed, asked);
  const allowed = new Set(open.filter((_, index) => decisions[index]?.permit));
  return resources.map((resource) => allowed.has(resource));
}

/**
 * The same for what a search finds: whoever may not see the resources that `_has` or a chain went through does not
 * learn from the match that they are there.
 */
export function permittedMatches({ providers, request }: Seeing, search: SearchRequest): Permitted {
  const visible: Permitted = (resources, unasked) =>
    permitted({ providers, request, unasked }, "search", resources);
  if (!looksAtPeople(search)) return visible;
  return async (resources, unasked) => {
    const allowed = await visible(resources, unasked);
    const open = resources.filter((_, index) => allowed[index]);
    const ask = { providers, permitted: visible, ctx: request.ctx };
    const met = await witnessed(ask, testsBehind(search), open);
    return resources.map((resource, index) => allowed[index] === true && met.has(keyOf(resource)));
  };
}
