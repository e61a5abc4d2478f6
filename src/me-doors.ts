import type { AuthDoor } from "./api/auth/door.ts";
import type { MeParts } from "./api/cabinet/me.ts";
import type { Config } from "./config.ts";
import { DictionaryNames } from "./flows/dictionary-names.ts";
import { Verifications } from "./flows/verification/verifications.ts";
import { WorkerProfiles } from "./flows/worker-profile.ts";
import type { Parts } from "./parts.ts";
import type { Surroundings } from "./surroundings.ts";
import { sandboxedSystems } from "./upstream-parts.ts";

/** Joins what `/cabinet/v1/me` is made of. */
export function openMe(config: Config, parts: Parts, { clock }: Surroundings, auth: AuthDoor): MeParts {
  const { practitioners, organizations, dictionaries, sessions, resources, cache } = parts;
  return {
    door: auth.session,
    choices: auth.choices,
    signIns: parts.signIns,
    terms: parts.terms,
    termsVersion: config.TERMS_VERSION,
    signingCertificates: parts.signingCertificates,
    fhirUrl: `${config.PUBLIC_URL}/fhir`,
    postTable: parts.postTable,
    profiles: new WorkerProfiles({
      practitioners,
      organizations,
      dictionaries: new DictionaryNames(dictionaries),
      clock,
    }),
    verifications: new Verifications({
      practitioners,
      db: parts.store.db,
      resources,
      sessions,
      earlier: parts.verifications,
      clock,
      forgetAnswers: (snils) => cache.bump(snils),
      sandboxed: sandboxedSystems(config).includes("frmr"),
    }),
  };
}
