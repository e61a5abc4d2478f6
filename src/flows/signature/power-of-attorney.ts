import { readFileSync } from "node:fs";
import Type, { type Static } from "typebox";
import { Value } from "typebox/value";

const row = Type.Object({
  /** GUID of the machine-readable power of attorney */
  number: Type.String({ pattern: "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$" }),
  /** ФРМО OID of the organisation that gave it */
  organization: Type.String(),
  /** СНИЛС of the worker, 11 digits */
  snils: Type.String({ pattern: "^\\d{11}$" }),
  /** ISO days, both inclusive */
  from: Type.String({ format: "date" }),
  until: Type.String({ format: "date" }),
  revoked: Type.Optional(Type.Boolean()),
});

/** A machine-readable power of attorney (МЧД): an organisation lets a worker sign in its name. */
export type PowerOfAttorney = Static<typeof row>;

/** Where powers of attorney are looked up. How the state's registry answers is not public: a port. */
export interface PowersOfAttorney {
  find(number: string): Promise<PowerOfAttorney | undefined>;
}

/** The operator's own list in a JSON file; throws TypeError when it is not one. */
export function powersOfAttorneyIn(path: string): PowersOfAttorney {
  const rows: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!Value.Check(Type.Array(row), rows))
    throw new TypeError("the file of powers of attorney is not a list of them");
  const byNumber = new Map(rows.map((one) => [one.number.toLowerCase(), one]));
  return { find: async (number) => byNumber.get(number.toLowerCase()) };
}

/** Why it does not let this worker sign for the organisation on that day; undefined when it does. */
export function objectionTo(
  found: PowerOfAttorney | undefined,
  { organization, snils, at }: { organization: string; snils: string; at: Date },
): string | undefined {
  if (!found) return "no such power of attorney is known";
  if (found.revoked) return "the power of attorney is revoked";
  if (found.snils !== snils) return "the power of attorney is another person's";
  if (found.organization !== organization) return "the power of attorney is another organisation's";
  const day = at.toISOString().slice(0, 10);
  return day < found.from || day > found.until ? "the power of attorney is not in force" : undefined;
}
