import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Kysely } from "kysely";
import { type Config, ConfigError } from "./config.ts";
import type { Clock } from "./core/clock.ts";
import { type Cipher, isCipher, useCipher } from "./crypto/cipher.ts";
import type { KeyProvider } from "./crypto/envelope.ts";
import { CryptoError } from "./crypto/errors.ts";
import { environmentKeys, folderKeys, masterKeyProvider, masterKeys } from "./crypto/key-providers.ts";
import { type KeyNetwork, keyService } from "./crypto/key-service.ts";
import { createKeyring, type Keyring } from "./crypto/keyring.ts";
import { masterKeyOf } from "./generated-keys.ts";
import { type MasterKeys, rootKeyOf } from "./store/root-key.ts";
import type { Schema } from "./store/schema.ts";
import { createAgent, createWireFetch } from "./upstream/http.ts";

/** What an installation derives its keys from; throws ConfigError when the master key is another database's. */
export async function openKeyring(config: MasterKeySettings, db: Kysely<Schema>): Promise<Keyring> {
  useCipher(config.CIPHER_MODULE ? await cipherIn(config.CIPHER_MODULE) : undefined);
  try {
    return createKeyring(await rootKeyOf(db, masterKeysOf(config)));
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    throw new ConfigError(
      "Settings refused: neither MASTER_KEY nor MASTER_KEY_PREVIOUS opens this database",
      {
        cause,
      },
    );
  }
}

type MasterKeySettings = Pick<Config, "MASTER_KEY" | "MASTER_KEY_PREVIOUS" | "DATA_DIR" | "CIPHER_MODULE">;

/** The operator's cipher; throws ConfigError for a module that has none. */
async function cipherIn(path: string): Promise<Cipher> {
  const refused = (cause?: unknown) => {
    const detail = "CIPHER_MODULE exports no `cipher` that keeps its promises (src/crypto/cipher.ts)";
    return new ConfigError(`Settings refused: ${detail}`, { cause });
  };
  const module = await import(pathToFileURL(resolve(path)).href).catch((cause) => {
    throw refused(cause);
  });
  if (!isCipher(module.cipher)) throw refused();
  return module.cipher;
}

/** The master key of the settings, with the one before while it is being changed. */
export function masterKeysOf(config: MasterKeySettings): MasterKeys {
  const current = masterKeyOf(config);
  const previous = config.MASTER_KEY_PREVIOUS ? Buffer.from(config.MASTER_KEY_PREVIOUS, "base64") : undefined;
  return { keys: masterKeys(current, previous), oldest: previous ?? current };
}

/**
 * The key-encryption keys that the settings name; throws ConfigError when they can't wrap. A key service is not asked
 * here: while it is away the gateway starts and serves what needs no patient's key.
 */
export async function openKeyProvider(
  config: Config,
  { keyring, clock }: { keyring: Keyring; clock: Clock },
): Promise<KeyProvider> {
  if (config.KEY_PROVIDER === "service") return serviceOf(config, clock);
  try {
    const provider = localProvider(config, keyring);
    await provider.current();
    return provider;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`Settings refused: KEY_PROVIDER=${config.KEY_PROVIDER}: ${reason}`, { cause });
  }
}

function localProvider(config: Config, keyring: Keyring): KeyProvider {
  if (config.KEY_PROVIDER === "folder") return folderKeys(config.KEY_FOLDER ?? "");
  if (config.KEY_PROVIDER === "environment") return environmentKeys(config.KEY_ENCRYPTION_KEYS ?? "");
  return masterKeyProvider(keyring);
}

const longestAnswer = 64 * 1024;

function serviceOf(config: Config, clock: Clock): KeyProvider {
  const agent = createAgent();
  // the wire of upstream/ without its pipeline: keys may not pass its cache, timings and kept failures
  const network: KeyNetwork = (url, headers) => {
    const signal = AbortSignal.timeout(config.KEY_SERVICE_TIMEOUT_MS);
    return createWireFetch({ agent, clock, signal, maxBytes: longestAnswer })(url, { headers });
  };
  return keyService({
    baseUrl: (config.KEY_SERVICE_URL ?? "").replace(/\/+$/, ""),
    keyName: config.KEY_SERVICE_KEY,
    token: async () => (await readFile(config.KEY_SERVICE_TOKEN_FILE ?? "", "utf8")).trim(),
    network,
    now: () => clock.now(),
  });
}
