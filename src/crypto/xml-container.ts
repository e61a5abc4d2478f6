import { SignedXml } from "xml-crypto";
import {
  type ContainerCheck,
  problem,
  readable,
  readableCertificates,
  usageProblems,
} from "./container-check.ts";
import { CryptoError } from "./errors.ts";
import type { PublicKey } from "./keys.ts";
import type { SignatureProblem } from "./signature-report.ts";
import { certificatePublicKey } from "./x509.ts";
import { parseXml, type XmlElement, type XmlNode } from "./xml-document.ts";
import {
  digestMethodOf,
  limitAlgorithms,
  signatureMethodOf,
  verifyingMethods,
} from "./xmldsig-algorithms.ts";

const XMLDSIG = "http://www.w3.org/2000/09/xmldsig#";
const MOST_CERTIFICATES = 8;

/** True for a container that is text of XML, not DER. */
export const isXmlContainer = (container: Uint8Array): boolean =>
  /^(?:\uFEFF)?\s*</.test(Buffer.from(container.subarray(0, 64)).toString("utf8"));

/**
 * Checks an XML signature (XMLDSig) over a whole XML document: enveloped in a copy of it, or detached, when the
 * container is the Signature element alone. Its certificate travels in KeyInfo; trust is judged elsewhere.
 */
export function checkXmlContainer(container: Uint8Array, content: Uint8Array): ContainerCheck {
  try {
    return checked(textOf(container), textOf(content));
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    return { problems: [problem("format", error.message)], certificates: [] };
  }
}

function textOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes)
    .toString("utf8")
    .replace(/^\uFEFF/, "");
  // a document type may change what a name stands for
  if (/<!DOCTYPE/i.test(text)) throw new CryptoError("bad-encoding", "a document type is not accepted");
  return text;
}

function checked(xml: string, prepared: string): ContainerCheck {
  const root = rootOf(xml);
  const isDetached = root.namespaceURI === XMLDSIG && root.localName === "Signature";
  const [signature, another] = isDetached ? [root] : elementsOf(root, "Signature");
  if (!signature) throw new CryptoError("bad-encoding", "there is no signature in the document");
  const certificates = readableCertificates(
    elementsOf(signature, "X509Certificate")
      .slice(0, MOST_CERTIFICATES)
      .map(({ textContent }) => Buffer.from(textContent ?? "", "base64")),
  );
  if (another)
    return {
      problems: [problem("several-certificates", "several signatures in one document")],
      certificates,
    };
  const [certificate] = certificates;
  if (!certificate)
    return { problems: [problem("certificate", "no X509Certificate in KeyInfo")], certificates };
  const key = readable(() => certificatePublicKey(certificate));
  if (key === "unreadable")
    return { problems: [problem("certificate", "the certificate's key is not accepted")], certificates };
  const { problems, signer } = judged(signature, { xml: isDetached ? prepared : xml, prepared, key });
  return { problems: [...problems, ...usageProblems(certificate)], signer, certificate, certificates };
}

interface Judging {
  /** the document that the references are looked up in */
  xml: string;
  /** what was to be signed */
  prepared: string;
  key: PublicKey;
}

function judged(
  signature: XmlNode,
  { xml, prepared, key }: Judging,
): Pick<ContainerCheck, "problems" | "signer"> {
  const check = new SignedXml({ publicCert: "the explicit key", getCertFromKeyInfo: () => null });
  limitAlgorithms(check, {}, verifyingMethods(key));
  const problems = readingProblems(() => {
    check.loadSignature(signature as never);
    return check.checkSignature(xml);
  });
  const [reference, another] = check.getReferences();
  const algorithm = signatureMethodOf(String(check.signatureAlgorithm ?? ""));
  const digest = digestMethodOf(String(reference?.digestAlgorithm ?? ""));
  if (!reference || !algorithm || !digest)
    return { problems: [problem("format", "an algorithm of the signature is not accepted")] };
  const signer = { algorithm, digest };
  if (problems.length > 0) return { problems, signer };
  if (another) return { problems: [problem("format", "the signature covers several parts")], signer };
  // what was signed is compared, not where a reference points: a copy elsewhere in the document deceives nobody
  const expected = check.getCanonXml(reference.transforms, rootOf(prepared) as never);
  return {
    problems:
      check.getSignedReferences()[0] === expected
        ? []
        : [problem("content-differs", "the signed XML is not the prepared document")],
    signer,
  };
}

function readingProblems(check: () => boolean): SignatureProblem[] {
  try {
    return check() ? [] : [problem("content-differs", "the digest of the document is not the signed one")];
  } catch (error) {
    const isValue = error instanceof Error && error.message.includes("the signature value");
    return isValue
      ? [problem("value", "the signature value does not verify")]
      : [problem("format", "the XML signature is not readable")];
  }
}

function rootOf(xml: string): XmlElement {
  const root = parseXml(xml)?.documentElement;
  if (!root) throw new CryptoError("bad-encoding", "the document has no root element");
  return root;
}

const elementsOf = (root: XmlElement, name: string): XmlElement[] =>
  Array.from(root.getElementsByTagNameNS(XMLDSIG, name));
