import { readCrl } from "./crl.ts";
import { CryptoError } from "./errors.ts";
import { createOcspRequest, type RevocationState, readOcspResponse } from "./ocsp.ts";
import type { RevocationEvidence } from "./signature-report.ts";
import { type Certificate, revocationUrlsOf } from "./x509.ts";

const CLOCK_SKEW_MS = 5 * 60_000;
// an answer that names no next update is believed for a day
const UNDATED_LIFE_MS = 24 * 3_600_000;

export interface RevocationAnswer {
  readonly bytes: Uint8Array;
  /** Seconds since the bytes came from the network. */
  readonly ageSeconds: number;
  /** False while it came from the network only: whoever verifies it has it kept. */
  readonly isKept: boolean;
}

/**
 * An OCSP question when there is a body, a list otherwise. Rejects when nobody answers. `lastKnown`: the answer that
 * was kept last, however old, without asking.
 */
export type FetchRevocation = (
  url: string,
  body?: Uint8Array,
  lastKnown?: boolean,
) => Promise<RevocationAnswer>;

/** An answer that was verified, with what it says. */
export interface VerifiedAnswer {
  readonly url: string;
  readonly body?: Uint8Array;
  readonly bytes: Uint8Array;
  readonly state: RevocationState;
}

/** The port to the network and to what it said before. */
export interface RevocationSources {
  readonly fetch: FetchRevocation;
  /** Keeps an answer for later questions; absent where nothing is kept. */
  readonly keep?: (answer: VerifiedAnswer) => Promise<void>;
}

export interface RevocationQuestion {
  readonly certificate: Certificate;
  readonly issuer: Certificate;
  readonly at: Date;
  /** While no source answers, a good status fetched within this time is believed; 0: none. */
  readonly toleratedAgeMs?: number;
}

export type RevocationOutcome =
  | { readonly evidence: RevocationEvidence }
  /** Why no source could be relied on. */
  | { readonly unknown: string };

interface Source {
  readonly url: string;
  readonly source: "ocsp" | "crl";
  readonly body?: Uint8Array;
}

/**
 * Asks the certificate's OCSP responders and then its lists until one gives a fresh, verified answer. What the silent
 * ones said last is weighed too: a revocation that is known stands until somebody says something later, and when
 * nobody gives a fresh answer the newest of the last ones is believed.
 */
export async function checkRevocation(
  question: RevocationQuestion,
  sources: RevocationSources,
): Promise<RevocationOutcome> {
  const failures: string[] = [];
  const known: RevocationEvidence[] = [];
  let fresh: RevocationEvidence | undefined;
  for (const source of sourcesOf(question.certificate, question.issuer)) {
    const attempt = (lastKnown: boolean) =>
      evidenceOf(source, question, sources, lastKnown).catch((error: unknown) => {
        if (!(error instanceof CryptoError)) throw error;
        failures.push(`${source.source}: ${error.message}`);
        return undefined;
      });
    fresh = await attempt(false);
    if (fresh) break;
    const last = await attempt(true);
    if (last) known.push(last);
  }
  const evidence = weightiest(fresh, known);
  if (evidence) return { evidence };
  return { unknown: failures.length > 0 ? failures.join("; ") : "the certificate names no source" };
}

function weightiest(
  fresh: RevocationEvidence | undefined,
  known: readonly RevocationEvidence[],
): RevocationEvidence | undefined {
  const newestFirst = known.toSorted((a, b) => b.thisUpdate.getTime() - a.thisUpdate.getTime());
  const revoked = newestFirst.find(({ status }) => status === "revoked");
  if (fresh) return revoked && revoked.thisUpdate > fresh.thisUpdate ? revoked : fresh;
  return revoked ?? newestFirst[0];
}

async function evidenceOf(
  source: Source,
  question: RevocationQuestion,
  sources: RevocationSources,
  lastKnown: boolean,
): Promise<RevocationEvidence> {
  const { certificate, issuer, at, toleratedAgeMs = 0 } = question;
  const { url, body } = source;
  const { bytes, ageSeconds, isKept } = await ask(source, sources.fetch, lastKnown);
  const state = await (body
    ? readOcspResponse(bytes, certificate, issuer, at)
    : readCrl(bytes, certificate, issuer));
  refuseFuture(state, at);
  if (!isKept) await sources.keep?.({ url, bytes, state, ...(body && { body }) });
  // a revocation does not grow old: only a good status does
  if (!lastKnown || state.status === "good") refuseStale(state, at, lastKnown ? toleratedAgeMs : 0);
  if (lastKnown && state.status === "good" && ageSeconds * 1000 > toleratedAgeMs)
    throw unavailable("the last answer is too old");
  return { serialNumber: certificate.serialNumber, source: source.source, url, ageSeconds, ...state };
}

function sourcesOf(certificate: Certificate, issuer: Certificate): Source[] {
  const { ocsp, crl } = revocationUrlsOf(certificate);
  const body = createOcspRequest(certificate, issuer);
  return [
    ...ocsp.map((url) => ({ url, source: "ocsp" as const, body })),
    ...crl.map((url) => ({ url, source: "crl" as const })),
  ];
}

async function ask(
  { url, body }: Source,
  fetchRevocation: FetchRevocation,
  lastKnown: boolean,
): Promise<RevocationAnswer> {
  try {
    return await fetchRevocation(url, body, lastKnown);
  } catch (cause) {
    if (cause instanceof CryptoError) throw cause;
    throw new CryptoError("revocation-unavailable", "the revocation source does not answer", { cause });
  }
}

function refuseStale({ thisUpdate, nextUpdate }: RevocationState, at: Date, toleratedAgeMs: number): void {
  const stated = nextUpdate?.getTime() ?? thisUpdate.getTime() + UNDATED_LIFE_MS;
  const until = Math.max(stated, thisUpdate.getTime() + toleratedAgeMs);
  if (until < at.getTime() - CLOCK_SKEW_MS) throw unavailable("the answer is out of date");
}

function refuseFuture({ thisUpdate }: RevocationState, at: Date): void {
  if (thisUpdate.getTime() > at.getTime() + CLOCK_SKEW_MS) throw unavailable("the answer is from the future");
}

const unavailable = (message: string): CryptoError => new CryptoError("revocation-unavailable", message);
