import type { DigestName, SignatureAlgorithm } from "./algorithms.ts";
import { CryptoError } from "./errors.ts";
import type { SignatureProblem, SignatureProblemCode } from "./signature-report.ts";
import { type Certificate, keyUsagesOf, parseCertificate } from "./x509.ts";

/** What a signature container of either form, CMS or XML, says of itself; trust is judged elsewhere. */
export interface ContainerCheck {
  readonly problems: readonly SignatureProblem[];
  /** The single signer, when the container could be read. */
  readonly signer?: {
    readonly digest: DigestName;
    readonly algorithm: SignatureAlgorithm;
    readonly signingTime?: Date;
    /** what the value covers besides the content: signed attributes in DER */
    readonly signedAttributes?: Uint8Array;
  };
  /** The signer's certificate, when it travels in the container or was given. */
  readonly certificate?: Certificate;
  /** Every readable certificate of the container. */
  readonly certificates: readonly Certificate[];
}

/** What is wrong with a container, as its report says it. */
export const problem = (code: SignatureProblemCode, detail: string): SignatureProblem => ({ code, detail });

/** A stray unreadable certificate must not hide the signer's own. */
export const readableCertificates = (all: readonly Uint8Array[]): Certificate[] =>
  all.flatMap((der) => {
    const certificate = readable(() => parseCertificate(der));
    return certificate === "unreadable" ? [] : [certificate];
  });

/** Why the certificate's key may not sign; nothing when it may. */
export function usageProblems(certificate: Certificate): SignatureProblem[] {
  const usages = readable(() => keyUsagesOf(certificate));
  if (usages === "unreadable") return [problem("certificate", "key usage is not readable")];
  if (usages && !usages.has("digitalSignature") && !usages.has("nonRepudiation"))
    return [problem("certificate", "the key is not for signing")];
  return [];
}

/** What is read, or "unreadable" for what CryptoError calls wrong. */
export function readable<T>(read: () => T): T | "unreadable" {
  try {
    return read();
  } catch (error) {
    if (error instanceof CryptoError) return "unreadable";
    throw error;
  }
}
