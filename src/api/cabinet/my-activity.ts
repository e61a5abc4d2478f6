import type { FastifyRequest } from "fastify";
import type { Clock } from "../../core/clock.ts";
import type { SessionDoor } from "../../plugins/session.ts";
import { isoDay, moscowDay, type SigningDay } from "../../store/signature-activity.ts";
import type { CabinetOperations } from "./routes.ts";
import type { components } from "./types.ts";

type View = components["schemas"];

export interface MyActivityParts {
  door: SessionDoor;
  clock: Clock;
  signingActivity(of: { signer: string; since: number }): Promise<readonly SigningDay[]>;
}

/** The worker's own figures: analytics, so that decide() asks for an enhanced signature (E-03). */
export function myActivityOperation({ door, clock, signingActivity }: MyActivityParts): CabinetOperations {
  return {
    getMyActivity: async (request: FastifyRequest): Promise<View["Activity"]> => {
      const { personId: signer, organization } = door.requireWorker(request);
      const { days } = request.query as { days: number };
      await request.authorizeOne("read", { type: "MeasureReport", organization: organization.oid });
      const until = moscowDay(clock.now());
      const since = until - days + 1;
      const found = await signingActivity({ signer, since });
      await request.journal({ action: "read", resourceType: "MeasureReport", subject: signer });
      const countOf = (day: number, purpose: string) =>
        Number(found.find((one) => one.day === day && one.purpose === purpose)?.count ?? 0);
      const figures = Array.from({ length: days }, (_, index) => {
        const day = since + index;
        return { day: isoDay(day), documents: countOf(day, "document"), cards: countOf(day, "card") };
      });
      return { from: isoDay(since), until: isoDay(until), days: figures };
    },
  };
}
