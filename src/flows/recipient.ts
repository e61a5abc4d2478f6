import type { Person } from "@medplum/fhirtypes";
import { GatewayError } from "../core/errors.ts";
import type { Recipient } from "../systems/notify/notices.ts";

type Reachable = Recipient & { channel: "sms" | "email" };

/** Where a code reaches the person; throws `contact-missing`. */
export function recipientOf(person: Person): Reachable {
  const to = contactOf(person);
  if (!to) throw new GatewayError("contact-missing");
  return to;
}

/** The phone that ESIA has confirmed, else the e-mail, if there is one. */
export function contactOf({ telecom = [] }: Person): Reachable | undefined {
  const phones = telecom.filter(({ system }) => system === "phone");
  const phone = (phones.find(({ use }) => use === "mobile") ?? phones[0])?.value?.replace(/\D/g, "");
  // numbers of the Russian plan come with 7, with 8 or without
  if (phone && /^[78]?\d{10}$/.test(phone)) return { channel: "sms", address: `+7${phone.slice(-10)}` };
  const email = telecom.find(({ system }) => system === "email")?.value;
  return email ? { channel: "email", address: email } : undefined;
}

/** The address with most of it hidden, for the person to recognise. */
export function maskedAddress({ channel, address }: Recipient): string {
  if (channel === "sms") return `+7 *** ***-${address.slice(-4, -2)}-${address.slice(-2)}`;
  return address.replace(/^(.).*(@.*)$/, "$1***$2");
}
