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

export type RegisteredOrganization = Organization & { id: string };

export const organizationKind = "frmo-organization";
const unitOid = /\.0\.\d+$/;

/** Medical organisations as ФРМО holds them, under our logical ids. */
export class OrganizationDirectory {
  readonly #frmo: OrganizationRegistry;
  readonly #identities: Identities;
  // as in the practitioner directory: ids are given once per cached answer
  readonly #cards = new WeakMap<Bundle, Promise<readonly RegisteredOrganization[]>>();

  constructor(frmo: OrganizationRegistry, identities: Identities) {
    this.#frmo = frmo;
    this.#identities = identities;
  }

  /** The organisation or structural unit of a ФРМО OID; throws GatewayError `organization-not-found` and upstream errors. */
  async organizationByOid(oid: string, ctx: RequestContext): Promise<Answered<Organization>> {
    const { value, sources } = await this.cardByOid(oid, ctx);
    const found = value.find(({ identifier }) => oidOf(identifier) === oid);
    if (found) return { value: found, sources };
    if (unitOid.test(oid)) throw new GatewayError("organization-not-found", { system: "frmo" });
    throw new GatewayError("mapping-failed", { system: "frmo", detail: "no Organization" });
  }

  /** An organisation with its structural units, by the OID of any of them; throws as `organizationByOid` does. */
  async cardByOid(oid: string, ctx: RequestContext): Promise<Answered<readonly RegisteredOrganization[]>> {
    // a unit stands in the card of its organisation and has none of its own
    const answer = await this.#frmo.organizationByOid(oid.replace(unitOid, ""), ctx);
    let card = this.#cards.get(answer.value);
    if (!card) {
      card = this.#cardOf(oid, answer.value, answer.asOf);
      this.#cards.set(answer.value, card);
      card.catch(() => this.#cards.delete(answer.value));
    }
    return { value: await card, sources: [answer.source] };
  }

  /** The organisation of a logical id; throws GatewayError `not-found` for an id never given out. */
  async organizationById(id: string, ctx: RequestContext): Promise<Answered<Organization>> {
    const identity = await this.#identities.find(id);
    if (identity?.kind !== organizationKind) throw new GatewayError("not-found", { field: "id" });
    return this.organizationByOid(identity.value, ctx);
  }

  async #cardOf(oid: string, bundle: Bundle, asOf: number): Promise<readonly RegisteredOrganization[]> {
    const resources = await withLogicalIds(bundle, (resource) =>
      this.#identities.idOf(
        resource.resourceType === "Organization" ? organizationKind : `frmo-${resource.resourceType}`,
        ("identifier" in resource && oidOf(resource.identifier)) || oid,
      ),
    );
    return resources
      .filter((resource): resource is RegisteredOrganization => resource.resourceType === "Organization")
      .map((organization) => versioned(organization, asOf));
  }
}

/** The ФРМО OID among identifiers, without its `urn:oid:`. */
export function oidOf(identifiers: unknown): string | undefined {
  const list = Array.isArray(identifiers) ? (identifiers as Identifier[]) : [];
  return list.find(({ system }) => system === identifierSystem.oid)?.value?.replace(/^urn:oid:/, "");
}
