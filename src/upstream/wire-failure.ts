export type WireFailureKind =
  | "transport"
  | "timeout"
  | "busy"
  | "rate-limited"
  | "server-error"
  | "refused"
  | "html"
  | "redirect"
  | "too-large";

interface WireFailureDetails extends ErrorOptions {
  status?: number;
  /** seconds, from Retry-After */
  retryAfter?: number;
}

/** What went wrong on the way to a system or in the HTTP shell of its answer; holds no byte of either body. */
export class WireFailure extends Error {
  override readonly name = "WireFailure";
  readonly kind: WireFailureKind;
  readonly status: number | undefined;
  readonly retryAfter: number | undefined;

  constructor(kind: WireFailureKind, message: string, details: WireFailureDetails = {}) {
    super(message, details);
    this.kind = kind;
    this.status = details.status;
    this.retryAfter = details.retryAfter;
  }
}
