import type { KeyProvider } from "./envelope.ts";
import type { Keyring } from "./keyring.ts";

/** The one key-encryption key of a trial installation, from its master key; it can't be rotated. */
export function masterKeyProvider(keyring: Keyring): KeyProvider {
  const id = "master";
  const key = keyring.derive("key-encryption");
  return {
    current: async () => ({ id, key }),
    byId: async (asked) => (asked === id ? key : undefined),
  };
}
