import { expect, it } from "vitest";
import { generatePrivateKey, publicKeyOf, publicKeyToSpki, signMessage } from "./keys.ts";
import { verifyKnown } from "./known-signatures.ts";

it("a remembered signature vouches for no other key, message, value or algorithm", () => {
  const key = generatePrivateKey("CryptoPro-A");
  const message = Buffer.from("certificate");
  const known = {
    spki: publicKeyToSpki(publicKeyOf(key)),
    algorithm: "gost-256",
    message,
    signature: signMessage(key, "gost-256", message),
  } as const;
  expect(verifyKnown(known)).toBe(true);
  expect(verifyKnown(known)).toBe(true);
  const spki = publicKeyToSpki(publicKeyOf(generatePrivateKey("CryptoPro-A")));
  for (const other of [
    { ...known, spki },
    { ...known, message: Buffer.from("another") },
    { ...known, signature: new Uint8Array(64).fill(1) },
    { ...known, algorithm: "gost-512" as const },
  ]) {
    expect(verifyKnown(other)).toBe(false);
    expect(verifyKnown(other)).toBe(false);
  }
});
