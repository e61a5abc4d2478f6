import type { Certificate, Signer } from "../../../sandbox-crypto/certificate.ts";
import { integer, octets, oid, sequence, set, tagged, time } from "../../../sandbox-crypto/der.ts";
import { algorithms, type KeyKind } from "../../../sandbox-crypto/keys.ts";

const data = oid("1.2.840.113549.1.7.1");
const signedData = oid("1.2.840.113549.1.7.2");

interface SigningTerms {
  signingTime: Date;
  /** certificates of authorities that travel beside the signer's own */
  chain: readonly Certificate[];
}

/** CMS SignedData without its content, with the attributes of CAdES-BES (RFC 5652, RFC 5126). */
export function signDetached(signer: Signer, content: Uint8Array, terms: SigningTerms): Uint8Array {
  const { key, certificate } = signer;
  const { digest, digestOf, key: keyAlgorithm } = algorithms[key.kind];
  const attributes = [
    attribute("1.2.840.113549.1.9.3", data),
    attribute("1.2.840.113549.1.9.4", octets(digestOf(content))),
    attribute("1.2.840.113549.1.9.5", time(terms.signingTime)),
    attribute("1.2.840.113549.1.9.16.2.47", signingCertificate(certificate, key.kind)),
  ].sort(Buffer.compare);
  const signerInfo = sequence(
    integer(1),
    sequence(certificate.issuer, integer(certificate.serialNumber)),
    digest,
    tagged(0, ...attributes),
    // signing tools name the key here, not the signature
    keyAlgorithm,
    // signed as a SET OF, sent under [0] (RFC 5652 section 5.4)
    octets(key.sign(set(...attributes))),
  );
  const body = sequence(
    integer(1),
    set(digest),
    sequence(data),
    tagged(0, certificate.der, ...terms.chain.map(({ der }) => der)),
    set(signerInfo),
  );
  return sequence(signedData, tagged(0, body));
}

const attribute = (type: string, value: Uint8Array): Uint8Array => sequence(oid(type), set(value));

// RFC 5035: SHA-256 is the default of ESSCertIDv2 and is left out; the issuer is a directoryName
function signingCertificate({ der, issuer, serialNumber }: Certificate, kind: KeyKind): Uint8Array {
  const { digest, digestOf } = algorithms[kind];
  const id = sequence(
    kind === "rsa" ? undefined : digest,
    octets(digestOf(der)),
    sequence(sequence(tagged(4, issuer)), integer(serialNumber)),
  );
  return sequence(sequence(id));
}
