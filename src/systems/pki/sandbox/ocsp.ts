import * as pkijs from "pkijs";
import { extension, type Signer, signedStructure } from "../../../sandbox-crypto/certificate.ts";
import {
  enumerated,
  generalizedTime,
  octets,
  oid,
  sequence,
  tagged,
  taggedBytes,
} from "../../../sandbox-crypto/der.ts";

const nonceOid = "1.3.6.1.5.5.7.48.1.2";

/** "revoked" is with the reason keyCompromise. */
export type CertificateStatus = "good" | "unknown" | { revokedAt: Date };

interface OcspAnswer {
  statusOf(serialNumber: bigint): CertificateStatus;
  producedAt: Date;
  nextUpdate: Date;
}

/** What RFC 6960 says to bytes that are no question. */
export const malformedRequest = sequence(enumerated(1));

/** Answers all parts of an OCSPRequest, its nonce repeated; throws for bytes that are none. */
export function answerOcsp(request: Uint8Array, answer: OcspAnswer, signer: Signer): Uint8Array {
  const { tbsRequest } = pkijs.OCSPRequest.fromBER(Uint8Array.from(request));
  const producedAt = generalizedTime(answer.producedAt);
  const singles = tbsRequest.requestList.map(({ reqCert }) =>
    sequence(
      new Uint8Array(reqCert.toSchema().toBER()),
      statusElement(answer.statusOf(reqCert.serialNumber.toBigInt())),
      producedAt,
      tagged(0, generalizedTime(answer.nextUpdate)),
    ),
  );
  const nonce = tbsRequest.requestExtensions?.find(({ extnID }) => extnID === nonceOid);
  const content = sequence(
    tagged(1, signer.certificate.subject),
    producedAt,
    sequence(...singles),
    nonce && tagged(1, sequence(extension(nonceOid, nonce.extnValue.valueBlock.valueHexView))),
  );
  const basic = signedStructure(content, signer.key, tagged(0, sequence(signer.certificate.der)));
  return sequence(enumerated(0), tagged(0, sequence(oid("1.3.6.1.5.5.7.48.1.1"), octets(basic))));
}

function statusElement(status: CertificateStatus): Uint8Array {
  if (status === "good") return taggedBytes(0);
  if (status === "unknown") return taggedBytes(2);
  return tagged(1, generalizedTime(status.revokedAt), tagged(0, enumerated(1)));
}
