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

/** The port to the network: an OCSP question when there is a body, a list otherwise. Rejects when nobody answers. */
export type FetchRevocation = (url: string, body?: Uint8Array) => Promise<RevocationAnswer>;

export type RevocationOutcome =
  | { readonly evidence: RevocationEvidence }
  /** Why no source could be relied on. */
  | { readonly unknown: string };

interface Source {
  readonly url: string;
  readonly source: "ocsp" | "crl";
  readonly body?: Uint8Array;
}

/** Asks the certificate's OCSP responders and then its lists until one gives a fresh, verified answer. */
export async function checkRevocation(
  certificate: Certificate,
  issuer: Certificate,
  at: Date,
  fetchRevocation: FetchRevocation,
): Promise<RevocationOutcome> {
  const failures: string[] = [];
  for (const source of sourcesOf(certificate, issuer)) {
    try {
      const { bytes, ageSeconds } = await ask(source, fetchRevocation);
      const state = await (source.body
        ? readOcspResponse(bytes, certificate, issuer, at)
        : readCrl(bytes, certificate, issuer));
      refuseStale(state, at);
      const { serialNumber } = certificate;
      return { evidence: { serialNumber, source: source.source, url: source.url, ageSeconds, ...state } };
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      failures.push(`${source.source}: ${error.message}`);
    }
  }
  return { unknown: failures.length > 0 ? failures.join("; ") : "the certificate names no source" };
}

function sourcesOf(certificate: Certificate, issuer: Certificate): Source[] {
  const { ocsp, crl } = revocationUrlsOf(certificate);
  const body = createOcspRequest(certificate, issuer);
  return [
    ...ocsp.map((url) => ({ url, source: "ocsp" as const, body })),
    ...crl.map((url) => ({ url, source: "crl" as const })),
  ];
}

async function ask({ url, body }: Source, fetchRevocation: FetchRevocation): Promise<RevocationAnswer> {
  try {
    return await fetchRevocation(url, body);
  } catch (cause) {
    if (cause instanceof CryptoError) throw cause;
    throw new CryptoError("revocation-unavailable", "the revocation source does not answer", { cause });
  }
}

function refuseStale({ thisUpdate, nextUpdate }: RevocationState, at: Date): void {
  const until = nextUpdate?.getTime() ?? thisUpdate.getTime() + UNDATED_LIFE_MS;
  if (thisUpdate.getTime() > at.getTime() + CLOCK_SKEW_MS) {
    throw new CryptoError("revocation-unavailable", "the answer is from the future");
  }
  if (until < at.getTime() - CLOCK_SKEW_MS)
    throw new CryptoError("revocation-unavailable", "the answer is out of date");
}
