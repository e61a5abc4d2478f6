import { createHash, randomBytes } from "node:crypto";
import * as pkijs from "pkijs";
import {
  bits,
  integer,
  numeric,
  octets,
  oid,
  printable,
  sequence,
  set,
  tagged,
  taggedBytes,
  time,
  utf8,
  yes,
} from "./der.ts";
import { algorithms, type SigningKey } from "./keys.ts";

/** What a sandbox needs to know of a certificate. */
export interface Certificate {
  der: Uint8Array;
  serialNumber: bigint;
  /** names and the key, in DER */
  issuer: Uint8Array;
  subject: Uint8Array;
  spki: Uint8Array;
  notBefore: Date;
  notAfter: Date;
}

/** A key with its certificate. */
export interface Signer {
  key: SigningKey;
  certificate: Certificate;
}

// RFC 5280 appendix A, RFC 9215 section 5, order 795 of the federal security service
const nameAttributes = {
  commonName: ["2.5.4.3", utf8],
  surname: ["2.5.4.4", utf8],
  country: ["2.5.4.6", printable],
  organization: ["2.5.4.10", utf8],
  organizationalUnit: ["2.5.4.11", utf8],
  givenName: ["2.5.4.42", utf8],
  ogrn: ["1.2.643.100.1", numeric],
  snils: ["1.2.643.100.3", numeric],
  innLegalEntity: ["1.2.643.100.4", numeric],
  inn: ["1.2.643.3.131.1.1", numeric],
} as const;

/** Attributes of a name, written in the order of the object's keys. */
export type Name = { readonly [attribute in keyof typeof nameAttributes]?: string };

// bits of the first byte of KeyUsage (RFC 5280 section 4.2.1.3)
const usageBits = { digitalSignature: 0x80, nonRepudiation: 0x40, keyCertSign: 0x04, cRLSign: 0x02 } as const;

export interface CertificateOrder {
  subject: Name;
  key: SigningKey;
  notBefore: Date;
  notAfter: Date;
  keyUsages: readonly (keyof typeof usageBits)[];
  /** random when absent */
  serialNumber?: bigint;
  isAuthority?: boolean;
  policies?: readonly string[];
  ocspUrl?: string;
  crlUrl?: string | undefined;
}

/** A version 3 certificate for the key; it signs itself when there is no issuer. */
export function issueCertificate(order: CertificateOrder, issuer?: Signer): Signer {
  const { key } = order;
  const subject = nameOf(order.subject);
  const signedBy = issuer?.key ?? key;
  const content = sequence(
    tagged(0, integer(2)),
    integer(order.serialNumber ?? BigInt(`0x40${randomBytes(15).toString("hex")}`)),
    algorithms[signedBy.kind].signature,
    issuer?.certificate.subject ?? subject,
    sequence(time(order.notBefore), time(order.notAfter)),
    subject,
    key.spki,
    tagged(3, sequence(...extensionsOf(order), ...keyIdentifiers(key.spki, signedBy.spki))),
  );
  return { key, certificate: readCertificate(signedStructure(content, signedBy)) };
}

/** Reads DER; throws when it is no certificate. */
export function readCertificate(der: Uint8Array): Certificate {
  const read = pkijs.Certificate.fromBER(Uint8Array.from(der));
  return {
    der,
    serialNumber: read.serialNumber.toBigInt(),
    issuer: new Uint8Array(read.issuer.valueBeforeDecode),
    subject: new Uint8Array(read.subject.valueBeforeDecode),
    spki: new Uint8Array(read.subjectPublicKeyInfo.toSchema().toBER()),
    notBefore: read.notBefore.value,
    notAfter: read.notAfter.value,
  };
}

/** Content, algorithm, signature: the shape that certificates, lists and OCSP answers share. */
export const signedStructure = (content: Uint8Array, key: SigningKey, more?: Uint8Array): Uint8Array =>
  sequence(content, algorithms[key.kind].signature, bits(key.sign(content)), more);

export const extension = (name: string, value: Uint8Array, critical = false): Uint8Array =>
  sequence(oid(name), critical ? yes : undefined, octets(value));

/** authorityKeyIdentifier of what the owner of this key signs. */
export const authorityKeyIdentifier = (spki: Uint8Array): Uint8Array =>
  extension("2.5.29.35", sequence(taggedBytes(0, keyIdentifier(spki))));

// RFC 5280 section 4.2.1.2, method 1
function keyIdentifier(spki: Uint8Array): Uint8Array {
  const { subjectPublicKey } = pkijs.PublicKeyInfo.fromBER(Uint8Array.from(spki));
  return createHash("sha1").update(subjectPublicKey.valueBlock.valueHexView).digest();
}

const keyIdentifiers = (own: Uint8Array, authority: Uint8Array): Uint8Array[] => [
  extension("2.5.29.14", octets(keyIdentifier(own))),
  authorityKeyIdentifier(authority),
];

function nameOf(name: Name): Uint8Array {
  const present = Object.entries(name) as [keyof Name, string][];
  return sequence(
    ...present.map(([attribute, value]) => {
      const [type, write] = nameAttributes[attribute];
      return set(sequence(oid(type), write(value)));
    }),
  );
}

function extensionsOf({ isAuthority, keyUsages, policies = [], ocspUrl, crlUrl }: CertificateOrder) {
  const uri = (url: string) => taggedBytes(6, Buffer.from(url));
  return [
    isAuthority ? extension("2.5.29.19", sequence(yes), true) : undefined,
    extension("2.5.29.15", keyUsage(keyUsages), true),
    policies.length > 0
      ? extension("2.5.29.32", sequence(...policies.map((policy) => sequence(oid(policy)))))
      : undefined,
    ocspUrl === undefined
      ? undefined
      : extension("1.3.6.1.5.5.7.1.1", sequence(sequence(oid("1.3.6.1.5.5.7.48.1"), uri(ocspUrl)))),
    crlUrl === undefined
      ? undefined
      : extension("2.5.29.31", sequence(sequence(tagged(0, tagged(0, uri(crlUrl)))))),
  ];
}

// a list of named bits ends at the last one that is set (X.690 section 11.2.2)
function keyUsage(usages: CertificateOrder["keyUsages"]): Uint8Array {
  const byte = usages.reduce((sum, usage) => sum | usageBits[usage], 0);
  return bits(Uint8Array.of(byte), 31 - Math.clz32(byte & -byte));
}
