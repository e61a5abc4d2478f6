import Type from "typebox";
import { Value } from "typebox/value";
import { GatewayError } from "../core/errors.ts";
import type { NamedHuman } from "./access-token.ts";

const logicalId = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

// UDAP Security 1.0, section 5.2.1.1: B2B authorization extension object; ids are ours
const schema = Type.Object({
  version: Type.Literal("1"),
  subject_id: Type.String({ pattern: logicalId }),
  subject_role: Type.String({ pattern: logicalId }),
  organization_id: Type.String({ pattern: "^urn:oid:[0-2](\\.\\d+)+$" }),
  purpose_of_use: Type.Array(Type.String(), { minItems: 1, maxItems: 1 }),
});

// v3-ActReason; what a worker may have in mind
const purposes = ["TREAT", "HPAYMT", "HOPERAT", "BTG"] as const;

/**
 * The worker whom a client's assertion names in `extensions["hl7-b2b"]`: logical ids of Practitioner and
 * PractitionerRole, the organisation and one purpose of use. Undefined when it names nobody; throws GatewayError
 * `invalid-assertion` for a name that is incomplete.
 */
export function humanClaim(claims: Record<string, unknown>): NamedHuman | undefined {
  const named = (claims.extensions as Record<string, unknown> | undefined)?.["hl7-b2b"];
  if (named === undefined) return undefined;
  const field = "client_assertion.extensions.hl7-b2b";
  if (!Value.Check(schema, named)) {
    const [wrong] = Value.Errors(schema, named);
    throw new GatewayError("invalid-assertion", {
      field: field + (wrong?.instancePath ?? ""),
      detail: field,
    });
  }
  const code = named.purpose_of_use[0]?.split(/[#|]/).at(-1);
  const purpose = purposes.find((known) => known === code);
  if (!purpose)
    throw new GatewayError("invalid-assertion", {
      field: `${field}/purpose_of_use`,
      detail: `purpose_of_use is one of ${purposes.join(", ")}`,
    });
  return {
    person: named.subject_id,
    role: named.subject_role,
    organization: named.organization_id.slice("urn:oid:".length),
    purpose,
  };
}
