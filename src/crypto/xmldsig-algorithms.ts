import type { HashAlgorithm, SignatureAlgorithm as SignatureMethod, SignedXml } from "xml-crypto";
import { type DigestName, digestOf, type SignatureAlgorithm } from "./algorithms.ts";
import { CryptoError } from "./errors.ts";
import { type PublicKey, verifyMessage } from "./keys.ts";
import type { MessageSigner } from "./signer.ts";

const CRYPTOPRO = "urn:ietf:params:xml:ns:cpxmlsec:algorithms:";
const MORE = "http://www.w3.org/2001/04/xmldsig-more#";

export const EXCLUSIVE_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#";
export const ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

// the first address of each is what we write; the others are in use
const SIGNATURE_METHODS: { readonly [algorithm in SignatureAlgorithm]?: readonly [string, ...string[]] } = {
  "gost-256": [`${CRYPTOPRO}gostr34102012-gostr34112012-256`, `${MORE}gostr34102012-gostr34112012-256`],
  "gost-512": [`${CRYPTOPRO}gostr34102012-gostr34112012-512`, `${MORE}gostr34102012-gostr34112012-512`],
  "rsa-sha256": [`${MORE}rsa-sha256`],
  "rsa-sha512": [`${MORE}rsa-sha512`],
};

const DIGEST_METHODS: { readonly [digest in DigestName]?: readonly [string, ...string[]] } = {
  "streebog-256": [`${CRYPTOPRO}gostr34112012-256`, `${MORE}gostr34112012-256`],
  "streebog-512": [`${CRYPTOPRO}gostr34112012-512`, `${MORE}gostr34112012-512`],
  sha256: ["http://www.w3.org/2001/04/xmlenc#sha256"],
  sha512: ["http://www.w3.org/2001/04/xmlenc#sha512"],
};

/** A transform of our own by its address: canonical text in, text out. */
export type XmlTransforms = Readonly<Record<string, (xml: string) => string>>;

/** The address of a signature method; throws `unsupported-algorithm` for one without an XML form (ECDSA). */
export function signatureMethodUri(algorithm: SignatureAlgorithm): string {
  return known(SIGNATURE_METHODS[algorithm], algorithm);
}

/** The address of a digest method. */
export function digestMethodUri(digest: DigestName): string {
  return known(DIGEST_METHODS[digest], digest);
}

/** The signature method of an address; undefined for one outside our list. */
export const signatureMethodOf = (uri: string): SignatureAlgorithm | undefined =>
  nameOf(SIGNATURE_METHODS, uri);

/** The digest method of an address; undefined for one outside our list. */
export const digestMethodOf = (uri: string): DigestName | undefined => nameOf(DIGEST_METHODS, uri);

const nameOf = <Name extends string>(
  table: { readonly [name in Name]?: readonly string[] },
  uri: string,
): Name | undefined => (Object.keys(table) as Name[]).find((name) => table[name]?.includes(uri));

function known(uris: readonly [string, ...string[]] | undefined, name: string): string {
  if (!uris) throw new CryptoError("unsupported-algorithm", `${name} has no form in XML signatures`);
  return uris[0];
}

/** Replaces xml-crypto's tables by ours, so that SHA-1, HMAC and everything else unlisted is refused. */
export function limitAlgorithms(
  xml: SignedXml,
  transforms: XmlTransforms,
  methods: SignedXml["SignatureAlgorithms"],
) {
  const { CanonicalizationAlgorithms: all } = xml;
  const allowed = [EXCLUSIVE_C14N, ENVELOPED, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"];
  xml.CanonicalizationAlgorithms = Object.fromEntries(
    Object.entries(all).filter(([uri]) => allowed.includes(uri)),
  );
  for (const [uri, transform] of Object.entries(transforms)) {
    xml.CanonicalizationAlgorithms[uri] = class {
      getAlgorithmName = () => uri;
      process = (node: { toString(): string }) => transform(node.toString());
    };
  }
  xml.HashAlgorithms = hashMethods();
  xml.SignatureAlgorithms = methods;
}

function hashMethods(): SignedXml["HashAlgorithms"] {
  const out: SignedXml["HashAlgorithms"] = {};
  for (const [digest, uris] of Object.entries(DIGEST_METHODS)) {
    for (const uri of uris) {
      out[uri] = class implements HashAlgorithm {
        getAlgorithmName = () => uri;
        getHash = (xml: string) => base64(digestOf(digest as DigestName, Buffer.from(xml)));
      };
    }
  }
  return out;
}

/** The table with the one method of this signer; the key stays behind its port, therefore only the callback form. */
export function signingMethods(signer: MessageSigner): SignedXml["SignatureAlgorithms"] {
  const uri = signatureMethodUri(signer.algorithm);
  const method = class implements SignatureMethod {
    getAlgorithmName = () => uri;
    verifySignature = () => false;
    getSignature(
      signedInfo: unknown,
      _key: unknown,
      callback?: (error: Error | null, value?: string) => void,
    ): string {
      signer.sign(Buffer.from(String(signedInfo))).then(
        (signature) => callback?.(null, base64(signature)),
        (error: Error) => callback?.(error),
      );
      return "";
    }
  };
  return { [uri]: method };
}

/** The table for checking by one key: KeyInfo has no say, and a method that does not fit the key fails. */
export function verifyingMethods(key: PublicKey): SignedXml["SignatureAlgorithms"] {
  const out: SignedXml["SignatureAlgorithms"] = {};
  for (const [algorithm, uris] of Object.entries(SIGNATURE_METHODS)) {
    for (const uri of uris) {
      out[uri] = class implements SignatureMethod {
        getAlgorithmName = () => uri;
        getSignature = () => "";
        verifySignature = (signedInfo: string, _key: unknown, value: string) =>
          verifyMessage(
            key,
            algorithm as SignatureAlgorithm,
            Buffer.from(signedInfo),
            Buffer.from(value, "base64"),
          );
      };
    }
  }
  return out;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
