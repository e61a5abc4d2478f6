import type { ContactPoint } from "@medplum/fhirtypes";
import { describe, expect, it } from "vitest";
import { maskedAddress, recipientOf } from "./recipient.ts";

const person = (...telecom: ContactPoint[]) => ({ resourceType: "Person" as const, telecom });
const phone = (value: string, use?: ContactPoint["use"]): ContactPoint => ({ system: "phone", value, use });
const email: ContactPoint = { system: "email", value: "anna@example.org" };

describe("where a code goes", () => {
  it.each([
    [person(phone("+79990000005")), "+79990000005"],
    [person(phone("8 (999) 000-00-05")), "+79990000005"],
    [person(phone("9990000005")), "+79990000005"],
    [person(phone("+74950000000", "home"), phone("+79990000005", "mobile")), "+79990000005"],
  ])("to the phone %#", (whose, address) => {
    expect(recipientOf(whose)).toEqual({ channel: "sms", address });
  });

  it("to the e-mail when there is no Russian phone", () => {
    expect(recipientOf(person(phone("+4915112345678"), email))).toEqual({
      channel: "email",
      address: "anna@example.org",
    });
  });

  it("nowhere without either", () => {
    expect(() => recipientOf(person())).toThrow(expect.objectContaining({ code: "contact-missing" }));
  });

  it("shows the person enough to recognise it", () => {
    expect(maskedAddress({ channel: "sms", address: "+79990000005" })).toBe("+7 *** ***-00-05");
    expect(maskedAddress({ channel: "email", address: "anna@example.org" })).toBe("a***@example.org");
  });
});
