import { createHash } from "node:crypto";
import { DIGEST_OIDS, type DigestName, digestOf } from "./algorithms.ts";
import { childrenOf, type DerElement, expectTag, readDer, readOid } from "./der-read.ts";
import { derInteger, derNull, derOctets, derOid, derSequence, TAG } from "./der-write.ts";
import { subjectPublicKeyBits } from "./key-identifier.ts";
import { type Certificate, serialHex } from "./x509.ts";

const SHA1_OID = "1.3.14.3.2.26";

/** CertID of RFC 6960: a certificate named by hashes of its issuer and its serial number. */
export interface CertificateId {
  readonly der: Uint8Array;
  readonly hashOid: string;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  readonly serialNumber: string;
}

/** Names a certificate with SHA-1, the one hash that every responder knows (RFC 5019); it protects nothing here. */
export function certificateIdOf(serialNumber: string, issuer: Certificate): Uint8Array {
  return derSequence(
    derSequence(derOid(SHA1_OID), derNull()),
    derOctets(sha1(issuer.subject.der)),
    derOctets(sha1(subjectPublicKeyBits(issuer.spki))),
    derInteger(BigInt(`0x${serialNumber}`)),
  );
}

/** Reads a CertID. */
export function parseCertificateId(element: DerElement | undefined): CertificateId {
  const [algorithm, nameHash, keyHash, serial] = childrenOf(expectTag(element, TAG.sequence));
  return {
    der: element?.bytes ?? new Uint8Array(),
    hashOid: readOid(childrenOf(expectTag(algorithm, TAG.sequence))[0]),
    issuerNameHash: expectTag(nameHash, TAG.octetString).content,
    issuerKeyHash: expectTag(keyHash, TAG.octetString).content,
    serialNumber: serialHex(serial),
  };
}

/** Whether the name belongs to a certificate of this issuer; an unknown hash is `false`. */
export function isIssuedBy(id: CertificateId, issuer: Certificate): boolean {
  const hash = hashByOid(id.hashOid);
  return (
    hash !== undefined &&
    Buffer.compare(hash(issuer.subject.der), id.issuerNameHash) === 0 &&
    Buffer.compare(hash(subjectPublicKeyBits(issuer.spki)), id.issuerKeyHash) === 0
  );
}

/** Reads a CertID from its DER. */
export function readCertificateId(der: Uint8Array): CertificateId {
  return parseCertificateId(readDer(der));
}

function hashByOid(oid: string): ((input: Uint8Array) => Uint8Array) | undefined {
  if (oid === SHA1_OID) return sha1;
  const [name] = Object.entries(DIGEST_OIDS).find(([, known]) => known === oid) ?? [];
  return name === undefined ? undefined : (input) => digestOf(name as DigestName, input);
}

function sha1(input: Uint8Array): Uint8Array {
  return createHash("sha1").update(input).digest();
}
