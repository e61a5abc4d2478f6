import type { FastifyRequest } from "fastify";
import { readGround } from "../../access/ground-text.ts";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import type { AccessNames } from "../../flows/access-names.ts";
import { requireSession, type SessionDoor } from "../../plugins/session.ts";
import { type JournalRow, organizationOf } from "../../store/journal-format.ts";
import type { FoundRow, SearchJournal } from "../../store/journal-search.ts";
import type { AccessesPages } from "./accesses-page.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

export interface MyAccessesParts {
  door: SessionDoor;
  search: SearchJournal;
  pages: AccessesPages;
  names(rows: readonly JournalRow[], ctx: RequestContext): Promise<AccessNames>;
}

interface Query {
  view: "about-me" | "by-me";
  page?: string;
  count: number;
  patient?: string;
}

/**
 * `GET /cabinet/v1/me/accesses`: who looked at the data of the person or of whom they represent (M-29), or what the
 * person did.
 */
export function myAccessesOperation({ door, search, pages, names }: MyAccessesParts) {
  return async (request: FastifyRequest): Promise<View["Accesses"]> => {
    const query = request.query as Query;
    const { view, page, count } = query;
    const person = personOf(door, request, query);
    const whose = view === "about-me" ? { subject: person } : { agent: person };
    const asked = { type: "AuditEvent", ...whose };
    // of themselves nothing needs loading, so people see their journal while a registry is silent
    if (query.patient === undefined) request.authorize("read", asked);
    else await request.authorizeOne("read", asked);
    const list = `${view} ${person}`;
    const beyond = page && ({ place: pages.open(page, list), direction: "older" } as const);
    const found = await search({
      ...whose,
      told: view === "by-me",
      ...(beyond && { beyond }),
      limit: count + 1,
    });
    const shown = found.slice(0, count);
    await request.journal({ action: "own-journal", resourceType: "AuditEvent", subject: person });
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

/** Whose journal is asked for; only a citizen names somebody else, and what that person did is never theirs to ask. */
function personOf(door: SessionDoor, request: FastifyRequest, { view, patient }: Query): string {
  if (patient === undefined) return requireSession(request).personId;
  if (view === "by-me")
    throw new GatewayError("bad-request", { field: "patient", detail: "only with the view about-me" });
  door.requireCitizen(request);
  return patient;
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
