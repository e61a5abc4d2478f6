import { SignedXml } from "xml-crypto";
import { SIGNATURE_SCHEMES } from "./algorithms.ts";
import { CryptoError } from "./errors.ts";
import type { PublicKey } from "./keys.ts";
import type { MessageSigner } from "./signer.ts";
import { parseXml, type XmlNode } from "./xml-document.ts";
import {
  digestMethodUri,
  ENVELOPED,
  EXCLUSIVE_C14N,
  limitAlgorithms,
  signatureMethodUri,
  signingMethods,
  verifyingMethods,
  type XmlTransforms,
} from "./xmldsig-algorithms.ts";

export interface XmlSigningOptions {
  /** Ids of the signed elements; absent: the whole document, with the signature enveloped in its root. */
  readonly ids?: readonly string[];
  /** True when the ids are `wsu:Id` attributes, false (or absent) for `Id`. */
  readonly wsSecurity?: boolean;
  /** Where the signature element goes; appended to the root when absent. */
  readonly place?: { readonly xpath: string; readonly action: "append" | "prepend" | "before" | "after" };
  /** What stands inside KeyInfo, as XML; X509Data or a reference to a security token. */
  readonly keyInfo?: string;
  /** Addresses applied after canonicalization, in order; each must stand in `transforms`. */
  readonly extraTransforms?: readonly string[];
  readonly transforms?: XmlTransforms;
}

/** Signs elements of a document and returns it with the signature in place; existing text is kept as it is. */
export async function signXml(
  xml: string,
  signer: MessageSigner,
  options: XmlSigningOptions = {},
): Promise<string> {
  const { keyInfo, extraTransforms = [] } = options;
  const signed = new SignedXml({
    privateKey: "behind the port",
    signatureAlgorithm: signatureMethodUri(signer.algorithm),
    canonicalizationAlgorithm: EXCLUSIVE_C14N,
    getKeyInfoContent: () => keyInfo ?? null,
    ...(options.wsSecurity && { idMode: "wssecurity" }),
  });
  limitAlgorithms(signed, options.transforms ?? {}, signingMethods(signer));
  const digestAlgorithm = digestMethodUri(SIGNATURE_SCHEMES[signer.algorithm].digest);
  for (const id of options.ids ?? []) {
    const transforms = [EXCLUSIVE_C14N, ...extraTransforms];
    signed.addReference({ xpath: elementById(id), transforms, digestAlgorithm });
  }
  if (!options.ids) {
    const transforms = [ENVELOPED, EXCLUSIVE_C14N, ...extraTransforms];
    signed.addReference({ xpath: "/*", transforms, digestAlgorithm, uri: "", isEmptyUri: true });
  }
  const place = options.place ?? { xpath: "/*", action: "append" as const };
  return computed(signed, xml, { reference: place.xpath, action: place.action });
}

function computed(
  signed: SignedXml,
  xml: string,
  location: { reference: string; action: "append" | "prepend" | "before" | "after" },
) {
  return new Promise<string>((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(
        cause instanceof CryptoError
          ? cause
          : new CryptoError("bad-encoding", "the document can't be signed", { cause }),
      );
    try {
      signed.computeSignature(xml, { prefix: "ds", location }, (error) =>
        error ? fail(error) : resolve(signed.getSignedXml()),
      );
    } catch (error) {
      fail(error);
    }
  });
}

export type XmlSignatureCheck =
  /** Canonical text of what is signed, by id ("" for the whole document): read this, never the original document. */
  | { readonly valid: true; readonly signed: ReadonlyMap<string, string> }
  | {
      readonly valid: false;
      readonly reason: "absent" | "ambiguous" | "format" | "content-differs" | "value";
    };

export interface XmlSignatureQuestion {
  readonly xml: string;
  /** The element that must be signed; "" for the whole document. */
  readonly id: string;
  /** The signer's key, found and trusted by other means than the document's own KeyInfo. */
  readonly key: PublicKey;
  readonly transforms?: XmlTransforms;
}

/** Checks the one signature of the document that covers `id`; algorithms outside our list count as `format`. */
export function verifyXmlSignature({
  xml,
  id,
  key,
  transforms = {},
}: XmlSignatureQuestion): XmlSignatureCheck {
  const candidates = signaturesOver(xml, id);
  const [signature, another] = candidates;
  if (!signature) return { valid: false, reason: "absent" };
  if (another) return { valid: false, reason: "ambiguous" };
  const check = new SignedXml({ publicCert: "the explicit key", getCertFromKeyInfo: () => null });
  limitAlgorithms(check, transforms, verifyingMethods(key));
  try {
    check.loadSignature(signature);
    if (!check.checkSignature(xml)) return { valid: false, reason: "content-differs" };
  } catch (error) {
    const isValue = error instanceof Error && error.message.includes("the signature value");
    return { valid: false, reason: isValue ? "value" : "format" };
  }
  const contents = check.getSignedReferences();
  const ids = check.getReferences().map(({ uri }) => idOf(uri));
  return { valid: true, signed: new Map(ids.map((name, index) => [name, contents[index] ?? ""])) };
}

function signaturesOver(xml: string, id: string): XmlNode[] {
  const document = parseXml(xml);
  if (!document?.documentElement) return [];
  const signatures: XmlNode[] = new SignedXml().findSignatures(document);
  return signatures.filter((node) => coveredIds(node).includes(id));
}

function coveredIds(signature: XmlNode): string[] {
  const probe = new SignedXml();
  try {
    probe.loadSignature(signature);
  } catch {
    // a broken signature elsewhere in the document is not the one that is asked for
    return [];
  }
  return probe.getReferences().map(({ uri }) => idOf(uri));
}

function idOf(uri: string | undefined): string {
  return uri?.startsWith("#") ? uri.slice(1) : (uri ?? "");
}

function elementById(id: string): string {
  if (id.includes("'")) throw new CryptoError("bad-encoding", "an id must not hold a quote");
  return `//*[@*[local-name(.)='Id']='${id}']`;
}
