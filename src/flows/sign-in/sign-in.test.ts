import type { Person, Practitioner } from "@medplum/fhirtypes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../../core/clock.ts";
import { createKeyring } from "../../crypto/keyring.ts";
import type { SignedIn } from "../../systems/esia/identity-provider.ts";
import { admittedSnils } from "./account.ts";
import { differingFields } from "./identity-match.ts";
import { requireState, returnPath, Tickets } from "./ticket.ts";

const person: Person = {
  resourceType: "Person",
  name: [{ use: "official", family: "Артёмов", given: ["Пётр", "Сергеевич"] }],
  birthDate: "1985-05-20",
  identifier: [
    { system: "urn:oid:1.2.643.100.3", value: "900-000-001 82" },
    { system: "urn:oid:1.2.643.3.131.1.1", value: "779990000140" },
  ],
};
const account = { confirmed: true, level: "confirmed", amr: "PWD", person } as unknown as SignedIn;
const practitioner = (change: Partial<Practitioner> = {}): Practitioner => ({
  resourceType: "Practitioner",
  name: [{ family: "АРТЕМОВ", given: ["Петр  Сергеевич"] }],
  birthDate: "1985-05-20",
  identifier: person.identifier,
  ...change,
});

describe("the account", () => {
  it("gives its СНИЛС as digits", () => {
    expect(admittedSnils(account, [])).toBe("90000000182");
  });

  it("L-23 a login without a required way of authentication is refused where the operator lists some", () => {
    const admit = (amr: string) => () => admittedSnils({ ...account, amr }, ["DS", "MFA"]);
    expect(admit("PWD")).toThrow(expect.objectContaining({ code: "second-factor-missing" }));
    expect(admit("PWD MFA")()).toBe("90000000182");
  });

  it("a СНИЛС with wrong check digits is none", () => {
    const identifier = [{ system: "urn:oid:1.2.643.100.3", value: "90000000183" }];
    const broken = { ...account, person: { ...person, identifier } };
    expect(() => admittedSnils(broken, [])).toThrow(expect.objectContaining({ code: "snils-missing" }));
  });
});

describe("V-08 the comparison with the registry", () => {
  it("V-08 case, ё and spaces are no difference", () => {
    expect(differingFields(person, practitioner())).toEqual([]);
  });

  it("V-08, V-10 names every field that differs", () => {
    const other = practitioner({
      name: [{ family: "Иванов", given: ["Пётр"] }],
      birthDate: "1985-05-21",
      identifier: [{ system: "urn:oid:1.2.643.3.131.1.1", value: "779990000213" }],
    });
    expect(differingFields(person, other)).toEqual(["family", "given", "birthDate", "inn"]);
  });

  it("V-10 an ИНН that one side does not state is not compared", () => {
    expect(differingFields({ ...person, identifier: [] }, practitioner())).toEqual([]);
  });

  it("a birth date that one side does not state is a difference", () => {
    expect(differingFields(person, practitioner({ birthDate: undefined }))).toEqual(["birthDate"]);
  });
});

describe("the ticket of a sign-in", () => {
  const clock = new ManualClock();
  const tickets = new Tickets({ keyring: createKeyring(new Uint8Array(32)), clock });
  const ticket = () => tickets.make({ kind: "worker", returnTo: "/" });

  it("L-16 is good for ten minutes", async () => {
    const sealed = tickets.seal(ticket());
    await clock.advance(599_000);
    expect(tickets.open(sealed)).toMatchObject({ kind: "worker", returnTo: "/" });
    await clock.advance(1_000);
    expect(() => tickets.open(sealed)).toThrow(expect.objectContaining({ code: "sign-in-state-expired" }));
  });

  it("L-16 no changed byte of the cookie and no other state passes", () => {
    const made = ticket();
    const sealed = tickets.seal(made);
    fc.assert(
      fc.property(fc.nat(sealed.length - 2), fc.base64String({ minLength: 4 }), (at, noise) => {
        const forged = sealed.slice(0, at) + noise.replace(/[+/=]/g, "_") + sealed.slice(at + 1);
        if (Buffer.from(forged, "base64url").equals(Buffer.from(sealed, "base64url"))) return;
        expect(() => tickets.open(forged)).toThrow(
          expect.objectContaining({ code: "sign-in-state-rejected" }),
        );
      }),
    );
    expect(() => requireState(made, crypto.randomUUID())).toThrow();
    expect(() => requireState(made, undefined)).toThrow();
    expect(requireState(made, made.state)).toBeUndefined();
  });

  it("L-50 whatever returnTo is let through stays on this site", () => {
    const home = "https://gw.example";
    const hostile = fc.oneof(
      fc.webUrl(),
      fc.string().map((text) => `/${text}`),
      fc.stringMatching(/^[/\\@:?#.\t\n]{1,6}evil\.example$/),
    );
    fc.assert(
      fc.property(hostile, (text) => {
        let path: string;
        try {
          path = returnPath(text, home, "/");
        } catch {
          return;
        }
        expect(new URL(path, home).origin).toBe(home);
      }),
    );
  });
});
