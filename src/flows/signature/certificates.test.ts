import { expect, it } from "vitest";
import { ManualClock } from "../../core/clock.ts";
import type { SigningCertificate } from "../../store/signing-certificates.ts";
import { SigningCertificates } from "./certificates.ts";

const dayMs = 24 * 3_600_000;

it("the owner is told 30, 14, 7, 3 and 1 days before the end, each time once", async () => {
  const clock = new ManualClock();
  const certificate: SigningCertificate = {
    person: "p",
    fingerprint: "f",
    notAfter: clock.now() + 40 * dayMs + 1,
    boundAt: clock.now(),
    der: new Uint8Array(),
  };
  const store = {
    endingBefore: async (moment: number) => (certificate.notAfter < moment ? [{ ...certificate }] : []),
    notice: async (_of: SigningCertificate, days: number, send: (trx: never) => Promise<unknown>) => {
      certificate.noticedDays = days;
      await send(undefined as never);
      return true;
    },
  };
  const certificates = new SigningCertificates({
    db: {} as never,
    store: store as never,
    verifier: {} as never,
    clock,
    toleratedAgeMs: 0,
  });
  const told: number[] = [];
  for (let hour = 0; hour < 41 * 24; hour++) {
    await certificates.sendNotices(async (_trx, { days }) => told.push(days));
    await clock.advance(dayMs / 24);
  }
  expect(told).toEqual([30, 14, 7, 3, 1]);
});
