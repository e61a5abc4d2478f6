import type { FastifyRequest } from "fastify";
import { accessedOf } from "../../access/accessed-of.ts";
import { classOf, type DataClass } from "../../access/data-classes.ts";
import { GatewayError } from "../../core/errors.ts";
import type { OwnRecord, OwnRecordsOf } from "../../flows/own-records.ts";
import type { SessionDoor } from "../../plugins/session.ts";
import { journalHidden, noteHidden } from "../fhir/hidden.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

export interface MyRecordsParts {
  door: SessionDoor;
  records: OwnRecordsOf;
}

// consents and the journal have doors of their own
const shown: ReadonlySet<string> = new Set<DataClass>(["patient", "registration"]);

/** `GET /cabinet/v1/me/records`: what organisations store about the person who signed in or whom they represent. */
export function myRecordsOperation({ door, records }: MyRecordsParts) {
  return async (request: FastifyRequest): Promise<View["OwnRecords"]> => {
    const { personId } = door.requireCitizen(request);
    const query = request.query as { type: string; count: number; patient?: string };
    const { type, count, patient = personId } = query;
    if (!shown.has(classOf(type, patient) ?? ""))
      throw new GatewayError("bad-request", {
        field: "type",
        detail: "not a type of a person's own records",
      });
    // a stranger is refused alike whether anything is stored or not
    await request.authorizeOne("search", { type, subject: patient });
    const found = await records(patient, { type, limit: count });
    const accessed = found.map(({ resource, tenant }) => accessedOf(resource, tenant));
    const decisions = await request.authorizeAll("search", accessed);
    // whoever made it, the journal names who keeps it
    const kept = accessed.map((one, index) => ({ ...one, organization: found[index]?.tenant }));
    noteHidden(request, kept, decisions);
    const permitted = found.filter((_, index) => decisions[index]?.permit);
    await Promise.all(
      permitted.map(({ tenant: holder, resource: { id } }) =>
        request.journal({ holder, action: "search", resourceType: type, resourceId: id, subject: patient }),
      ),
    );
    await journalHidden(request, "search");
    if (permitted.length === 0)
      await request.journal({ action: "search", resourceType: type, subject: patient });
    return { records: permitted.map(recordView) };
  };
}

const recordView = ({ tenant, resource }: OwnRecord): View["OwnRecord"] => ({
  organization: { oid: tenant },
  resource: resource as unknown as View["OwnRecord"]["resource"],
});
