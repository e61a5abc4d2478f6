import type { Keyring } from "../crypto/keyring.ts";

/** Keyed hash of a person: the same whatever they signed in as, and nothing that a dump gives away. */
export const sessionOwnerOf = (keyring: Keyring, snils: string): string =>
  keyring.hmac("session-owner", snils);
