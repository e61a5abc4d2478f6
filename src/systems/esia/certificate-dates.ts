import type { Certificate } from "../../crypto/x509.ts";

const dayMs = 86_400_000;
const noticeDays = 30;

/** A sentence when the certificate is not valid now, or runs out within a month. */
export function datesOf(whose: string, { notBefore, notAfter }: Certificate, now: number): string[] {
  if (now < notBefore.getTime()) return [`${whose} is valid from ${day(notBefore)} only.`];
  if (now > notAfter.getTime())
    return [`${whose} expired on ${day(notAfter)}: get a new one and register it at ESIA.`];
  const daysLeft = Math.floor((notAfter.getTime() - now) / dayMs);
  return daysLeft < noticeDays ? [`${whose} runs out on ${day(notAfter)}, in ${daysLeft} days.`] : [];
}

/** The same of the list that ESIA's tokens are checked against: its longest-lived member counts. */
export function trustDates(certificates: readonly Certificate[], now: number): string[] {
  const last = certificates.toSorted((a, b) => b.notAfter.getTime() - a.notAfter.getTime())[0];
  if (!last) return ["No certificate of ESIA's tokens is configured: every sign-in would be refused."];
  if (now > last.notAfter.getTime())
    return [
      `Every certificate of ESIA's tokens has expired, the last on ${day(last.notAfter)}: load new ones.`,
    ];
  return datesOf("The longest-lived certificate of ESIA's tokens", last, now);
}

const day = (date: Date): string => date.toISOString().slice(0, 10);
