import * as pkijs from "pkijs";
import { childrenOf, readDer } from "./der-read.ts";
import { CryptoError } from "./errors.ts";
import type { RevocationState } from "./ocsp.ts";
import { pkijsEngine } from "./pkijs-engine.ts";
import { type Certificate, keyUsagesOf } from "./x509.ts";

const DELTA_CRL_OID = "2.5.29.27";
const ISSUING_POINT_OID = "2.5.29.28";

/**
 * Looks `certificate` up in its issuer's list. Throws `revocation-unavailable` when the list is not the issuer's own
 * full list or does not verify. Freshness is the caller's part.
 */
export async function readCrl(
  bytes: Uint8Array,
  certificate: Certificate,
  issuer: Certificate,
): Promise<RevocationState> {
  const crl = parse(bytes);
  const usages = keyUsagesOf(issuer);
  if (usages && !usages.has("cRLSign")) throw unavailable("the issuer's key is not for revocation lists");
  if (!(await isOwnList(crl, issuer)))
    throw unavailable("the list is not signed by the certificate's issuer");
  const entry = crl.revokedCertificates?.find(
    ({ userCertificate }) => hexOf(userCertificate.valueBlock.valueHexView) === certificate.serialNumber,
  );
  const thisUpdate = crl.thisUpdate.value;
  return {
    status: entry ? "revoked" : "good",
    ...(entry && { revokedAt: entry.revocationDate.value }),
    producedAt: thisUpdate,
    thisUpdate,
    ...(crl.nextUpdate && { nextUpdate: crl.nextUpdate.value }),
  };
}

function parse(bytes: Uint8Array): pkijs.CertificateRevocationList {
  try {
    return pkijs.CertificateRevocationList.fromBER(bytes);
  } catch (cause) {
    throw new CryptoError("revocation-unavailable", "the revocation list is not readable", { cause });
  }
}

async function isOwnList(crl: pkijs.CertificateRevocationList, issuer: Certificate): Promise<boolean> {
  if (crl.crlExtensions?.extensions.some(narrowsList)) return false;
  try {
    return await crl.verify({ issuerCertificate: pkijs.Certificate.fromBER(issuer.der) }, pkijsEngine);
  } catch {
    return false;
  }
}

// a delta list, or one limited to some certificates or reasons, can't say that a certificate is good
function narrowsList({ extnID, extnValue }: pkijs.Extension): boolean {
  if (extnID === DELTA_CRL_OID) return true;
  if (extnID !== ISSUING_POINT_OID) return false;
  return childrenOf(readDer(extnValue.valueBlock.valueHexView)).some(({ tag }) => tag !== 0xa0);
}

function hexOf(serial: Uint8Array): string {
  return Buffer.from(serial)
    .toString("hex")
    .replace(/^(00)+(?=..)/, "");
}

function unavailable(message: string): CryptoError {
  return new CryptoError("revocation-unavailable", message);
}
