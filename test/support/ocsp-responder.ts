import { derExtension, signedStructure } from "../../src/crypto/certificate-builder.ts";
import { type CertificateId, parseCertificateId } from "../../src/crypto/certificate-id.ts";
import { childrenOf, expectTag, readDer } from "../../src/crypto/der-read.ts";
import {
  derContext,
  derElement,
  derInteger,
  derOctets,
  derOid,
  derSequence,
  derTime,
  TAG,
} from "../../src/crypto/der-write.ts";
import { OCSP_OIDS } from "../../src/crypto/ocsp.ts";
import type { Signer } from "../../src/crypto/signer.ts";
import { parseCertificate, readExtensions } from "../../src/crypto/x509.ts";

const RESPONSE_STATUS = {
  successful: 0,
  malformedRequest: 1,
  internalError: 2,
  tryLater: 3,
  unauthorized: 6,
} as const;

export interface OcspQuestion {
  readonly ids: readonly CertificateId[];
  /** The content of the nonce extension, to be repeated in the response. */
  readonly nonce?: Uint8Array;
}

export type CertificateStatus = "good" | "unknown" | { readonly revokedAt: Date; readonly reason?: number };

export interface OcspAnswer {
  readonly question: OcspQuestion;
  readonly statusOf: (id: CertificateId) => CertificateStatus;
  readonly producedAt: Date;
  readonly nextUpdate?: Date;
}

/** Reads an OCSPRequest; throws `bad-encoding`. */
export function parseOcspRequest(request: Uint8Array): OcspQuestion {
  const [tbs] = childrenOf(readDer(request, TAG.sequence));
  const fields = childrenOf(expectTag(tbs, TAG.sequence));
  const list = fields.find(({ tag }) => tag === TAG.sequence);
  const wrapped = fields.find(({ tag }) => tag === 0xa2);
  const nonce = wrapped && readExtensions(readDer(wrapped.content)).get(OCSP_OIDS.nonce)?.value;
  return {
    ids: childrenOf(expectTag(list, TAG.sequence)).map((single) => parseCertificateId(childrenOf(single)[0])),
    ...(nonce && { nonce }),
  };
}

/** Signs a successful OCSPResponse for all certificates of the question; the signer's certificate travels inside. */
export async function createOcspResponse(answer: OcspAnswer, signer: Signer): Promise<Uint8Array> {
  const { question, producedAt, nextUpdate } = answer;
  const responses = question.ids.map((id) =>
    derSequence(
      id.der,
      statusElement(answer.statusOf(id)),
      derTime(producedAt, true),
      nextUpdate && derContext(0, derTime(nextUpdate, true)),
    ),
  );
  const tbs = derSequence(
    derContext(1, parseCertificate(signer.certificateDer).subject.der),
    derTime(producedAt, true),
    derSequence(...responses),
    question.nonce && derContext(1, derSequence(derExtension(OCSP_OIDS.nonce, question.nonce))),
  );
  const basic = await signedStructure(tbs, signer, derContext(0, derSequence(signer.certificateDer)));
  const bytes = derSequence(derOid(OCSP_OIDS.basicResponse), derOctets(basic));
  return derSequence(derInteger(RESPONSE_STATUS.successful, TAG.enumerated), derContext(0, bytes));
}

/** An OCSPResponse that says only why there is no answer. */
export function createOcspError(status: Exclude<keyof typeof RESPONSE_STATUS, "successful">): Uint8Array {
  return derSequence(derInteger(RESPONSE_STATUS[status], TAG.enumerated));
}

function statusElement(status: CertificateStatus): Uint8Array {
  if (status === "good") return derElement(0x80);
  if (status === "unknown") return derElement(0x82);
  const { revokedAt, reason } = status;
  const time = derTime(revokedAt, true);
  return reason === undefined
    ? derContext(1, time)
    : derContext(1, time, derContext(0, derInteger(reason, TAG.enumerated)));
}
