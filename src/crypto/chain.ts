import * as pkijs from "pkijs";
import { childrenOf, readDer, readInteger } from "./der-read.ts";
import { TAG } from "./der-write.ts";
import { CryptoError } from "./errors.ts";
import { pkijsEngine } from "./pkijs-engine.ts";
import { type Certificate, EXTENSION_OIDS, isAuthority, isSignedBy } from "./x509.ts";

const MAX_PATH = 6;
const MAX_CERTIFICATES = 24;
const MAX_CANDIDATE_PATHS = 4;

// what this folder or pkijs acts upon; any other critical extension forbids the certificate (RFC 5280 section 4.2)
const UNDERSTOOD = new Set<string>([
  ...Object.values(EXTENSION_OIDS),
  "2.5.29.17", // subjectAltName
  "2.5.29.30", // nameConstraints
  "2.5.29.33", // policyMappings
  "2.5.29.36", // policyConstraints
  "2.5.29.54", // inhibitAnyPolicy
]);

export interface PathQuestion {
  readonly leaf: Certificate;
  /** Certificates that came with the signature or are known to us; not trusted by themselves. */
  readonly others: readonly Certificate[];
  readonly roots: readonly Certificate[];
  /** The moment at which every certificate of the path must be valid. */
  readonly at: Date;
}

export type PathAnswer = { readonly path: readonly Certificate[] } | { readonly refused: string };

/**
 * Finds a path from `leaf` to one of the roots and validates it by the rules of RFC 5280 (pkijs), with path lengths
 * and critical extensions on top. Candidates are found here and bounded, because the certificates come from strangers.
 */
export async function findTrustedPath(question: PathQuestion): Promise<PathAnswer> {
  if (question.others.length > MAX_CERTIFICATES) return { refused: "too many certificates" };
  const candidates = candidatePaths(question);
  let refused = "no path to a trusted root";
  for (const path of candidates.slice(0, MAX_CANDIDATE_PATHS)) {
    const reason = ownRules(path) ?? (await pkijsRules(path, question.at));
    if (reason === undefined) return { path };
    refused = reason;
  }
  return { refused };
}

function candidatePaths({ leaf, others, roots }: PathQuestion): Certificate[][] {
  const found: Certificate[][] = [];
  const extend = (path: Certificate[]) => {
    const last = path.at(-1);
    if (!last || path.length >= MAX_PATH || found.length >= MAX_CANDIDATE_PATHS) return;
    for (const root of roots.filter((candidate) => issued(candidate, last))) found.push([...path, root]);
    for (const other of others) {
      // a key appears once on a path: cross-signed authorities can't make a loop
      const isNew = !path.some(({ spki }) => sameBytes(spki, other.spki));
      if (isNew && isAuthorityQuietly(other) && issued(other, last)) extend([...path, other]);
    }
  };
  extend([leaf]);
  return found.sort((a, b) => a.length - b.length);
}

function issued(issuer: Certificate, certificate: Certificate): boolean {
  if (!sameBytes(issuer.subject.der, certificate.issuer.der)) return false;
  try {
    return isSignedBy(certificate, issuer);
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

function isAuthorityQuietly(certificate: Certificate): boolean {
  try {
    return isAuthority(certificate);
  } catch {
    return false;
  }
}

function ownRules(path: readonly Certificate[]): string | undefined {
  for (const [index, certificate] of path.entries()) {
    const unknown = [...certificate.extensions].find(
      ([oid, { critical }]) => critical && !UNDERSTOOD.has(oid),
    );
    if (unknown) return `critical extension ${unknown[0]} is not understood`;
    // authorities between this one and the leaf, self-issued ones aside
    const below = path
      .slice(1, index)
      .filter(({ subject, issuer }) => !sameBytes(subject.der, issuer.der)).length;
    if (index > 0 && below > maxPathLengthOf(certificate))
      return "the path is longer than an authority allows";
  }
  return undefined;
}

function maxPathLengthOf(certificate: Certificate): number {
  const extension = certificate.extensions.get(EXTENSION_OIDS.basicConstraints);
  if (!extension) return Number.POSITIVE_INFINITY;
  const limit = childrenOf(readDer(extension.value)).find(({ tag }) => tag === TAG.integer);
  return limit ? Number(readInteger(limit)) : Number.POSITIVE_INFINITY;
}

async function pkijsRules(path: readonly Certificate[], checkDate: Date): Promise<string | undefined> {
  const read = ({ der }: Certificate) => pkijs.Certificate.fromBER(der);
  const [root, ...rest] = [...path].reverse();
  if (!root) return "the path is empty";
  try {
    // pkijs takes the last certificate for the leaf
    const engine = new pkijs.CertificateChainValidationEngine({
      trustedCerts: [read(root)],
      certs: rest.map(read),
      checkDate,
    });
    const { result, resultMessage } = await engine.verify({}, pkijsEngine);
    return result ? undefined : resultMessage || "the path breaks a rule of RFC 5280";
  } catch {
    return "a certificate of the path is not readable";
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
