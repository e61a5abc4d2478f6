import type { PractitionerRole } from "@medplum/fhirtypes";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { isGatewayError } from "../core/errors.ts";
import type { Answered } from "./identities.ts";
import { type NamingSources, namedCard } from "./named-card.ts";
import { orUnavailable, withBudget } from "./partial.ts";
import type { PractitionerDirectory, WorkerCard } from "./practitioner-directory.ts";

interface WorkerProfileParts extends NamingSources {
  practitioners: PractitionerDirectory;
  clock: Clock;
}

/** What a start page needs of the registries. */
export interface Profile {
  roles: readonly PractitionerRole[];
  /** why ФРМР has no card to show, though it answered */
  refusal?: "person-not-found" | "person-duplicated";
}

type Refused = Required<Pick<Profile, "refusal">>;

// a page must not wait longer for one system; what comes later is there for the next page
const budgetMs = 3_000;

/** A worker's own data out of ФРМР, ФРМО and НСИ. */
export class WorkerProfiles {
  readonly #parts: WorkerProfileParts;

  constructor(parts: WorkerProfileParts) {
    this.#parts = parts;
  }

  /** The worker's card with names; needs ФРМР and throws its errors, goes without ФРМО and НСИ. */
  async card(personId: string, ctx: RequestContext): Promise<Answered<WorkerCard>> {
    const card = await this.#parts.practitioners.cardById(personId, ctx);
    return this.#named(card, ctx);
  }

  /** What can be told of the worker now, whichever systems are down. */
  async profile(personId: string, ctx: RequestContext): Promise<Answered<Profile>> {
    const { practitioners, clock } = this.#parts;
    const asked = practitioners.cardById(personId, withBudget(ctx, clock, budgetMs));
    const { value, sources } = await orUnavailable<WorkerCard | Refused>("frmr", asked.catch(refused));
    if (!value) return { value: { roles: [] }, sources };
    if ("refusal" in value) return { value: { roles: [], refusal: value.refusal }, sources };
    const named = await this.#named({ value, sources }, ctx);
    return { value: { roles: named.value.roles }, sources: named.sources };
  }

  #named(card: Answered<WorkerCard>, ctx: RequestContext): Promise<Answered<WorkerCard>> {
    return namedCard(card, this.#parts, withBudget(ctx, this.#parts.clock, budgetMs));
  }
}

/** The registry's answers that a person must hear of, instead of an error. */
function refused(error: unknown): Answered<Refused> {
  if (isGatewayError(error) && (error.code === "person-not-found" || error.code === "person-duplicated"))
    return { value: { refusal: error.code }, sources: [{ system: "frmr", status: "fresh" }] };
  throw error;
}
