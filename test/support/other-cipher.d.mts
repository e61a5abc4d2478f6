import type { Cipher } from "../../src/crypto/cipher.ts";

export const cipher: Cipher;
