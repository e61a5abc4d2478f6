import type {
  Bundle,
  Practitioner,
  PractitionerRole,
  Resource,
  VerificationResult,
} from "@medplum/fhirtypes";
import type { RequestContext } from "../core/context.ts";
import { GatewayError } from "../core/errors.ts";
import type { SourceStatus } from "../core/source-status.ts";
import { withLogicalIds } from "../fhir/logical-ids.ts";
import { versioned } from "../fhir/version.ts";
import type { Answered, Identities } from "./identities.ts";
import { oidOf, organizationKind } from "./organization-directory.ts";

export interface WorkerRegistry {
  personBySnils(
    snils: string,
    ctx: RequestContext,
  ): Promise<{ value: Bundle; asOf: number; source: SourceStatus }>;
}

/** A worker's registry card: the person, a role per personal file, and what the registry vouches for. */
export interface WorkerCard {
  practitioner: Practitioner;
  roles: readonly PractitionerRole[];
  verification?: VerificationResult;
}

const practitionerKind = "frmr-practitioner";
const roleKind = "frmr-role";

/** Medical workers as ФРМР holds them, under our logical ids. */
export class PractitionerDirectory {
  readonly #frmr: WorkerRegistry;
  readonly #identities: Identities;
  // cards by the cached answer that they were made from: ids are given once per answer, not once per request
  readonly #cards = new WeakMap<Bundle, Promise<WorkerCard>>();

  constructor(frmr: WorkerRegistry, identities: Identities) {
    this.#frmr = frmr;
    this.#identities = identities;
  }

  /** The card of a worker by СНИЛС; throws GatewayError `person-not-found` and upstream errors. */
  async cardBySnils(snils: string, ctx: RequestContext): Promise<Answered<WorkerCard>> {
    const answer = await this.#frmr.personBySnils(snils, ctx);
    let card = this.#cards.get(answer.value);
    if (!card) {
      card = this.#cardOf(snils, answer.value, answer.asOf);
      this.#cards.set(answer.value, card);
    }
    return { value: await card, sources: [answer.source] };
  }

  /** The card of a worker by logical id; throws GatewayError `not-found` for an id never given out. */
  cardById(id: string, ctx: RequestContext): Promise<Answered<WorkerCard>> {
    return this.#cardByIdentity(id, practitionerKind, ctx);
  }

  /** One role by logical id. */
  async roleById(id: string, ctx: RequestContext): Promise<Answered<PractitionerRole>> {
    const card = await this.#cardByIdentity(id, roleKind, ctx);
    const role = card.value.roles.find((candidate) => candidate.id === id);
    if (!role) throw new GatewayError("gone", { detail: "the registry no longer holds this personal file" });
    return { value: role, sources: card.sources };
  }

  async #cardByIdentity(id: string, kind: string, ctx: RequestContext) {
    const identity = await this.#identities.find(id);
    if (identity?.kind !== kind) throw new GatewayError("not-found", { field: "id" });
    return this.cardBySnils(identity.value.slice(0, 11), ctx);
  }

  async #cardOf(snils: string, bundle: Bundle, asOf: number): Promise<WorkerCard> {
    const resources = await withLogicalIds(bundle, (resource) => this.#idOf(snils, resource));
    const stamped = resources.map((resource) => versioned(resource, asOf));
    const practitioner = stamped.find((resource) => resource.resourceType === "Practitioner");
    if (!practitioner)
      throw new GatewayError("mapping-failed", { system: "frmr", detail: "no Practitioner" });
    return {
      practitioner,
      roles: stamped.filter((resource) => resource.resourceType === "PractitionerRole"),
      verification: stamped.find((resource) => resource.resourceType === "VerificationResult"),
    };
  }

  #idOf(snils: string, resource: Resource): Promise<string> {
    switch (resource.resourceType) {
      case "Practitioner":
        return this.#identities.idOf(practitionerKind, snils);
      case "PractitionerRole":
        return this.#identities.idOf(roleKind, `${snils} ${roleKey(resource)}`);
      case "Organization":
        return this.#identities.idOf(organizationKind, oidOf(resource.identifier) ?? "");
      default:
        return this.#identities.idOf(`frmr-${resource.resourceType}`, snils);
    }
  }
}

// a personal file has no number in the exchange format: organisation, post and first day tell it apart
function roleKey(role: PractitionerRole): string {
  const organization = role.organization?.identifier?.value ?? role.organization?.reference ?? "";
  return [organization, role.code?.[0]?.coding?.[0]?.code, role.period?.start].join(" ");
}
