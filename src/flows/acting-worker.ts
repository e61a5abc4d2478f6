import type { PractitionerRole } from "@medplum/fhirtypes";
import type { WorkContext } from "../access/session-facts.ts";
import { sessionOwnerOf } from "../access/session-owner.ts";
import { identifierSystem } from "../core/canonical.ts";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { GatewayError, isGatewayError } from "../core/errors.ts";
import type { Keyring } from "../crypto/keyring.ts";
import type { WorkerVerifications } from "../store/worker-verifications.ts";
import type { Identities } from "./identities.ts";
import type { PractitionerDirectory } from "./practitioner-directory.ts";

interface NamedWorker {
  person: string;
  role: string;
  organization: string;
}

/**
 * Asks ФРМР whether the worker whom a client system names holds that post there today. Throws GatewayError
 * `access-denied` when not, and upstream errors: without an answer nobody is vouched for.
 */
export async function confirmWorker(
  directory: PractitionerDirectory,
  named: NamedWorker,
  ctx: RequestContext,
): Promise<void> {
  if (!(await heldRole(directory, named, ctx)))
    throw new GatewayError("access-denied", {
      field: "client_assertion.extensions.hl7-b2b",
      detail: "ФРМР does not confirm the named worker in this post and organisation; missing: active-worker",
    });
}

/** The role, when it is active, this person's and in this organisation. */
async function heldRole(
  directory: PractitionerDirectory,
  named: NamedWorker,
  ctx: RequestContext,
): Promise<PractitionerRole | undefined> {
  const role = await roleOf(directory, named.role, ctx);
  const person = role?.practitioner?.reference?.split("/").at(-1);
  return role && person === named.person && isAt(role, named.organization) ? role : undefined;
}

function isAt({ active, organization }: PractitionerRole, oid: string): boolean {
  const { system, value } = organization?.identifier ?? {};
  return active === true && system === identifierSystem.oid && value === `urn:oid:${oid}`;
}

async function roleOf(directory: PractitionerDirectory, id: string, ctx: RequestContext) {
  try {
    return (await directory.roleById(id, ctx)).value;
  } catch (error) {
    if (isGatewayError(error) && (error.code === "not-found" || error.code === "gone")) return undefined;
    throw error;
  }
}

/** Posts of a role as ФРМР has them: codes of dictionary 11.1002. */
export const postCodesOf = ({ code = [] }: PractitionerRole): string[] =>
  code.flatMap(({ coding = [] }) => coding.flatMap(({ code: post }) => post ?? []));

/** All posts that are held in an organisation today: one person may have several there. */
export const postsAt = (roles: readonly PractitionerRole[], oid: string): string[] =>
  roles.filter((role) => isAt(role, oid)).flatMap(postCodesOf);

export interface ActiveWorkersParts {
  directory: PractitionerDirectory;
  identities: Identities;
  verifications: WorkerVerifications;
  keyring: Keyring;
  clock: Clock;
  /** how old a confirmation may be while ФРМР is down */
  earlierVerificationDays: number;
}

const dayMs = 86_400_000;

/** Whether the human who acts is active in ФРМР in the chosen organisation (M-41), and in which post. */
export class ActiveWorkers {
  readonly #parts: ActiveWorkersParts;

  constructor(parts: ActiveWorkersParts) {
    this.#parts = parts;
  }

  /**
   * Codes of dictionary 11.1002; undefined for whom ФРМР does not confirm. Throws its errors when it is down and there
   * is no recent confirmation.
   */
  async postsOf(ctx: RequestContext): Promise<readonly string[] | undefined> {
    const { kind, id, onBehalfOf, role, organization } = ctx.actor;
    const person = kind === "client" ? onBehalfOf : id;
    if (!person || !role || !organization) return undefined;
    try {
      return await this.#postsToday({ person, role, organization }, ctx);
    } catch (error) {
      if (!isGatewayError(error) || error.system !== "frmr" || error.row.status < 500) throw error;
      const earlier = await this.#earlierPosts(person, organization);
      if (earlier) return earlier;
      throw error;
    }
  }

  async #postsToday(named: NamedWorker, ctx: RequestContext): Promise<readonly string[] | undefined> {
    const { directory } = this.#parts;
    const held = await heldRole(directory, named, ctx);
    // a client system names one post; in the cabinet an organisation was chosen, with every post there
    if (!held || ctx.actor.kind === "client") return held && postCodesOf(held);
    const { value } = await directory.cardById(named.person, ctx);
    return postsAt(value.roles, named.organization);
  }

  async #earlierPosts(person: string, organization: string): Promise<readonly string[] | undefined> {
    const { identities, verifications, keyring, clock, earlierVerificationDays } = this.#parts;
    const identity = await identities.find(person);
    if (!identity) return undefined;
    const earlier = await verifications.find(sessionOwnerOf(keyring, identity.value.slice(0, 11)));
    if (!earlier || earlier.at + earlierVerificationDays * dayMs < clock.now()) return undefined;
    const { organizations = [] } = earlier.facts as { organizations?: readonly WorkContext[] };
    return organizations.find(({ oid }) => oid === organization)?.posts;
  }
}
