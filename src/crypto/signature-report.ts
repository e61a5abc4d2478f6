import type { DigestName, SignatureAlgorithm } from "./algorithms.ts";

/** Why a signature is refused; the last one says that nobody could be asked, not that the certificate is bad. */
export type SignatureProblemCode =
  | "format"
  | "several-certificates"
  | "certificate"
  | "value"
  | "content-differs"
  | "revoked"
  | "ca-revoked"
  | "expired-when-signed"
  | "not-trusted"
  | "revocation-unknown";

export interface SignatureProblem {
  readonly code: SignatureProblemCode;
  /** For logs and support; holds no personal data. */
  readonly detail: string;
}

/** What a responder or a list said of one certificate of the path, with its own times. */
export interface RevocationEvidence {
  readonly serialNumber: string;
  readonly source: "ocsp" | "crl";
  readonly url: string;
  readonly status: "good" | "revoked";
  readonly revokedAt?: Date;
  readonly producedAt: Date;
  readonly thisUpdate: Date;
  readonly nextUpdate?: Date;
  /** Seconds since the answer was fetched. */
  readonly ageSeconds: number;
}

/** The whole outcome of a check; plain data, so that it crosses threads and can be stored. */
export interface SignatureReport {
  readonly valid: boolean;
  readonly problems: readonly SignatureProblem[];
  readonly checkedAt: Date;
  readonly signingTime?: Date;
  /** The media type of the container. */
  readonly sigFormat?: "application/pkcs7-signature" | "application/signature+xml";
  readonly algorithm?: SignatureAlgorithm;
  readonly digest?: DigestName;
  readonly certificateDer?: Uint8Array;
  /**
   * SHA-256 in hex of what the value covers, with the certificate: of two containers it is equal when they hold one
   * signature, however they are encoded. A new signature over the same bytes has another if it states its time.
   */
  readonly imprint?: string;
  /** From the signer's certificate to the trusted root, in DER; empty when no path was found. */
  readonly path: readonly Uint8Array[];
  readonly revocation: readonly RevocationEvidence[];
}
