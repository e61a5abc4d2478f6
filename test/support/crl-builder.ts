import { signatureAlgorithmIdentifier } from "../../src/crypto/algorithms.ts";
import { derExtension, signedStructure } from "../../src/crypto/certificate-builder.ts";
import { derContext, derElement, derInteger, derSequence, derTime, TAG } from "../../src/crypto/der-write.ts";
import { keyIdentifier } from "../../src/crypto/key-identifier.ts";
import type { MessageSigner } from "../../src/crypto/signer.ts";
import { type Certificate, EXTENSION_OIDS } from "../../src/crypto/x509.ts";

export interface RevokedEntry {
  /** As `Certificate.serialNumber` spells it. */
  readonly serialNumber: string;
  readonly revokedAt: Date;
  /** CRLReason of RFC 5280 section 5.3.1, for example 1 keyCompromise, 5 cessationOfOperation. */
  readonly reason?: number;
}

export interface CrlContent {
  readonly issuer: Certificate;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly number: number;
  readonly revoked: readonly RevokedEntry[];
}

/** Builds and signs a full version 2 CRL in DER. */
export async function createCrl(content: CrlContent, signer: MessageSigner): Promise<Uint8Array> {
  const { issuer, revoked } = content;
  const tbs = derSequence(
    derInteger(1),
    signatureAlgorithmIdentifier(signer.algorithm),
    issuer.subject.der,
    derTime(content.thisUpdate),
    derTime(content.nextUpdate),
    revoked.length > 0 ? derSequence(Buffer.concat(revoked.map(revokedEntry))) : undefined,
    derContext(
      0,
      derSequence(
        derExtension(
          EXTENSION_OIDS.authorityKeyIdentifier,
          derSequence(derElement(0x80, keyIdentifier(issuer.spki))),
        ),
        derExtension(EXTENSION_OIDS.crlNumber, derInteger(content.number)),
      ),
    ),
  );
  return signedStructure(tbs, signer);
}

function revokedEntry({ serialNumber, revokedAt, reason }: RevokedEntry): Uint8Array {
  return derSequence(
    derInteger(BigInt(`0x${serialNumber}`)),
    derTime(revokedAt),
    reason === undefined
      ? undefined
      : derSequence(derExtension(EXTENSION_OIDS.crlReason, derInteger(reason, TAG.enumerated))),
  );
}
