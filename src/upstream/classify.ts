import type { ErrorCode } from "../core/error-table.ts";
import { GatewayError, isGatewayError } from "../core/errors.ts";
import { FhirPathError, MappingError } from "../fml/errors.ts";
import { XmlError } from "../xml/error.ts";
import type { UpstreamOutcome } from "./observer.ts";
import { SoapFault } from "./soap-fault.ts";
import { WireFailure, type WireFailureKind } from "./wire-failure.ts";

/** One failed attempt: what the caller will be told, and what it means for another attempt and for the breaker. */
export class AttemptFailure extends Error {
  readonly error: GatewayError;
  /** a read may be tried again */
  readonly transient: boolean;
  /** the system itself failed, so its breaker counts it */
  readonly fault: boolean;
  /** seconds for which the system asked not to be called */
  readonly holdOff: number | undefined;

  constructor(error: GatewayError, verdict: { transient?: boolean; fault?: boolean; holdOff?: number } = {}) {
    super(error.message, { cause: error });
    const down = error.code === "upstream-unavailable" || error.code === "upstream-timeout";
    this.error = error;
    this.transient = verdict.transient ?? down;
    this.fault = verdict.fault ?? down;
    this.holdOff = verdict.holdOff;
  }
}

const codeOfWire: Readonly<Record<WireFailureKind, ErrorCode>> = {
  transport: "upstream-unavailable",
  timeout: "upstream-timeout",
  busy: "upstream-unavailable",
  "rate-limited": "upstream-rate-limited",
  "server-error": "upstream-unavailable",
  refused: "upstream-rejected",
  html: "upstream-malformed",
  redirect: "upstream-malformed",
  "too-large": "upstream-too-large",
};

/** The only place where errors of lower floors and of the wire become ours; `send` may throw a GatewayError itself. */
export function classify(thrown: unknown, system: string): AttemptFailure {
  if (isGatewayError(thrown)) return new AttemptFailure(thrown);
  if (thrown instanceof WireFailure) return ofWire(thrown, system);
  const error = new GatewayError(codeOf(thrown), { system, cause: thrown, detail: detailOf(thrown) });
  // a system that answers with a fault is alive; some say Server for what the caller did wrong
  return new AttemptFailure(error, thrown instanceof SoapFault ? { fault: false } : {});
}

function ofWire(failure: WireFailure, system: string): AttemptFailure {
  // a page of a balancer in front of a failing system
  const down = failure.kind === "html" && (failure.status ?? 0) >= 500;
  const error = new GatewayError(down ? "upstream-unavailable" : codeOfWire[failure.kind], {
    system,
    retryAfter: failure.retryAfter,
    detail: failure.message,
    cause: failure,
  });
  const transient = failure.kind === "html" ? true : undefined;
  return new AttemptFailure(error, { transient, holdOff: failure.retryAfter });
}

function codeOf(thrown: unknown): ErrorCode {
  if (thrown instanceof SoapFault) return thrown.blamesServer ? "upstream-unavailable" : "upstream-rejected";
  if (thrown instanceof MappingError)
    return thrown.code === "unmapped-code" ? "unmapped-code" : "mapping-failed";
  if (thrown instanceof FhirPathError) return "mapping-failed";
  if (thrown instanceof XmlError) return codeOfXml(thrown);
  if (thrown instanceof SyntaxError) return "upstream-malformed";
  return "internal";
}

function codeOfXml({ code }: XmlError): ErrorCode {
  // well-formed, but not what the contract says
  if (code === "unexpected-element" || code === "repeated-element") return "upstream-wrong-shape";
  return code === "limit-exceeded" ? "upstream-too-large" : "upstream-malformed";
}

// messages of these name places, never values
function detailOf(thrown: unknown): string | undefined {
  const isSafe = [MappingError, FhirPathError, XmlError].some((kind) => thrown instanceof kind);
  if (isSafe) return (thrown as Error).message;
  return thrown instanceof SoapFault ? `SOAP fault ${thrown.code}` : undefined;
}

/** The metric label of an operation that threw; "no such person" is a good answer of a system that works. */
export function outcomeOf(error: GatewayError, sent: boolean): UpstreamOutcome {
  if (!sent) return "refused";
  if (error.row.status < 500) return "ok";
  if (error.code === "upstream-timeout" || error.code === "deadline-exceeded") return "timeout";
  return error.code === "upstream-unavailable" ? "transport" : "fault";
}
