import type {
  Bundle,
  Practitioner,
  PractitionerRole,
  Resource,
  VerificationResult,
} from "@medplum/fhirtypes";
import { canonicalBase } from "../core/canonical.ts";
import type { RequestContext } from "../core/context.ts";
import { GatewayError } from "../core/errors.ts";
import type { SourceStatus } from "../core/source-status.ts";
import { withLogicalIds } from "../fhir/logical-ids.ts";
import { versioned } from "../fhir/version.ts";
import type { HolderOf } from "./care-relations.ts";
import type { Answered, KnownIdentities, StoredIdentities } from "./identities.ts";
import { oidOf, organizationKind } from "./organization-directory.ts";

export interface WorkerRegistry {
  personBySnils(snils: string, ctx: RequestContext): Promise<RegistryAnswer>;
  knownPersonBySnils(snils: string, ctx: RequestContext): RegistryAnswer | undefined;
}

interface RegistryAnswer {
  value: Bundle;
  asOf: number;
  source: SourceStatus;
}

/** A worker's registry card: the person, a role per personal file, and what the registry vouches for. */
export interface WorkerCard {
  practitioner: Practitioner;
  roles: readonly PractitionerRole[];
  verification?: VerificationResult;
}

const practitionerKind = "frmr-practitioner";
const roleKind = "frmr-role";

/** Who holds a post that a registry card was given an id for; asks no registry. */
export const holderOfRole =
  (identities: StoredIdentities): HolderOf =>
  async (trx, roleId) => {
    const role = await identities.find(roleId, trx);
    if (role?.kind !== roleKind) return undefined;
    // the value begins with the person's СНИЛС
    return identities.knownIdOf(trx, practitionerKind, role.value.slice(0, 11));
  };

/** Medical workers as ФРМР holds them, under our logical ids. */
export class PractitionerDirectory {
  readonly #frmr: WorkerRegistry;
  readonly #identities: KnownIdentities;
  // cards by the cached answer that they were made from: ids are given once per answer, not once per request
  readonly #cards = new WeakMap<Bundle, WorkerCard | Promise<WorkerCard>>();

  constructor(frmr: WorkerRegistry, identities: KnownIdentities) {
    this.#frmr = frmr;
    this.#identities = identities;
  }

  /** The card of a worker by СНИЛС; throws GatewayError `person-not-found` and upstream errors. */
  async cardBySnils(snils: string, ctx: RequestContext): Promise<Answered<WorkerCard>> {
    const answer = await this.#frmr.personBySnils(snils, ctx);
    const card = this.#cards.get(answer.value) ?? this.#making(snils, answer);
    return { value: await card, sources: [answer.source] };
  }

  #making(snils: string, { value, asOf }: RegistryAnswer): Promise<WorkerCard> {
    const making = this.cardOf(snils, value, asOf);
    this.#cards.set(value, making);
    making.then(
      (card) => this.#cards.set(value, card),
      // a failure is not remembered
      () => this.#cards.delete(value),
    );
    return making;
  }

  /** The card of a worker by logical id; throws GatewayError `not-found` for an id never given out. */
  cardById(id: string, ctx: RequestContext): Promise<Answered<WorkerCard>> {
    return this.#cardByIdentity(id, practitionerKind, ctx);
  }

  /** The same when everything that it takes is in memory; undefined otherwise. */
  knownCardById(id: string, ctx: RequestContext): Answered<WorkerCard> | undefined {
    const identity = this.#identities.known(id);
    if (identity?.kind !== practitionerKind) return undefined;
    const answer = this.#frmr.knownPersonBySnils(identity.value.slice(0, 11), ctx);
    const card = answer && this.#cards.get(answer.value);
    return card && !(card instanceof Promise) ? { value: card, sources: [answer.source] } : undefined;
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

  /** What a registry says of a worker, under our logical ids; `asOf` in clock milliseconds. */
  async cardOf(snils: string, bundle: Bundle, asOf: number): Promise<WorkerCard> {
    const keyOfRole = roleKeys();
    const resources = await withLogicalIds(bundle, (resource) => this.#idOf(snils, resource, keyOfRole));
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

  #idOf(snils: string, resource: Resource, keyOfRole: (role: PractitionerRole) => string): Promise<string> {
    switch (resource.resourceType) {
      case "Practitioner":
        return this.#identities.idOf(practitionerKind, snils);
      case "PractitionerRole":
        return this.#identities.idOf(roleKind, `${snils} ${keyOfRole(resource)}`);
      case "Organization":
        return this.#identities.idOf(organizationKind, oidOf(resource.identifier) ?? "");
      default:
        return this.#identities.idOf(`frmr-${resource.resourceType}`, snils);
    }
  }
}

/** Keys of the personal files of one card: files that say the same are told apart by their order. */
function roleKeys(): (role: PractitionerRole) => string {
  const seen = new Map<string, number>();
  return (role) => {
    const key = roleKey(role);
    const earlier = seen.get(key) ?? 0;
    seen.set(key, earlier + 1);
    return earlier ? `${key} ${earlier}` : key;
  };
}

const tellingExtensions = ["position-type", "department", "position-rate"];

// a personal file has no number in the exchange format: organisation, post, first day and the kind of post tell it apart
function roleKey({ organization, code, period, extension = [] }: PractitionerRole): string {
  const place = organization?.identifier?.value ?? organization?.reference ?? "";
  const telling = tellingExtensions.map((name) => {
    const found = extension.find(({ url }) => url === `${canonicalBase}/StructureDefinition/${name}`);
    return found?.valueCodeableConcept?.coding?.[0]?.code ?? found?.valueString ?? found?.valueDecimal;
  });
  return [place, code?.[0]?.coding?.[0]?.code, period?.start, JSON.stringify(telling)].join(" ");
}
