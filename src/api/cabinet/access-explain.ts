import type { FastifyRequest } from "fastify";
import { readGround } from "../../access/ground-text.ts";
import { requireScope } from "../../plugins/auth.ts";
import type { FoundRow, SearchJournal } from "../../store/journal-search.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

const mostRows = 200;

/**
 * `GET /cabinet/v1/access/explain`: why the accesses of one request were permitted or refused, for the security duty:
 * what the organisation did, through whichever client, and what anybody did to its data.
 */
export function explainOperation(search: SearchJournal) {
  return async (request: FastifyRequest): Promise<View["AccessExplanation"]> => {
    const { requestId } = request.query as { requestId: string };
    // a person has no scopes: what they may is decide()'s to say
    if (!request.session) requireScope(request, "AuditEvent", "r");
    // with an id: what a duty opens of the journal in part does not open this
    await request.authorizeOne("read", { type: "AuditEvent", id: requestId });
    const { tenant: organization } = request.ctx.actor;
    const found = await search({ organization, requestId, limit: mostRows });
    await request.journal({ action: "explain", resourceType: "AuditEvent" });
    return { requestId, accesses: found.map(explained).reverse() };
  };
}

function explained({ row }: FoundRow): View["ExplainedAccess"] {
  const { at, actorKind, actorId, onBehalfOf, role, ground } = row;
  const { action, resourceType, resourceId, subject, outcome } = row;
  return {
    at: new Date(at).toISOString(),
    actor: { kind: actorKind, id: actorId, onBehalfOf, role },
    action,
    resourceType,
    resourceId,
    subject,
    outcome,
    decision: readGround(ground),
  };
}
