import { randomBytes } from "node:crypto";
import { signatureAlgorithmIdentifier } from "./algorithms.ts";
import {
  derBitString,
  derBoolean,
  derContext,
  derElement,
  derInteger,
  derOctets,
  derOid,
  derSequence,
  derText,
  derTime,
} from "./der-write.ts";
import { encodeName, type NameFields } from "./distinguished-name.ts";
import { keyIdentifier } from "./key-identifier.ts";
import { type PublicKey, publicKeyToSpki } from "./keys.ts";
import type { MessageSigner } from "./signer.ts";
import {
  type Certificate,
  EXTENSION_OIDS,
  KEY_USAGES,
  type KeyUsage,
  OCSP_ACCESS_OID,
  parseCertificate,
} from "./x509.ts";

export interface CertificateTemplate {
  readonly subject: NameFields;
  readonly publicKey: PublicKey;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Random when absent. */
  readonly serialNumber?: bigint;
  /** Makes the certificate an authority; `maxPathLength` bounds the authorities below it. */
  readonly authority?: { readonly maxPathLength?: number };
  readonly keyUsages?: readonly KeyUsage[];
  readonly extendedKeyUsages?: readonly string[];
  readonly policies?: readonly string[];
  readonly ocspUrl?: string;
  readonly crlUrl?: string;
}

/** Who signs: the issuer's key with its certificate, or without one for a self-signed certificate. */
export interface CertificateIssuer {
  readonly signer: MessageSigner;
  readonly certificate?: Certificate;
}

/** Builds and signs a version 3 certificate; a template without `issuer.certificate` signs itself. */
export async function createCertificate(
  template: CertificateTemplate,
  issuer: CertificateIssuer,
): Promise<Certificate> {
  const subject = encodeName(template.subject);
  const spki = publicKeyToSpki(template.publicKey);
  const authorityKey = keyIdentifier(issuer.certificate?.spki ?? spki);
  const tbs = derSequence(
    derContext(0, derInteger(2)),
    derInteger(template.serialNumber ?? BigInt(`0x40${randomBytes(15).toString("hex")}`)),
    signatureAlgorithmIdentifier(issuer.signer.algorithm),
    issuer.certificate?.subject.der ?? subject,
    derSequence(derTime(template.notBefore), derTime(template.notAfter)),
    subject,
    spki,
    derContext(
      3,
      derSequence(...templateExtensions(template), ...keyIdentifierExtensions(spki, authorityKey)),
    ),
  );
  return parseCertificate(await signedStructure(tbs, issuer.signer));
}

/** SEQUENCE { tbs, algorithm, signature }: the shape of certificates, CRLs and OCSP responses alike. */
export async function signedStructure(
  tbs: Uint8Array,
  signer: MessageSigner,
  extra?: Uint8Array,
): Promise<Uint8Array> {
  const signature = await signer.sign(tbs);
  return derSequence(tbs, signatureAlgorithmIdentifier(signer.algorithm), derBitString(signature), extra);
}

/** One Extension. */
export function derExtension(oid: string, value: Uint8Array, critical = false): Uint8Array {
  return derSequence(derOid(oid), critical ? derBoolean(true) : undefined, derOctets(value));
}

function keyIdentifierExtensions(spki: Uint8Array, authority: Uint8Array): Uint8Array[] {
  return [
    derExtension(EXTENSION_OIDS.subjectKeyIdentifier, derOctets(keyIdentifier(spki))),
    derExtension(EXTENSION_OIDS.authorityKeyIdentifier, derSequence(derElement(0x80, authority))),
  ];
}

function templateExtensions(template: CertificateTemplate): Uint8Array[] {
  const { authority, keyUsages = [], extendedKeyUsages = [], policies = [] } = template;
  const pathLength = authority?.maxPathLength;
  return [
    authority &&
      derExtension(
        EXTENSION_OIDS.basicConstraints,
        derSequence(derBoolean(true), pathLength === undefined ? undefined : derInteger(pathLength)),
        true,
      ),
    keyUsages.length > 0 ? derExtension(EXTENSION_OIDS.keyUsage, keyUsageBits(keyUsages), true) : undefined,
    listExtension(EXTENSION_OIDS.extendedKeyUsage, extendedKeyUsages.map(derOid)),
    listExtension(
      EXTENSION_OIDS.certificatePolicies,
      policies.map((policy) => derSequence(derOid(policy))),
    ),
    ...locationExtensions(template),
  ].filter((extension) => extension !== undefined);
}

function listExtension(oid: string, items: readonly Uint8Array[]): Uint8Array | undefined {
  return items.length > 0 ? derExtension(oid, derSequence(...items)) : undefined;
}

function locationExtensions({ ocspUrl, crlUrl }: CertificateTemplate): (Uint8Array | undefined)[] {
  const uri = (url: string) => derText(url, 0x86);
  return [
    ocspUrl === undefined
      ? undefined
      : derExtension(
          EXTENSION_OIDS.authorityInfoAccess,
          derSequence(derSequence(derOid(OCSP_ACCESS_OID), uri(ocspUrl))),
        ),
    crlUrl === undefined
      ? undefined
      : derExtension(
          EXTENSION_OIDS.crlDistributionPoints,
          derSequence(derSequence(derContext(0, derContext(0, uri(crlUrl))))),
        ),
  ];
}

// a named bit list ends at its last set bit (X.690 section 11.2.2)
function keyUsageBits(usages: readonly KeyUsage[]): Uint8Array {
  const positions = usages.map((usage) => KEY_USAGES.indexOf(usage));
  const byte = positions.reduce((bits, position) => bits | (0x80 >> position), 0);
  return derBitString(Uint8Array.of(byte), 7 - Math.max(...positions));
}
