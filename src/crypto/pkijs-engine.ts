import { webcrypto } from "node:crypto";
import * as pkijs from "pkijs";
import { signatureAlgorithmOf } from "./algorithms.ts";
import { parsePublicKey, verifyMessage } from "./keys.ts";

/** Sends every signature that pkijs checks through `verifyMessage`: GOST is understood, SHA-1 and weak keys are refused. */
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
    const publicKey = parsePublicKey(new Uint8Array(key.toSchema().toBER(false)));
    const name = signatureAlgorithmOf(algorithm.algorithmId);
    return verifyMessage(publicKey, name, bytesOf(data), signature.valueBlock.valueHexView);
  }
}

function bytesOf(data: webcrypto.BufferSource): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** Handed to each pkijs call: nothing is registered globally. */
export const pkijsEngine: pkijs.ICryptoEngine = new Engine();
