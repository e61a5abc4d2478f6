import * as pkijs from "pkijs";
import { certificateIdOf, isIssuedBy, readCertificateId } from "./certificate-id.ts";
import { childrenOf, readDer, readOid } from "./der-read.ts";
import { derSequence, TAG } from "./der-write.ts";
import { CryptoError } from "./errors.ts";
import { pkijsEngine } from "./pkijs-engine.ts";
import { type Certificate, EXTENSION_OIDS, isSignedBy, parseCertificate } from "./x509.ts";

export const OCSP_OIDS = {
  basicResponse: "1.3.6.1.5.5.7.48.1.1",
  nonce: "1.3.6.1.5.5.7.48.1.2",
  signing: "1.3.6.1.5.5.7.3.9",
} as const;

/** What a verified answer says of one certificate. */
export interface RevocationState {
  readonly status: "good" | "revoked";
  readonly revokedAt?: Date;
  readonly producedAt: Date;
  readonly thisUpdate: Date;
  readonly nextUpdate?: Date;
}

/** An OCSPRequest for one certificate, without a nonce so that answers may be cached (RFC 5019). */
export function createOcspRequest(certificate: Certificate, issuer: Certificate): Uint8Array {
  return derSequence(
    derSequence(derSequence(derSequence(certificateIdOf(certificate.serialNumber, issuer)))),
  );
}

/**
 * Reads an OCSPResponse about `certificate`: signature, the responder's right to answer (the issuer itself, or a
 * certificate that the issuer gave for OCSP signing) and the certificate's name are checked. Throws
 * `revocation-unavailable` when the answer says nothing that can be relied on. Freshness is the caller's part.
 */
export async function readOcspResponse(
  bytes: Uint8Array,
  certificate: Certificate,
  issuer: Certificate,
  at: Date,
): Promise<RevocationState> {
  const response = basicResponse(bytes);
  const embedded = (response.certs ?? []).map((cert) =>
    parseCertificate(new Uint8Array(cert.toSchema().toBER(false))),
  );
  const responders = [issuer, ...embedded].filter((candidate) => mayAnswerFor(candidate, issuer, at));
  response.certs = responders.map(({ der }) => pkijs.Certificate.fromBER(der));
  if (!(await verifies(response)))
    throw unavailable("the signature of the OCSP response is not the responder's");
  const single = response.tbsResponseData.responses.find(({ certID }) => {
    const id = readCertificateId(new Uint8Array(certID.toSchema().toBER(false)));
    return id.serialNumber === certificate.serialNumber && isIssuedBy(id, issuer);
  });
  if (!single) throw unavailable("the OCSP response is about another certificate");
  const tag: number = single.certStatus.idBlock.tagNumber;
  if (tag !== 0 && tag !== 1) throw unavailable("the responder does not know the certificate");
  return {
    status: tag === 0 ? "good" : "revoked",
    ...(tag === 1 && { revokedAt: single.certStatus.valueBlock.value[0].toDate() as Date }),
    producedAt: response.tbsResponseData.producedAt,
    thisUpdate: single.thisUpdate,
    ...(single.nextUpdate && { nextUpdate: single.nextUpdate }),
  };
}

function basicResponse(bytes: Uint8Array): pkijs.BasicOCSPResponse {
  let response: pkijs.OCSPResponse;
  try {
    response = pkijs.OCSPResponse.fromBER(bytes);
    const inner = response.responseBytes?.response.valueBlock.valueHexView;
    if (inner) return pkijs.BasicOCSPResponse.fromBER(inner);
  } catch (cause) {
    throw new CryptoError("revocation-unavailable", "the OCSP response is not readable", { cause });
  }
  throw unavailable(`the responder answered with status ${response.responseStatus.valueBlock.valueDec}`);
}

async function verifies(response: pkijs.BasicOCSPResponse): Promise<boolean> {
  try {
    return await response.verify({ trustedResponders: response.certs ?? [], trustedCerts: [] }, pkijsEngine);
  } catch (cause) {
    throw new CryptoError("revocation-unavailable", "the OCSP response does not verify", { cause });
  }
}

// RFC 6960 section 4.2.2.2
function mayAnswerFor(candidate: Certificate, issuer: Certificate, at: Date): boolean {
  if (Buffer.compare(candidate.der, issuer.der) === 0) return true;
  if (candidate.notBefore > at || candidate.notAfter < at) return false;
  const usage = candidate.extensions.get(EXTENSION_OIDS.extendedKeyUsage);
  const purposes = usage ? childrenOf(readDer(usage.value, TAG.sequence)).map(readOid) : [];
  return purposes.includes(OCSP_OIDS.signing) && isSignedBy(candidate, issuer);
}

function unavailable(message: string): CryptoError {
  return new CryptoError("revocation-unavailable", message);
}
