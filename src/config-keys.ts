import Type from "typebox";
import { Count, Url } from "./config-fields.ts";

/** Settings of the keys and the cipher of data at rest. */
export const keySettings = {
  MASTER_KEY: Type.Optional(
    Type.String({
      description: "32 bytes in base64; wraps the root of every other key. Absent: generated in DATA_DIR",
    }),
  ),
  MASTER_KEY_FILE: Type.Optional(Type.String({ description: "file that holds MASTER_KEY" })),
  MASTER_KEY_PREVIOUS: Type.Optional(
    Type.String({ description: "the master key of before, while it is being changed: see docs/security.md" }),
  ),
  MASTER_KEY_PREVIOUS_FILE: Type.Optional(
    Type.String({ description: "file that holds MASTER_KEY_PREVIOUS" }),
  ),
  CIPHER_MODULE: Type.Optional(
    Type.String({
      description:
        "ES module whose `cipher` seals data at rest, such as GOST by a vendor's certified means (docs/security.md); absent: AES-256-GCM",
    }),
  ),
  KEY_PROVIDER: Type.Union(
    [Type.Literal("master"), Type.Literal("folder"), Type.Literal("environment"), Type.Literal("service")],
    {
      default: "master",
      description:
        "where the keys are that wrap patients' data keys: `folder` (KEY_FOLDER), `environment` (KEY_ENCRYPTION_KEYS), `service` (KEY_SERVICE_URL), `master` (derived from MASTER_KEY, can't be rotated)",
    },
  ),
  KEY_FOLDER: Type.Optional(
    Type.String({
      description: "folder with `ID.key` (32 bytes in base64) for each key and `current`, which holds an id",
    }),
  ),
  KEY_ENCRYPTION_KEYS: Type.Optional(
    Type.String({ description: "`ID:BASE64,ID:BASE64`: the first wraps, the others still open" }),
  ),
  KEY_SERVICE_URL: Url("transit engine of Vault or OpenBao, such as https://vault.example:8200/v1/transit"),
  KEY_SERVICE_KEY: Type.String({
    default: "cabinet-gateway",
    pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$",
    description: "name of the exportable aes256-gcm96 key there",
  }),
  KEY_SERVICE_TOKEN_FILE: Type.Optional(
    Type.String({ description: "file with the token for the key service, read at each call" }),
  ),
  KEY_SERVICE_TIMEOUT_MS: Count(2_000, "how long the key service may take to answer", 1),
};
