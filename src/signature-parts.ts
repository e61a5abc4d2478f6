import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { federalOnly, regionalPoliciesIn } from "./access/regional-policy.ts";
import { type Config, listOf } from "./config.ts";
import { identifierSystem } from "./core/canonical.ts";
import type { Clock } from "./core/clock.ts";
import type { RequestContext } from "./core/context.ts";
import type { Keyring } from "./crypto/keyring.ts";
import { allDerFromPem } from "./crypto/pem.ts";
import { RevocationClient } from "./crypto/revocation-client.ts";
import { createVerifier, type Verifier } from "./crypto/verifier.ts";
import type { TrustAnchors } from "./crypto/verify-signature.ts";
import { parseCertificate } from "./crypto/x509.ts";
import type { Identities } from "./flows/identities.ts";
import type { OrganizationDirectory } from "./flows/organization-directory.ts";
import { CertificateActivation } from "./flows/signature/activation.ts";
import { SigningCertificates } from "./flows/signature/certificates.ts";
import { SignatureChecks } from "./flows/signature/checks.ts";
import { checkedOrgSigner, fileOrgSigner, type OrgSigner } from "./flows/signature/org-signer.ts";
import { powersOfAttorneyIn } from "./flows/signature/power-of-attorney.ts";
import { Resigning } from "./flows/signature/resigning.ts";
import { Settlement } from "./flows/signature/settlement.ts";
import { Signatures } from "./flows/signature/signatures.ts";
import type { Job } from "./jobs/job-runner.ts";
import { signatureVerification } from "./jobs/signature-verification.ts";
import { signingCertificateWatch } from "./jobs/signing-certificate-watch.ts";
import type { DataKeys } from "./store/data-keys.ts";
import type { OpenDatabase } from "./store/database.ts";
import { OneTimeCodes } from "./store/one-time-codes.ts";
import type { Outbox } from "./store/outbox.ts";
import type { ResourceStore } from "./store/resources.ts";
import { revocationAnswers } from "./store/revocation-answers.ts";
import { SignatureStore } from "./store/signatures.ts";
import { SigningCertificateStore } from "./store/signing-certificates.ts";
import { Notices } from "./systems/notify/notices.ts";
import { createRemoteSigner, orgSignerSystem } from "./systems/pki/client/org-signer.ts";
import { createRevocationNetwork, revocationSystem } from "./systems/pki/client/revocation.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import type { Upstream } from "./upstream/call.ts";

/** The sandbox's authorities are trusted only where it plays them: in its own mode and without a folder of roots. */
export const isPkiSandboxed = ({ MODE, SIGNATURE_ROOTS_DIR }: Config): boolean =>
  MODE === "sandbox" && !SIGNATURE_ROOTS_DIR;

/** The sandbox's authorities, when there is a sandbox. */
interface PlayedPki {
  url: string;
  pki: { roots: readonly Uint8Array[] };
}

/** A page that signs with an invented person's key; only where the sandbox plays. */
export const signingPageOf = (config: Config, sandbox: PlayedPki | undefined): string | undefined =>
  isPkiSandboxed(config) && sandbox ? `${sandbox.url}/pki/signing` : undefined;

function revocationHosts(config: Config, sandbox: PlayedPki | undefined): string[] {
  const played = isPkiSandboxed(config) && sandbox ? [new URL(sandbox.url).host] : [];
  return [...listOf(config.SIGNATURE_REVOCATION_HOSTS), ...played];
}

/** Lanes of the pipeline: one per authority's host, so that a dead one stops nobody else's. */
export function pkiLanes(
  config: Config,
  sandbox: PlayedPki | undefined,
): Record<string, { sandbox: boolean }> {
  const isSandbox = isPkiSandboxed(config);
  const authorities = revocationHosts(config, sandbox).map((host) => revocationSystem(host));
  return {
    ...Object.fromEntries(authorities.map((system) => [system, { sandbox: isSandbox }])),
    [orgSignerSystem]: { sandbox: config.ORG_SIGNER_URL === undefined },
  };
}

/** The verifier with the trusted authorities of the settings; revocation is asked from listed hosts only. */
export function openVerifier(
  config: Config,
  upstream: Upstream,
  { clock, sandbox, store }: { clock: Clock; sandbox?: PlayedPki; store: OpenDatabase },
): Verifier {
  const client = new RevocationClient({
    allowedHosts: revocationHosts(config, sandbox),
    network: createRevocationNetwork({
      upstream,
      clock,
      timeoutMs: config.SIGNATURE_REVOCATION_TIMEOUT_MS,
    }),
    now: () => clock.now(),
    kept: revocationAnswers(store.db),
    keptSeconds: config.SIGNATURE_STATUS_HOURS * 3_600,
  });
  const played = isPkiSandboxed(config) ? [...(sandbox?.pki.roots ?? [])] : [];
  const { roots, intermediates } = config.SIGNATURE_ROOTS_DIR
    ? anchorsIn(config.SIGNATURE_ROOTS_DIR)
    : { roots: played, intermediates: [] };
  return createVerifier({ anchors: { roots, intermediates }, fetchRevocation: client.fetch });
}

/** Every certificate of a folder's PEM files: self-issued ones are roots. Throws what can't be read. */
function anchorsIn(folder: string): TrustAnchors {
  const files = readdirSync(folder).filter((name) => /\.(pem|crt|cer)$/i.test(name));
  const all = files.flatMap((name) =>
    allDerFromPem(readFileSync(join(folder, name), "latin1"), "CERTIFICATE"),
  );
  const isRoot = (der: Uint8Array) => {
    const { issuer, subject } = parseCertificate(der);
    return Buffer.compare(issuer.der, subject.der) === 0;
  };
  return { roots: all.filter(isRoot), intermediates: all.filter((der) => !isRoot(der)) };
}

interface SignatureGround {
  store: OpenDatabase;
  keyring: Keyring;
  dataKeys: DataKeys;
  outbox: Outbox;
  resources: ResourceStore;
  identities: Identities;
  verifier: Verifier;
  clock: Clock;
}

const hourMs = 3_600_000;

/** Joins what people's signatures are made of. */
export function openSignatures(config: Config, ground: SignatureGround) {
  const {
    store: { db },
    keyring,
    dataKeys,
    resources,
    identities,
    verifier,
    clock,
  } = ground;
  const toleratedAgeMs = config.SIGNATURE_STATUS_HOURS * hourMs;
  const store = new SignatureStore({ db, dataKeys, keyring });
  const bound = new SigningCertificateStore({ db, keyring });
  const certificates = new SigningCertificates({ store: bound, verifier, clock, toleratedAgeMs });
  const file = config.POWERS_OF_ATTORNEY_FILE;
  const powers = file === undefined ? undefined : powersOfAttorneyIn(file);
  const policies = config.SIGNATURE_POLICY_FILE;
  const regions = policies === undefined ? federalOnly : regionalPoliciesIn(policies);
  const checks = new SignatureChecks({ verifier, certificates, clock, regions, powers, toleratedAgeMs });
  const settlement = new Settlement({ store, resources, bound, clock });
  const signatures = new Signatures({
    store,
    certificates,
    checks,
    settlement,
    clock,
    freezeMs: config.SIGNATURE_FREEZE_SECONDS * 1000,
    cardMs: config.CARD_SIGNATURE_SECONDS * 1000,
  });
  const resigning = new Resigning({ store, checks, settlement, resources, identities, clock, regions });
  const codes = new OneTimeCodes({ keyring, clock });
  const certificateActivation = new CertificateActivation({
    ...{ db, store: bound, codes, clock },
    notices: new Notices(ground.outbox),
  });
  return { signatures, signingCertificates: certificates, certificateActivation, resigning, regions };
}

interface OrgSignerGround {
  upstream: Upstream;
  verifier: Verifier;
  clock: Clock;
  sandbox?: PlayedPki;
  organizations: Pick<OrganizationDirectory, "organizationByOid">;
}

/** Who signs for organisations: a key in a file (sandbox only), a signing service, or nobody. */
export function openOrgSigner(config: Config, ground: OrgSignerGround): OrgSigner | undefined {
  const { upstream, verifier, clock, sandbox, organizations } = ground;
  const { ORG_SIGNER_KEY_FILE: file, ORG_SIGNER_URL, UPSTREAM_TIMEOUT_MS: timeoutMs } = config;
  const played = isPkiSandboxed(config) && sandbox ? `${sandbox.url}/pki` : undefined;
  const baseUrl = ORG_SIGNER_URL ?? played;
  const signer = file
    ? fileOrgSigner(file, clock)
    : baseUrl && createRemoteSigner({ upstream, baseUrl, timeoutMs });
  if (!signer) return undefined;
  const toleratedAgeMs = config.SIGNATURE_STATUS_HOURS * hourMs;
  const ogrnOf = async (oid: string, ctx: RequestContext) => {
    const { value } = await organizations.organizationByOid(oid, ctx);
    return value.identifier?.find(({ system }) => system === identifierSystem.ogrn)?.value;
  };
  return checkedOrgSigner({ signer, verifier, ogrnOf, clock, toleratedAgeMs });
}

/** Background work on signatures: what waits is asked about again, owners learn of their certificates' end. */
export function signatureJobs(
  { signatures, signingCertificates }: ReturnType<typeof openSignatures>,
  { notices, telemetry }: { notices: Notices; telemetry: Telemetry },
): Job[] {
  const gauge = telemetry.instruments.signingCertificates;
  return [
    signatureVerification({ retryDue: () => signatures.retryDue() }),
    signingCertificateWatch({
      certificates: signingCertificates,
      notices,
      report: (days, count) => {
        gauge.of({ days }).value = count;
      },
      reportFirst: (days) => {
        telemetry.instruments.daysToExpiry.of({}).value = days;
      },
    }),
  ];
}
