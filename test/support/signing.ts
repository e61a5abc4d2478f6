import { randomUUID, X509Certificate } from "node:crypto";
import type { SigningWorker } from "../../src/flows/signature/terms.ts";
import type { Parts } from "../../src/parts.ts";
import { fingerprintOf, SigningCertificateStore } from "../../src/store/signing-certificates.ts";

export const organization = "1.2.643.5.1.13.13.12.2.77.90001";

/** The persona `doctor` as the signature flow knows a worker. */
export const doctor = (): SigningWorker => ({
  personId: randomUUID(),
  roleId: "role-of-the-doctor",
  organization,
  snils: "90000000182",
});

export interface ToolOrder {
  owner?: string;
  kind?: "rsa" | "gost";
  variant?: string;
  /** ISO instant that the signature states */
  at?: string;
}

interface Signing {
  parts: Pick<Parts, "store" | "keyring">;
  sandboxUrl: string;
}

/** The certificates of a person's tool are in their profile and active, as after the codes of the cabinet. */
export async function activateCertificates(
  { parts, sandboxUrl }: Signing,
  person: string,
  ...orders: Pick<ToolOrder, "owner" | "kind" | "variant">[]
): Promise<void> {
  for (const { owner = "doctor", ...order } of orders) {
    const query = new URLSearchParams({ owner, ...order });
    const answer = await fetch(`${sandboxUrl}/pki/certificates?${query}`);
    const { certificate } = (await answer.json()) as { certificate: string };
    await activateCertificate(parts, person, Buffer.from(certificate, "base64"));
  }
}

export async function activateCertificate(
  { store: { db }, keyring }: Signing["parts"],
  person: string,
  der: Uint8Array,
): Promise<void> {
  const certificates = new SigningCertificateStore({ db, keyring });
  const notAfter = Date.parse(new X509Certificate(der).validTo);
  await certificates.bind({ person, der, notAfter, boundAt: 0 });
  await certificates.activate(db, { person, fingerprint: fingerprintOf(der) }, 0);
}

/** What a person's own tool gives for these bytes: the sandbox plays it. */
export async function signedByTool(
  sandboxUrl: string,
  content: Uint8Array,
  { owner = "doctor", ...order }: ToolOrder = {},
): Promise<Buffer> {
  const answer = await fetch(`${sandboxUrl}/pki/signatures`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ owner, ...order, content: Buffer.from(content).toString("base64") }),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  const { signature } = (await answer.json()) as { signature: string };
  return Buffer.from(signature, "base64");
}

/** A synthetic document; `label` makes its bytes its own. */
export const documentOf = (label: string) => ({
  title: "Заключение",
  contentType: "text/xml",
  content: Buffer.from(`<ClinicalDocument><title>${label}</title></ClinicalDocument>`),
  needed: "qualified" as const,
});

/** What a patient agreed to elsewhere: electronic prescriptions of this organisation. */
export async function consentToPrescriptions({ parts }: { parts: Parts }, patient: string): Promise<void> {
  await parts.store.db
    .insertInto("consent_fact")
    .values({
      ...{ tenant: organization, id: randomUUID(), kind: "prescription", decision: "permit", patient },
      ...{ rights: ["enter"], organization, booked: false, granted_at: 0 },
    })
    .execute();
  await parts.cache.bump(patient);
}
