import type { FastifyRequest } from "fastify";
import { readGround } from "../../access/ground-text.ts";
import type { RequestContext } from "../../core/context.ts";
import type { AccessNames } from "../../flows/access-names.ts";
import { requireSession } from "../../plugins/session.ts";
import { type JournalRow, organizationOf } from "../../store/journal-format.ts";
import type { FoundRow, SearchJournal } from "../../store/journal-search.ts";
import type { AccessesPages } from "./accesses-page.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

export interface MyAccessesParts {
  search: SearchJournal;
  pages: AccessesPages;
  names(rows: readonly JournalRow[], ctx: RequestContext): Promise<AccessNames>;
}

/** `GET /cabinet/v1/me/accesses`: who looked at the person's data (M-29), or what the person did. */
export function myAccessesOperation({ search, pages, names }: MyAccessesParts) {
  return async (request: FastifyRequest): Promise<View["Accesses"]> => {
    const { personId } = requireSession(request);
    const { view, page, count } = request.query as {
      view: "about-me" | "by-me";
      page?: string;
      count: number;
    };
    const whose = view === "about-me" ? { subject: personId } : { agent: personId };
    request.authorize("read", { type: "AuditEvent", ...whose });
    const list = `${view} ${personId}`;
    const beyond = page && ({ place: pages.open(page, list), direction: "older" } as const);
    const found = await search({
      ...whose,
      told: view === "by-me",
      ...(beyond && { beyond }),
      limit: count + 1,
    });
    const shown = found.slice(0, count);
    await request.journal({ action: "own-journal", resourceType: "AuditEvent", subject: personId });
    const known = await names(
      shown.map(({ row }) => row),
      request.ctx,
    );
    const last = found.length > count ? shown.at(-1) : undefined;
    return {
      accesses: shown.map((one) => accessView(one, known)),
      ...(last && { next: pages.seal(last.place, list) }),
    };
  };
}

function accessView({ row }: FoundRow, names: AccessNames): View["Access"] {
  const oid = organizationOf(row);
  const { at, actorKind, action, resourceType, ground, outcome } = row;
  return {
    at: new Date(at).toISOString(),
    actor: { kind: actorKind, name: names.actor(row) },
    organization: oid ? { oid, name: names.organization(oid) } : undefined,
    action,
    resourceType,
    ground: readGround(ground)?.reason,
    outcome,
  };
}
