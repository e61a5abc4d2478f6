import { signatureAlgorithmOf } from "./algorithms.ts";
import {
  childrenOf,
  type DerElement,
  expectTag,
  readBitString,
  readDer,
  readOid,
  readTime,
} from "./der-read.ts";
import { derInteger, TAG } from "./der-write.ts";
import { CryptoError } from "./errors.ts";
import { verifyKnown } from "./known-signatures.ts";
import type { RevocationState } from "./ocsp.ts";
import { type Certificate, EXTENSION_OIDS, keyUsagesOf, readExtensions } from "./x509.ts";

const ISSUING_POINT_OID = "2.5.29.28";
const UNDERSTOOD = new Set<string>([
  ISSUING_POINT_OID,
  EXTENSION_OIDS.authorityKeyIdentifier,
  EXTENSION_OIDS.crlNumber,
]);

/**
 * Looks `certificate` up in its issuer's list. Lists of authorities reach hundreds of thousands of entries, which
 * pkijs refuses to read, so that they are scanned here. Throws `revocation-unavailable` when the list is not the
 * issuer's own full list or does not verify. Freshness is the caller's part.
 */
export async function readCrl(
  bytes: Uint8Array,
  certificate: Certificate,
  issuer: Certificate,
): Promise<RevocationState> {
  try {
    return lookUp(bytes, certificate, issuer);
  } catch (cause) {
    if (!(cause instanceof CryptoError) || cause.code === "revocation-unavailable") throw cause;
    throw new CryptoError("revocation-unavailable", "the revocation list is not readable", { cause });
  }
}

interface RevocationList {
  readonly tbs: Uint8Array;
  readonly signatureOid: string;
  readonly signature: Uint8Array;
  readonly issuer: Uint8Array;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  readonly revoked: DerElement | undefined;
  readonly extensions: DerElement | undefined;
}

function parse(bytes: Uint8Array): RevocationList {
  const [tbs, algorithm, signature] = childrenOf(readDer(bytes, TAG.sequence));
  const fields = childrenOf(expectTag(tbs, TAG.sequence));
  if (fields[0]?.tag === TAG.integer) fields.shift();
  const [, issuer, thisUpdate, ...rest] = fields;
  const nextUpdate = rest[0] && isTime(rest[0]) ? rest.shift() : undefined;
  return {
    tbs: tbs?.bytes ?? new Uint8Array(),
    signatureOid: readOid(childrenOf(expectTag(algorithm, TAG.sequence))[0]),
    signature: readBitString(signature),
    issuer: expectTag(issuer, TAG.sequence).bytes,
    thisUpdate: readTime(thisUpdate),
    nextUpdate: nextUpdate && readTime(nextUpdate),
    revoked: rest.find(({ tag }) => tag === TAG.sequence),
    extensions: rest.find(({ tag }) => tag === 0xa0),
  };
}

function lookUp(bytes: Uint8Array, certificate: Certificate, issuer: Certificate): RevocationState {
  const list = parse(bytes);
  refuseForeign(list, issuer);
  if (list.extensions && narrowsList(list.extensions))
    throw unavailable("the list does not cover every certificate");
  const { thisUpdate, nextUpdate, revoked } = list;
  const revokedAt = revoked && revocationDate(revoked, certificate.serialNumber);
  return {
    status: revokedAt ? "revoked" : "good",
    ...(revokedAt && { revokedAt }),
    producedAt: thisUpdate,
    thisUpdate,
    ...(nextUpdate && { nextUpdate }),
  };
}

function refuseForeign(list: RevocationList, issuer: Certificate): void {
  const usages = keyUsagesOf(issuer);
  if (usages && !usages.has("cRLSign")) throw unavailable("the issuer's key is not for revocation lists");
  const isOwn =
    Buffer.compare(list.issuer, issuer.subject.der) === 0 &&
    verifyKnown({
      spki: issuer.spki,
      algorithm: signatureAlgorithmOf(list.signatureOid),
      message: list.tbs,
      signature: list.signature,
    });
  if (!isOwn) throw unavailable("the list is not signed by the certificate's issuer");
}

function revocationDate(revoked: DerElement, serialNumber: string): Date | undefined {
  const serial = derInteger(BigInt(`0x${serialNumber}`));
  // the serial number opens each entry: the bytes are compared where they lie
  const entry = childrenOf(revoked).find(
    ({ content }) => Buffer.compare(content.subarray(0, serial.length), serial) === 0,
  );
  return entry && readTime(childrenOf(entry)[1]);
}

// a delta list, or one limited to some certificates or reasons, can't say that a certificate is good
function narrowsList(wrapped: DerElement): boolean {
  const extensions = readExtensions(readDer(wrapped.content, TAG.sequence));
  const point = extensions.get(ISSUING_POINT_OID);
  const isLimited = point && childrenOf(readDer(point.value)).some(({ tag }) => tag !== 0xa0);
  return isLimited || [...extensions].some(([oid, { critical }]) => critical && !UNDERSTOOD.has(oid));
}

function isTime({ tag }: DerElement): boolean {
  return tag === TAG.utcTime || tag === TAG.generalizedTime;
}

function unavailable(message: string): CryptoError {
  return new CryptoError("revocation-unavailable", message);
}
