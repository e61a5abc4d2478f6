import Type from "typebox";
import { Count, Url } from "./config-fields.ts";

/** Settings of what workers and organisations sign. */
export const signatureSettings = {
  SIGNATURE_ROOTS_DIR: Type.Optional(
    Type.String({
      description:
        "folder of PEM certificates of trusted certification authorities: roots, and authorities below them; absent: the sandbox's in MODE=sandbox, else nobody's",
    }),
  ),
  SIGNATURE_REVOCATION_HOSTS: Type.String({
    default: "",
    pattern: "^[\\w.:, -]*$",
    description:
      "hosts (`name` or `name:port`), comma-separated, that may be asked whether a certificate is revoked; the addresses stand in certificates of strangers",
  }),
  SIGNATURE_REVOCATION_TIMEOUT_MS: Count(
    5_000,
    "time-out of one question about revocation; a signature whose question runs out waits",
    100,
  ),
  SIGNATURE_STATUS_HOURS: Count(
    12,
    "how old the last good answer about revocation may be while no source answers; 0: none is believed",
  ),
  SIGNATURE_FREEZE_SECONDS: Count(900, "how long prepared bytes wait for their signature", 10),
  CARD_SIGNATURE_SECONDS: Count(
    3_600,
    "how long a signed request keeps a patient's card open for the signer",
    60,
  ),
  POWERS_OF_ATTORNEY_FILE: Type.Optional(
    Type.String({
      description:
        "JSON list of the machine-readable powers of attorney that organisations gave their workers; absent: none is asked for",
    }),
  ),
  SIGNATURE_POLICY_FILE: Type.Optional(
    Type.String({
      description:
        'JSON of what regions ask of signatures beyond the federal rules: {"77": {"levels": {"Observation": "qualified"}, "algorithms": ["gost-256"]}}; absent: the federal rules alone',
    }),
  ),
  SIGNING_RULES_FILE: Type.Optional(
    Type.String({
      description:
        "JSON of who signs documents of which kind, in the form of src/flows/signature/signing-rules.json; absent: that file",
    }),
  ),
  ORG_SIGNER_URL: Url("address of the organisation's signing service; absent: the sandbox's in MODE=sandbox"),
  ORG_SIGNER_KEY_FILE: Type.Optional(
    Type.String({
      description:
        "PEM of an organisation's private key and certificate; sandbox only, refused in production",
    }),
  ),
};
