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
}

/**
 * The port to the network: an OCSP question when there is a body, a list otherwise. Rejects when nobody answers.
 * `lastKnown`: the answer that was fetched last, however old, without asking.
 */
export type FetchRevocation = (
  url: string,
  body?: Uint8Array,
  lastKnown?: boolean,
) => Promise<RevocationAnswer>;

export interface RevocationQuestion {
  readonly certificate: Certificate;
  readonly issuer: Certificate;
  readonly at: Date;
  /** While no source answers, one fetched within this time is believed; 0: none. */
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
 * Asks the certificate's OCSP responders and then its lists until one gives a fresh, verified answer; when none does,
 * the answers that they gave last are tried in the same order.
 */
export async function checkRevocation(
  question: RevocationQuestion,
  fetchRevocation: FetchRevocation,
): Promise<RevocationOutcome> {
  const sources = sourcesOf(question.certificate, question.issuer);
  const failures: string[] = [];
  const rounds = question.toleratedAgeMs ? [false, true] : [false];
  const attempts = rounds.flatMap((lastKnown) => sources.map((source) => ({ source, lastKnown })));
  for (const { source, lastKnown } of attempts) {
    try {
      return { evidence: await evidenceOf(source, question, fetchRevocation, lastKnown) };
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      failures.push(`${source.source}: ${error.message}`);
    }
  }
  return { unknown: failures.length > 0 ? failures.join("; ") : "the certificate names no source" };
}

async function evidenceOf(
  source: Source,
  { certificate, issuer, at, toleratedAgeMs = 0 }: RevocationQuestion,
  fetchRevocation: FetchRevocation,
  lastKnown: boolean,
): Promise<RevocationEvidence> {
  const { bytes, ageSeconds } = await ask(source, fetchRevocation, lastKnown);
  const state = await (source.body
    ? readOcspResponse(bytes, certificate, issuer, at)
    : readCrl(bytes, certificate, issuer));
  if (lastKnown && ageSeconds * 1000 > toleratedAgeMs) throw unavailable("the last answer is too old");
  refuseStale(state, at, lastKnown ? toleratedAgeMs : 0);
  const { serialNumber } = certificate;
  return { serialNumber, source: source.source, url: source.url, ageSeconds, ...state };
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
  if (thisUpdate.getTime() > at.getTime() + CLOCK_SKEW_MS) throw unavailable("the answer is from the future");
  if (until < at.getTime() - CLOCK_SKEW_MS) throw unavailable("the answer is out of date");
}

const unavailable = (message: string): CryptoError => new CryptoError("revocation-unavailable", message);
