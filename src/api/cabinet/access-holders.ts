import type { FastifyRequest } from "fastify";
import type { Holder, HoldersOf } from "../../flows/access-holders.ts";
import type { SessionDoor } from "../../plugins/session.ts";
import { sourceView } from "./registry-card.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

export interface HolderDoor {
  door: SessionDoor;
  holdersOf: HoldersOf;
}

/**
 * `GET /cabinet/v1/access/holders`: who of the worker's organisation may open a patient's card, and on what ground
 * (M-42), for whom the patient's consents are open to and for the security duty.
 */
export function holdersOperation({ door, holdersOf }: HolderDoor) {
  return async (request: FastifyRequest): Promise<View["AccessHolders"]> => {
    const { organization } = door.requireWorker(request);
    const { patient } = request.query as { patient: string };
    const { duties, tenant } = request.ctx.actor;
    await request.authorizeOne(
      "search",
      duties?.includes("security")
        ? { type: "AuditEvent", id: "holders", subject: patient, organization: tenant }
        : { type: "Consent", subject: patient },
    );
    const { value, sources } = await holdersOf({ patient, organization: organization.oid }, request.ctx);
    await request.journal({ action: "access-holders", resourceType: "Consent", subject: patient });
    return {
      ...{ patient, organization: { oid: organization.oid } },
      holders: value.holders.map(holderView),
      unlisted: value.unlisted,
      sources: sources.map(sourceView),
    };
  };
}

function holderView({ reason, rights, types, labels, from, until, ...who }: Holder): View["AccessHolder"] {
  return {
    ...(who.practitioner && { practitioner: who.practitioner }),
    ...(who.except && { except: [...who.except] }),
    ground: reason,
    rights: [...rights],
    ...(types && { types: [...types] }),
    ...(labels && { labels: [...labels] }),
    ...(from !== undefined && { from: new Date(from).toISOString() }),
    ...(until !== undefined && { until: new Date(until).toISOString() }),
  };
}
