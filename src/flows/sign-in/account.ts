import { identifierSystem } from "../../core/canonical.ts";
import { GatewayError } from "../../core/errors.ts";
import { isSnils, snilsDigits } from "../../core/identifiers.ts";
import type { SignedIn } from "../../systems/esia/identity-provider.ts";

/**
 * Whether this ESIA account may enter at all, and the person's СНИЛС (11 digits). Throws `child-account`,
 * `account-not-confirmed` (L-02), `second-factor-missing` (L-23) and `snils-missing`.
 */
export function admittedSnils(account: SignedIn, requiredAmr: readonly string[]): string {
  if (account.level === "child") throw new GatewayError("child-account");
  if (!account.confirmed) throw new GatewayError("account-not-confirmed");
  if (requiredAmr.length > 0 && !account.amr.split(" ").some((way) => requiredAmr.includes(way)))
    throw new GatewayError("second-factor-missing");
  const stated = account.person.identifier?.find(({ system }) => system === identifierSystem.snils)?.value;
  const snils = snilsDigits(stated ?? "");
  if (!snils || !isSnils(snils)) throw new GatewayError("snils-missing");
  return snils;
}
