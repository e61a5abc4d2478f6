import { webcrypto } from "node:crypto";
import * as pkijs from "pkijs";
import { signatureAlgorithmOf } from "./algorithms.ts";
import { verifyKnown } from "./known-signatures.ts";

/** Sends every signature that pkijs checks through our own check: GOST is understood, SHA-1 and weak keys are refused. */
class Engine extends pkijs.CryptoEngine {
  constructor() {
    super({ crypto: webcrypto, name: "cabinet-gateway" });
  }

  override async verifyWithPublicKey(
    data: webcrypto.BufferSource,
    signature: { valueBlock: { valueHexView: Uint8Array } },
    key: pkijs.PublicKeyInfo,
    algorithm: pkijs.AlgorithmIdentifier,
  ): Promise<boolean> {
    return verifyKnown({
      spki: new Uint8Array(key.toSchema().toBER(false)),
      algorithm: signatureAlgorithmOf(algorithm.algorithmId),
      message: bytesOf(data),
      signature: signature.valueBlock.valueHexView,
    });
  }
}

function bytesOf(data: webcrypto.BufferSource): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** Handed to each pkijs call: nothing is registered globally. */
export const pkijsEngine: pkijs.ICryptoEngine = new Engine();
