import { CryptoError } from "../../src/crypto/errors.ts";
import {
  generatePrivateKey,
  publicKeyOf,
  publicKeyToSpki,
  signMessage,
  verifyMessage,
} from "../../src/crypto/keys.ts";
import { createVerifier } from "../../src/crypto/verifier.ts";
import { microsOf, perSecond, type Spread, spreadOf } from "./spread.ts";

const rounds = 5;
const kinds = { GOST: ["CryptoPro-A", "gost-256"], RSA: ["rsa-2048", "rsa-sha256"] } as const;

export type VerificationFigures = Record<keyof typeof kinds, { onLoop: Spread; offLoop: Spread }>;

/** Signatures checked a second by a known key: on the event loop, and in the verifier's one thread with 8 callers. */
export async function verificationsPerSecond(): Promise<VerificationFigures> {
  const fetch = () => Promise.reject(new CryptoError("revocation-refused", "none"));
  const verifier = createVerifier({ anchors: { roots: [] }, revocation: { fetch } });
  const message = Buffer.alloc(600, 1);
  const figures: Partial<VerificationFigures> = {};
  const works = Object.entries(kinds).map(([name, [kind, algorithm]]) => {
    const key = generatePrivateKey(kind);
    const publicKey = publicKeyOf(key);
    const signature = signMessage(key, algorithm, message);
    const question = { spki: publicKeyToSpki(publicKey), algorithm, message, signature };
    const times = name === "GOST" ? 200 : 2_000;
    const onLoop = async () =>
      1e6 / (await microsOf(() => void verifyMessage(publicKey, algorithm, message, signature), times));
    const offLoop = () => perSecond(() => verifier.verifyMessage(question), { times, callers: 8 });
    return { name, onLoop, offLoop, samples: { onLoop: [] as number[], offLoop: [] as number[] } };
  });
  for (let round = -1; round < rounds; round++)
    for (const { onLoop, offLoop, samples } of works) {
      const [on, off] = [await onLoop(), await offLoop()];
      // the first round warms
      if (round >= 0) samples.onLoop.push(on);
      if (round >= 0) samples.offLoop.push(off);
    }
  await verifier.close();
  for (const { name, samples } of works)
    figures[name as keyof typeof kinds] = {
      onLoop: spreadOf(samples.onLoop),
      offLoop: spreadOf(samples.offLoop),
    };
  return figures as VerificationFigures;
}
