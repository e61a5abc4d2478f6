import type { Bundle } from "@medplum/fhirtypes";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { LoadedMapping } from "../../fml/loader.ts";
import type { Fetched, Upstream } from "../../upstream/call.ts";
import type { Attempt, Operation } from "../../upstream/operation.ts";
import { parsed } from "./answer.ts";
import { type ListedOrganization, listOrganizations } from "./list.ts";
import { isFrmoCard } from "./wire.ts";

export interface FrmoSettings {
  upstream: Upstream;
  /** address under which the registry's `/rest/…` stands */
  baseUrl: string;
  timeoutMs: number;
  cacheSeconds: number;
  /** mappings/frmo/organization/to-fhir */
  toFhir: LoadedMapping;
}

export interface FrmoClient {
  organizationByOid(oid: string, ctx: RequestContext): Promise<Fetched<Bundle>>;
  /** Every organisation of the registry, list part by list part. Throws the pipeline's errors. */
  listOrganizations(newContext: () => RequestContext): AsyncGenerator<readonly ListedOrganization[]>;
}

/** Client of ФРМО, the organisations' registry (REST, JSON over GET). */
export function createFrmoClient(settings: FrmoSettings): FrmoClient {
  const operation: Operation = {
    system: "frmo",
    name: "rest/mo",
    effect: "read",
    timeoutMs: settings.timeoutMs,
    cacheSeconds: settings.cacheSeconds,
    priority: "interactive",
    maxBytes: 2 * 1_048_576,
  };
  return {
    /**
     * The organisation of a ФРМО OID and its structural units as a collection Bundle of Organization.
     * Throws GatewayError `organization-not-found` and the pipeline's errors.
     */
    organizationByOid: (oid, ctx) =>
      settings.upstream.call(
        operation,
        oid,
        { cacheKey: [oid, settings.toFhir.digest], send: (attempt) => card(settings, oid, attempt) },
        ctx,
      ),
    listOrganizations: (newContext) => listOrganizations(settings, newContext),
  };
}

async function card({ baseUrl, toFhir }: FrmoSettings, oid: string, attempt: Attempt): Promise<Bundle> {
  const response = await attempt.fetch(`${baseUrl}/rest/mo?oid=${encodeURIComponent(oid)}`, {
    headers: { accept: "application/json" },
  });
  if (response.status === 404) throw new GatewayError("organization-not-found", { system: "frmo" });
  if (!response.ok) throw new GatewayError("upstream-rejected", { system: "frmo" });
  const answer = await parsed(response);
  if (!isFrmoCard(answer) || answer.oid !== oid)
    throw new GatewayError("upstream-wrong-shape", { system: "frmo", detail: "not a card of this OID" });
  return toFhir.convert(withoutNulls(answer)) as Bundle;
}

/** A null column means the same as an absent one; maps know absence only. */
function withoutNulls(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutNulls);
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, withoutNulls(value)]),
  );
}
