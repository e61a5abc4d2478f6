import type { AuthDoor } from "./api/auth/door.ts";
import type { HolderDoor } from "./api/cabinet/access-holders.ts";
import type { ConsentDoor } from "./api/cabinet/my-consents.ts";
import { withdrawEverywhere } from "./cache/withdrawal.ts";
import type { Config } from "./config.ts";
import { createHoldersOf } from "./flows/access-holders.ts";
import { Consents } from "./flows/consent/consents.ts";
import { createKnownGrantee } from "./flows/consent/known-grantee.ts";
import type { Parts } from "./parts.ts";
import type { SearchJournal } from "./store/journal-search.ts";
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

/** Joins what tells who of an organisation may open a card. */
export function openHolders(
  config: Config,
  { store, practitioners }: Parts,
  { around: { clock }, auth, search }: { around: Surroundings; auth: AuthDoor; search: SearchJournal },
): HolderDoor {
  const emergencySeconds = config.STEP_UP_SECONDS;
  const parts = { db: store.db, clock, search, practitioners, emergencySeconds };
  return { door: auth.session, holdersOf: createHoldersOf(parts) };
}
