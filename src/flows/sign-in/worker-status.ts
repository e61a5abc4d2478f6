import type { Person, PractitionerRole } from "@medplum/fhirtypes";
import type { WorkContext } from "../../access/session-facts.ts";
import { identifierSystem } from "../../core/canonical.ts";
import type { Clock } from "../../core/clock.ts";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import type { WorkerVerifications } from "../../store/worker-verifications.ts";
import type { EmployeeRole } from "../../systems/esia/identity-provider.ts";
import { postsAt } from "../acting-worker.ts";
import { type AskingAnew, askedAnew } from "../asked-anew.ts";
import type { Answered } from "../identities.ts";
import type { OrganizationDirectory } from "../organization-directory.ts";
import type { WorkerCard } from "../practitioner-directory.ts";
import { differingFields } from "./identity-match.ts";

export interface WorkerStatusParts extends AskingAnew {
  organizations: OrganizationDirectory;
  verifications: WorkerVerifications;
  clock: Clock;
  earlierVerificationDays: number;
}

/** A worker as ФРМР confirms them now, or did lately when it is down now. */
export interface WorkerStatus {
  practitionerId: string;
  organizations: readonly WorkContext[];
  registry: { verifiedAt: number; fresh: boolean };
}

interface Candidate {
  snils: string;
  owner: string;
  person: Person;
  /** by ESIA: they can only take an organisation away */
  roles: readonly EmployeeRole[];
}

type Confirmed = Pick<WorkerStatus, "practitionerId" | "organizations">;

const dayMs = 86_400_000;

/** ФРМР decides who is a worker; ESIA's roles are a hint (decisions.md, sign-in). */
export class WorkerStatuses {
  readonly #parts: WorkerStatusParts;

  constructor(parts: WorkerStatusParts) {
    this.#parts = parts;
  }

  /**
   * Asks ФРМР anew. Throws `not-a-medical-worker`, `worker-dismissed`, `person-duplicated`, `identity-mismatch`
   * naming the fields, `profile-organization-mismatch` and, ФРМР being down, `worker-check-waits`.
   */
  async of(candidate: Candidate, ctx: RequestContext): Promise<WorkerStatus> {
    const card = await this.#freshCard(candidate, ctx);
    if (!card) return this.#earlier(candidate.owner);
    const { practitioner, roles } = card.value;
    const fields = differingFields(candidate.person, practitioner);
    if (fields.length > 0) throw new GatewayError("identity-mismatch", { field: fields.join(", ") });
    const employments = employmentsOf(roles);
    if (employments.length === 0) {
      await this.#parts.verifications.forget(candidate.owner);
      throw new GatewayError("worker-dismissed");
    }
    const organizations = await this.#allowed(employments, candidate.roles, ctx);
    const verifiedAt = card.sources[0]?.asOf ?? this.#parts.clock.now();
    const confirmed: Confirmed = { practitionerId: practitioner.id ?? "", organizations };
    await this.#parts.verifications.remember(candidate.owner, verifiedAt, confirmed);
    return { ...confirmed, registry: { verifiedAt, fresh: true } };
  }

  /** Undefined when the registry does not answer. */
  async #freshCard(
    { snils, owner }: Candidate,
    ctx: RequestContext,
  ): Promise<Answered<WorkerCard> | undefined> {
    const { verifications } = this.#parts;
    try {
      return await askedAnew(this.#parts, snils, ctx);
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      if (error.code === "person-not-found") {
        await verifications.forget(owner);
        throw new GatewayError("not-a-medical-worker", { cause: error });
      }
      if (error.system !== "frmr" || error.row.status < 500) throw error;
      ctx.log.warn({ error, code: error.code, system: "frmr" }, "sign-in goes on without the registry");
      return undefined;
    }
  }

  async #earlier(owner: string): Promise<WorkerStatus> {
    const { verifications, clock, earlierVerificationDays } = this.#parts;
    const earlier = await verifications.find(owner);
    if (!earlier || earlier.at + earlierVerificationDays * dayMs < clock.now())
      throw new GatewayError("worker-check-waits", { system: "frmr", retryAfter: 60 });
    return { ...(earlier.facts as Confirmed), registry: { verifiedAt: earlier.at, fresh: false } };
  }

  /** Without the organisations that have blocked this employee in ESIA (L-51); who has no role there is not blocked. */
  async #allowed(
    employments: readonly WorkContext[],
    roles: readonly EmployeeRole[],
    ctx: RequestContext,
  ): Promise<readonly WorkContext[]> {
    const active = new Set(roles.filter((role) => role.active).map(({ ogrn }) => ogrn));
    const blocked = new Set(roles.map(({ ogrn }) => ogrn).filter((ogrn) => !active.has(ogrn)));
    if (blocked.size === 0) return employments;
    const numbers = await Promise.all(employments.map(({ oid }) => this.#ogrnOf(oid, ctx)));
    const allowed = employments.filter((_, index) => !blocked.has(numbers[index] ?? ""));
    if (allowed.length === 0) throw new GatewayError("profile-organization-mismatch");
    return allowed;
  }

  async #ogrnOf(oid: string, ctx: RequestContext): Promise<string | undefined> {
    const { value } = await this.#parts.organizations.organizationByOid(oid, ctx);
    return value.identifier?.find(({ system }) => system === identifierSystem.ogrn)?.value;
  }
}

/** One context per organisation where the person works now. */
function employmentsOf(roles: readonly PractitionerRole[]): WorkContext[] {
  const contexts = new Map<string, WorkContext>();
  for (const role of roles) {
    const oid = role.organization?.identifier?.value?.replace(/^urn:oid:/, "");
    if (role.active === false || !oid || contexts.has(oid)) continue;
    contexts.set(oid, {
      oid,
      name: role.organization?.display ?? oid,
      roleId: role.id ?? "",
      posts: postsAt(roles, oid),
    });
  }
  return [...contexts.values()];
}
