import { readFileSync } from "node:fs";
import Type, { type Static } from "typebox";
import { Value } from "typebox/value";
import type { SignatureLevel } from "../core/context.ts";
import { SIGNATURE_SCHEMES } from "../crypto/algorithms.ts";
import { requiredSignature, suffices } from "./signature-levels.ts";

const level = Type.Union([Type.Literal("simple"), Type.Literal("enhanced"), Type.Literal("qualified")]);

const knownAlgorithm = `^(${Object.keys(SIGNATURE_SCHEMES).join("|")})$`;

const region = Type.Object(
  {
    /** FHIR type -> the least signature to enter it, where the region asks for more than the federation */
    levels: Type.Optional(Type.Record(Type.String({ pattern: "^[A-Z][A-Za-z]+$" }), level)),
    /** algorithms of signatures that are taken; absent: all that the gateway knows */
    algorithms: Type.Optional(Type.Array(Type.String({ pattern: knownAlgorithm }), { minItems: 1 })),
  },
  { additionalProperties: false },
);

/** What a region asks of signatures beyond the federal rules (E-29). */
export type RegionalPolicy = Static<typeof region>;

export interface RegionalPolicies {
  /** of the region where an organisation is; undefined: the federal rules alone */
  of(organization: string | undefined): RegionalPolicy | undefined;
}

export const federalOnly: RegionalPolicies = { of: () => undefined };

/**
 * Reads the regions' rules from a JSON file, by the two digits of the region. Throws TypeError for what is no such
 * list, and for a region that asks for less than the federation.
 */
export function regionalPoliciesIn(path: string): RegionalPolicies {
  const read: unknown = JSON.parse(readFileSync(path, "utf8"));
  const file = Type.Record(Type.String({ pattern: "^\\d{2,3}$" }), region, { additionalProperties: false });
  if (!Value.Check(file, read)) {
    const [wrong] = [...Value.Errors(file, read)];
    throw new TypeError(`${path}${wrong?.instancePath}: ${wrong?.message}`);
  }
  for (const [code, { levels = {} }] of Object.entries(read))
    for (const one of Object.entries(levels)) refuseLess(code, one);
  return { of: (organization) => read[regionOf(organization) ?? ""] };
}

function refuseLess(code: string, [type, wanted]: [string, SignatureLevel]): void {
  const federal = requiredSignature("create", { type, subject: "someone" });
  if (federal === undefined || suffices(wanted, federal)) return;
  throw new TypeError(`region ${code} asks less for ${type} than the federal ${federal}`);
}

/** The region in the ФРМО OID of an organisation: `1.2.643.5.1.13.13.12.2.77.…` is Moscow's. */
const regionOf = (organization: string | undefined): string | undefined =>
  /^1\.2\.643\.5\.1\.13\.13\.12\.2\.(\d{2,3})\./.exec(organization ?? "")?.[1];
