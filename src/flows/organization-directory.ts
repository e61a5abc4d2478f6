import type { Bundle, Identifier, Organization } from "@medplum/fhirtypes";
import { identifierSystem } from "../core/canonical.ts";
import type { RequestContext } from "../core/context.ts";
import { GatewayError } from "../core/errors.ts";
import type { SourceStatus } from "../core/source-status.ts";
import { withLogicalIds } from "../fhir/logical-ids.ts";
import { versioned } from "../fhir/version.ts";
import type { Answered, Identities } from "./identities.ts";

export interface OrganizationRegistry {
  organizationByOid(
    oid: string,
    ctx: RequestContext,
  ): Promise<{ value: Bundle; asOf: number; source: SourceStatus }>;
}

export const organizationKind = "frmo-organization";

/** Medical organisations as ФРМО holds them, under our logical ids. */
export class OrganizationDirectory {
  readonly #frmo: OrganizationRegistry;
  readonly #identities: Identities;
  // as in the practitioner directory: ids are given once per cached answer
  readonly #organizations = new WeakMap<Bundle, Promise<Organization>>();

  constructor(frmo: OrganizationRegistry, identities: Identities) {
    this.#frmo = frmo;
    this.#identities = identities;
  }

  /** The organisation of a ФРМО OID; throws GatewayError `organization-not-found` and upstream errors. */
  async organizationByOid(oid: string, ctx: RequestContext): Promise<Answered<Organization>> {
    const answer = await this.#frmo.organizationByOid(oid, ctx);
    let organization = this.#organizations.get(answer.value);
    if (!organization) {
      organization = this.#organizationOf(oid, answer.value, answer.asOf);
      this.#organizations.set(answer.value, organization);
      organization.catch(() => this.#organizations.delete(answer.value));
    }
    return { value: await organization, sources: [answer.source] };
  }

  /** The organisation of a logical id; throws GatewayError `not-found` for an id never given out. */
  async organizationById(id: string, ctx: RequestContext): Promise<Answered<Organization>> {
    const identity = await this.#identities.find(id);
    if (identity?.kind !== organizationKind) throw new GatewayError("not-found", { field: "id" });
    return this.organizationByOid(identity.value, ctx);
  }

  async #organizationOf(oid: string, bundle: Bundle, asOf: number): Promise<Organization> {
    const resources = await withLogicalIds(bundle, (resource) =>
      this.#identities.idOf(
        resource.resourceType === "Organization" ? organizationKind : `frmo-${resource.resourceType}`,
        ("identifier" in resource && oidOf(resource.identifier)) || oid,
      ),
    );
    const organization = resources.find(
      (resource): resource is Organization =>
        resource.resourceType === "Organization" && oidOf(resource.identifier) === oid,
    );
    if (!organization)
      throw new GatewayError("mapping-failed", { system: "frmo", detail: "no Organization" });
    return versioned(organization, asOf);
  }
}

/** The ФРМО OID among identifiers, without its `urn:oid:`. */
export function oidOf(identifiers: unknown): string | undefined {
  const list = Array.isArray(identifiers) ? (identifiers as Identifier[]) : [];
  return list.find(({ system }) => system === identifierSystem.oid)?.value?.replace(/^urn:oid:/, "");
}
