import type { Logger } from "./logger.ts";
import { Timings } from "./timings.ts";

export type PurposeOfUse = "TREAT" | "PATRQT" | "HPAYMT" | "HOPERAT" | "BTG" | "SYSADMIN";

/** простая, усиленная, квалифицированная (E-01). */
export type SignatureLevel = "simple" | "enhanced" | "qualified";

/**
 * A duty that opens what no ordinary role may see. Of the journal, the security service reads that of its organisation,
 * support how people were verified, a regulator what happened in its remit (K-29).
 */
export type Duty = "security" | "support" | "regulator" | "tracing";

/** Who acts: a client system by its token, or a person by their session. */
export interface Actor {
  kind: "client" | "practitioner" | "patient" | "system";
  /** client id, or the logical id of the Practitioner or Patient; never a personal identifier */
  id: string;
  /** root ФРМО OID of the legal entity: the tenant of every row and key */
  tenant: string;
  scopes: readonly string[];
  role?: string;
  organization?: string;
  onBehalfOf?: string;
  purpose?: PurposeOfUse;
  duties?: readonly Duty[];
  /** ФРМО OIDs that a regulator looks after, with every organisation below them */
  remit?: readonly string[];
  /** the login is not strong enough for a patient's card (L-43) */
  singleFactor?: true;
  /** id of the person's session in the cabinet */
  session?: string;
  /** level of the electronic signature with which the human opened the session */
  signature?: SignatureLevel;
}

/** What travels with one request through flows, systems and upstream calls. */
export interface RequestContext {
  requestId: string;
  actor: Actor;
  /** absolute deadline in clock milliseconds; waiting for quota counts against it */
  deadline: number;
  log: Logger;
  timings: Timings;
  /** sandbox scenario asked for by the caller; forwarded only to systems that are a sandbox */
  scenario?: string;
}

/** The context of work that the gateway does of itself, with nobody's request behind it; `deadline` in clock milliseconds. */
export function systemContext({
  id,
  tenant,
  ...rest
}: { id: string; tenant: string } & Pick<RequestContext, "requestId" | "deadline" | "log">): RequestContext {
  return { ...rest, actor: { kind: "system", id, tenant, scopes: [] }, timings: new Timings() };
}
