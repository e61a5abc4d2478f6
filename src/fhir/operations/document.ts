import { randomUUID } from "node:crypto";
import type { Bundle, Resource } from "@medplum/fhirtypes";
import type { Clock } from "../../core/clock.ts";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import { flagOf, refuseUnknownParameters } from "../parameters.ts";
import type { Operation, Providers } from "../provider.ts";
import { referencesIn } from "../references.ts";

const mostResources = 200;
const localReference = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/;

interface DocumentParts {
  providers: () => Providers;
  clock: Clock;
}

/** `Composition/id/$document` (FHIR R4): the composition and everything that it refers to, as a document Bundle. */
export const documentOperation = ({ providers, clock }: DocumentParts): Operation => ({
  name: "document",
  level: "instance",
  definition: "http://hl7.org/fhir/OperationDefinition/Composition-document",
  documentation: "The composition with all that it refers to; the document is not stored",
  needs: "r",
  get: true,
  shows: "whole",
  async run({ id = "", parameters }, ctx) {
    refuseUnknownParameters(parameters, ["persist"]);
    if (flagOf(parameters, "persist"))
      throw new GatewayError("bad-request", { field: "persist", detail: "documents are not stored here" });
    const { baseUrl } = providers();
    const composition = await readBy(providers(), `Composition/${id}`, ctx);
    const resources = await withReferred(providers(), composition, ctx);
    return {
      resourceType: "Bundle",
      type: "document",
      identifier: { system: "urn:ietf:rfc:3986", value: `urn:uuid:${randomUUID()}` },
      timestamp: new Date(clock.now()).toISOString(),
      entry: resources.map((resource) => ({
        fullUrl: `${baseUrl}/${resource.resourceType}/${resource.id}`,
        resource,
      })),
    } satisfies Bundle;
  },
});

async function withReferred(
  providers: Providers,
  composition: Resource,
  ctx: RequestContext,
): Promise<Resource[]> {
  const found = new Map<string, Resource>([[`Composition/${composition.id}`, composition]]);
  for (const reference of referencesIn(composition)) {
    if (found.has(reference) || !localReference.test(reference)) continue;
    if (found.size === mostResources)
      throw new GatewayError("payload-too-large", {
        detail: `a document has at most ${mostResources} parts`,
      });
    found.set(reference, await readBy(providers, reference, ctx));
  }
  return [...found.values()];
}

async function readBy(providers: Providers, reference: string, ctx: RequestContext): Promise<Resource> {
  const [, type = "", id = "", version] = localReference.exec(reference) ?? [];
  const provider = providers.of(type);
  if (!provider) throw new GatewayError("unsupported-type", { field: type });
  if (version === undefined) return (await provider.read(id, ctx)).value;
  if (!provider.vread)
    throw new GatewayError("not-found", { field: reference, detail: "no versions are kept" });
  return (await provider.vread(id, version, ctx)).value;
}
