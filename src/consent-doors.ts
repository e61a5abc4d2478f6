import type { AuthDoor } from "./api/auth/door.ts";
import type { ConsentDoor } from "./api/cabinet/my-consents.ts";
import { withdrawEverywhere } from "./cache/withdrawal.ts";
import { Consents } from "./flows/consent/consents.ts";
import { createKnownGrantee } from "./flows/consent/known-grantee.ts";
import type { Parts } from "./parts.ts";
import { OneTimeCodes } from "./store/one-time-codes.ts";
import type { Surroundings } from "./surroundings.ts";

/** Joins what patients' consents are made of. */
export function openConsents(parts: Parts, { clock }: Surroundings, auth: AuthDoor): ConsentDoor {
  const { store, consentStore, keyring, notices, cache } = parts;
  const consents = new Consents({
    db: store.db,
    store: consentStore,
    codes: new OneTimeCodes({ keyring, clock }),
    notices,
    clock,
    knownGrantee: createKnownGrantee(parts),
    forgetDecisions: (patient) => withdrawEverywhere({ cache, clock }, [patient]),
  });
  return { door: auth.session, consents, clock };
}
