export type CryptoErrorCode =
  | "bad-encoding"
  | "bad-key"
  | "bad-signature-format"
  | "unsupported-algorithm"
  | "wrong-context"
  | "unknown-key"
  | "revocation-refused"
  | "revocation-unavailable"
  | "worker-failed";

/** The one error of this folder; `code` says which kind, the message never holds personal data or key material. */
export class CryptoError extends Error {
  readonly code: CryptoErrorCode;

  constructor(code: CryptoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CryptoError";
    this.code = code;
  }
}
