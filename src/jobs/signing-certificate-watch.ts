import type { Kysely } from "kysely";
import { sharedTenant } from "../core/shared-tenant.ts";
import type { Schema } from "../store/schema.ts";
import type { SigningCertificate } from "../store/signing-certificates.ts";
import type { Notices } from "../systems/notify/notices.ts";
import type { Job } from "./job-runner.ts";

type Ending = SigningCertificate & { days: number };

const endingBounds = ["30", "14", "7", "3", "1", "0"] as const;

interface WatchParts {
  certificates: {
    ending(): Promise<Ending[]>;
    daysToFirstEnd(): Promise<number | undefined>;
    sendNotices(send: (trx: Kysely<Schema>, of: Ending) => Promise<unknown>): Promise<number>;
  };
  notices: Pick<Notices, "send">;
  /** how many certificates in use end within so many days; 0: have ended */
  report: (within: (typeof endingBounds)[number], count: number) => void;
  /** days until the first certificate in use ends */
  reportFirst: (days: number) => void;
}

/** Tells owners before their certificate ends, and operators how many do (E-24). */
export function signingCertificateWatch({ certificates, notices, report, reportFirst }: WatchParts): Job {
  return {
    name: "signing-certificate-watch",
    everyMs: 3_600_000,
    leaderLeaseMs: 600_000,
    run: async () => {
      const ending = await certificates.ending();
      for (const bound of endingBounds)
        report(bound, ending.filter(({ days }) => days <= Number(bound) - (bound === "0" ? 1 : 0)).length);
      const days = await certificates.daysToFirstEnd();
      if (days !== undefined) reportFirst(days);
      await certificates.sendNotices(async (trx, { contact, days, fingerprint, person }) => {
        if (!contact || days < 0) return;
        await notices.send(trx, {
          to: contact,
          kind: "certificate-expiry",
          parameters: { days },
          id: `certificate-expiry ${person} ${fingerprint} ${days}`,
          tenant: sharedTenant,
        });
      });
    },
  };
}
