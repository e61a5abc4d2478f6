import type { FastifyRequest } from "fastify";
import { remitOf } from "../../access/remit.ts";
import { GatewayError } from "../../core/errors.ts";
import { requireScope } from "../../plugins/auth.ts";
import type { AccessCount, CountJournal } from "../../store/journal-hours.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

const longestMs = 31 * 86_400_000;

/**
 * `GET /cabinet/v1/access/summary`: counts of what organisations did, for a regulator's remit, or for the security duty
 * of what was done in the own organisation and by anybody to its data (Z-27).
 */
export function summaryOperation(count: CountJournal) {
  return async (request: FastifyRequest): Promise<View["AccessSummary"]> => {
    const { since, before } = request.query as { since: string; before: string };
    const period = { since: Date.parse(since), before: Date.parse(before) };
    if (!(period.since < period.before) || period.before - period.since > longestMs)
      throw new GatewayError("bad-request", { field: "before", detail: "a period of at most 31 days" });
    if (!request.session) requireScope(request, "AuditEvent", "s");
    const { actor } = request.ctx;
    const { tenant, duties } = actor;
    const remit = remitOf(actor);
    // counts tell of whole organisations: what opens single rows of the journal is not enough
    const [organization = tenant] = remit ?? [];
    await request.authorizeOne("search", { type: "AuditEvent", id: "summary", organization });
    const own = duties?.includes("security") ? { organization: tenant } : {};
    const counts = await count({ ...own, remit, ...period });
    await request.journal({ action: "access-summary", resourceType: "AuditEvent" });
    return { since, before, counts: counts.map(countView) };
  };
}

const countView = ({ holder, resourceType, ...rest }: AccessCount): View["AccessCount"] => ({
  ...rest,
  ...(holder && { holder }),
  ...(resourceType && { resourceType }),
});
