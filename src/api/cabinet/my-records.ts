import type { FastifyRequest } from "fastify";
import { accessedOf } from "../../access/accessed-of.ts";
import { classOf, type DataClass } from "../../access/data-classes.ts";
import { GatewayError } from "../../core/errors.ts";
import type { OwnRecord, OwnRecordsOf } from "../../flows/own-records.ts";
import type { SessionDoor } from "../../plugins/session.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

export interface MyRecordsParts {
  door: SessionDoor;
  records: OwnRecordsOf;
}

// consents and the journal have doors of their own
const shown: ReadonlySet<string> = new Set<DataClass>(["patient", "registration"]);

/** `GET /cabinet/v1/me/records`: what organisations store about the person who signed in. */
export function myRecordsOperation({ door, records }: MyRecordsParts) {
  return async (request: FastifyRequest): Promise<View["OwnRecords"]> => {
    const { personId } = door.requireCitizen(request);
    const { type, count } = request.query as { type: string; count: number };
    if (!shown.has(classOf(type, personId) ?? ""))
      throw new GatewayError("bad-request", {
        field: "type",
        detail: "not a type of a person's own records",
      });
    const found = await records(personId, { type, limit: count });
    const decisions = await request.authorizeAll(
      "search",
      found.map(({ resource, tenant }) => accessedOf(resource, tenant)),
    );
    const permitted = found.filter((_, index) => decisions[index]?.permit);
    await Promise.all(
      permitted.map(({ resource: { id } }) =>
        request.journal({ action: "search", resourceType: type, resourceId: id, subject: personId }),
      ),
    );
    if (permitted.length === 0)
      await request.journal({ action: "search", resourceType: type, subject: personId });
    return { records: permitted.map(recordView) };
  };
}

const recordView = ({ tenant, resource }: OwnRecord): View["OwnRecord"] => ({
  organization: { oid: tenant },
  resource: resource as unknown as View["OwnRecord"]["resource"],
});
