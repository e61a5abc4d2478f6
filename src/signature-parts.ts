import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Resource } from "@medplum/fhirtypes";
import { federalOnly, regionalPoliciesIn } from "./access/regional-policy.ts";
import { type Config, listOf } from "./config.ts";
import { identifierSystem } from "./core/canonical.ts";
import type { Clock } from "./core/clock.ts";
import type { RequestContext } from "./core/context.ts";
import { GatewayError } from "./core/errors.ts";
import type { Logger } from "./core/logger.ts";
import type { Keyring } from "./crypto/keyring.ts";
import { allDerFromPem } from "./crypto/pem.ts";
import { RevocationClient } from "./crypto/revocation-client.ts";
import { createVerifier, type Verifier } from "./crypto/verifier.ts";
import type { TrustAnchors } from "./crypto/verify-signature.ts";
import { parseCertificate } from "./crypto/x509.ts";
import type { Repository } from "./fhir/repository.ts";
import { resourceOf } from "./fhir/stored-content.ts";
import { postCodesOf } from "./flows/acting-worker.ts";
import type { Identities } from "./flows/identities.ts";
import type { OrganizationDirectory } from "./flows/organization-directory.ts";
import type { PractitionerDirectory } from "./flows/practitioner-directory.ts";
import { CertificateActivation } from "./flows/signature/activation.ts";
import { SigningCertificates } from "./flows/signature/certificates.ts";
import { SignatureChecks } from "./flows/signature/checks.ts";
import { CoSignatures } from "./flows/signature/co-signatures.ts";
import { dispensingListener } from "./flows/signature/dispensing.ts";
import { checkedOrgSigner, fileOrgSigner, type OrgSigner } from "./flows/signature/org-signer.ts";
import { powersOfAttorneyIn } from "./flows/signature/power-of-attorney.ts";
import { Resigning } from "./flows/signature/resigning.ts";
import { Settlement } from "./flows/signature/settlement.ts";
import { OpenedLater, SignatureWrites } from "./flows/signature/signature-writes.ts";
import { Signatures } from "./flows/signature/signatures.ts";
import { signingRulesIn } from "./flows/signature/signing-rules.ts";
import { type Job, JobRunner } from "./jobs/job-runner.ts";
import { signatureVerification } from "./jobs/signature-verification.ts";
import { signingCertificateWatch } from "./jobs/signing-certificate-watch.ts";
import type { DataKeys } from "./store/data-keys.ts";
import type { OpenDatabase } from "./store/database.ts";
import type { Journal } from "./store/journal.ts";
import { OneTimeCodes } from "./store/one-time-codes.ts";
import type { Outbox } from "./store/outbox.ts";
import type { ResourceKey, ResourceStore } from "./store/resources.ts";
import { revocationAnswers } from "./store/revocation-answers.ts";
import { SignatureStore } from "./store/signatures.ts";
import { SigningCertificateStore } from "./store/signing-certificates.ts";
import type { Surroundings } from "./surroundings.ts";
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
  return createVerifier({ anchors: { roots, intermediates }, revocation: client });
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
  practitioners: Pick<PractitionerDirectory, "roleById">;
  store: OpenDatabase;
  keyring: Keyring;
  dataKeys: DataKeys;
  outbox: Outbox;
  resources: ResourceStore;
  journal: Journal;
  identities: Identities;
  verifier: Verifier;
  clock: Clock;
  log: Logger;
}

const hourMs = 3_600_000;

/** Joins what people's signatures are made of. */
export function openSignatures(config: Config, ground: SignatureGround) {
  const { resources, identities, clock, log, journal } = ground;
  const { db } = ground.store;
  const store = new SignatureStore({ db, dataKeys: ground.dataKeys, keyring: ground.keyring });
  const { powers, regions, rules } = signaturePolicies(config);
  const { bound, ...ofCertificates } = openCertificates(config, ground);
  const { signingCertificates: certificates } = ofCertificates;
  const toleratedAgeMs = config.SIGNATURE_STATUS_HOURS * hourMs;
  const { verifier } = ground;
  const { evidence } = store;
  const policies = { regions, powers, toleratedAgeMs };
  const checks = new SignatureChecks({ verifier, certificates, clock, evidence, ...policies });
  const repository = new OpenedLater<Repository>();
  const writes = new SignatureWrites({ repository, journal, clock, log });
  const settlement = new Settlement({ store, writes, rules, bound, clock });
  const signatures = new Signatures({
    ...{ store, certificates, checks, rules, settlement, clock },
    freezeMs: config.SIGNATURE_FREEZE_SECONDS * 1000,
    cardMs: config.CARD_SIGNATURE_SECONDS * 1000,
  });
  const postsOf = postsIn(ground.practitioners);
  const judging = { store, checks, settlement, clock, regions, rules, postsOf };
  return {
    ...ofCertificates,
    ...{ signatures, regions, rules, postsOf },
    storedResource: async (key: ResourceKey): Promise<Resource> => {
      const stored = await resources.get(db, key);
      if (!stored?.content) throw new GatewayError(stored ? "gone" : "not-found", { field: "resource" });
      return resourceOf(stored);
    },
    onlySignedIsDispensed: dispensingListener(store),
    coSignatures: new CoSignatures({ store, rules, signatures }),
    resigning: new Resigning({ ...judging, resources, identities }),
    /** What is signed is written through the repository of the doors, which is opened after this. */
    writeSignaturesThrough: (opened: Repository) => repository.open(opened),
  };
}

function openCertificates(
  config: Config,
  { store: { db }, keyring, outbox, verifier, clock }: SignatureGround,
) {
  const bound = new SigningCertificateStore({ db, keyring });
  const toleratedAgeMs = config.SIGNATURE_STATUS_HOURS * hourMs;
  return {
    bound,
    signingCertificates: new SigningCertificates({ db, store: bound, verifier, clock, toleratedAgeMs }),
    certificateActivation: new CertificateActivation({
      ...{ db, store: bound, codes: new OneTimeCodes({ keyring, clock }), clock },
      notices: new Notices(outbox),
    }),
  };
}

function signaturePolicies(config: Config) {
  const { POWERS_OF_ATTORNEY_FILE: powers, SIGNATURE_POLICY_FILE: regions } = config;
  return {
    powers: powers === undefined ? undefined : powersOfAttorneyIn(powers),
    regions: regions === undefined ? federalOnly : regionalPoliciesIn(regions),
    rules: signingRulesIn(config.SIGNING_RULES_FILE),
  };
}

/** Posts of a worker's role as ФРМР has them: codes of dictionary 11.1002. */
const postsIn =
  (practitioners: Pick<PractitionerDirectory, "roleById">) =>
  async (roleId: string, ctx: RequestContext): Promise<readonly string[]> => {
    const { value } = await practitioners.roleById(roleId, ctx);
    return postCodesOf(value);
  };

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

type Signing = Pick<ReturnType<typeof openSignatures>, "signatures" | "signingCertificates">;

/** Starts background work on signatures; the caller stops it. */
export function startSignatureJobs(
  parts: Signing & { store: OpenDatabase; notices: Notices },
  { clock, log, telemetry }: Surroundings,
): JobRunner {
  const jobs = signatureJobs(parts, { notices: parts.notices, telemetry });
  const runner = new JobRunner({ db: parts.store.db, clock, log, jobs });
  runner.start();
  return runner;
}

/** Background work on signatures: what waits is asked about again, owners learn of their certificates' end. */
export function signatureJobs(
  { signatures, signingCertificates }: Signing,
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
