import { readFileSync } from "node:fs";
import type { Clock } from "../../core/clock.ts";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import { signDetached } from "../../crypto/cms-sign.ts";
import { parsePrivateKey } from "../../crypto/keys.ts";
import { derFromPem } from "../../crypto/pem.ts";
import { createSigner } from "../../crypto/signer.ts";
import type { Verifier } from "../../crypto/verifier.ts";
import { parseCertificate } from "../../crypto/x509.ts";
import type { OrgSigningOrder } from "../../systems/pki/client/org-signer.ts";

/** The organisation's own signature over a document, a detached CMS in DER; the key lives elsewhere. */
export interface OrgSigner {
  sign(order: OrgSigningOrder, ctx: RequestContext): Promise<Uint8Array>;
}

/** Signs with a key in a PEM file that also holds its certificate: sandbox and tests only, the settings see to it. */
export function fileOrgSigner(path: string, clock: Clock): OrgSigner {
  const pem = readFileSync(path, "utf8");
  const signer = createSigner(parsePrivateKey(pem), derFromPem(pem, "CERTIFICATE"));
  return { sign: ({ content }) => signDetached(signer, content, { signingTime: new Date(clock.now()) }) };
}

interface CheckingParts {
  signer: OrgSigner;
  verifier: Pick<Verifier, "verify">;
  ogrnOf(organization: string, ctx: RequestContext): Promise<string | undefined>;
  clock: Clock;
  toleratedAgeMs: number;
}

/**
 * Believes no signing service: what it returns must verify over exactly these bytes, be trusted and name the
 * organisation. Throws `upstream-wrong-shape` otherwise.
 */
export function checkedOrgSigner(parts: CheckingParts): OrgSigner {
  const { signer, verifier, ogrnOf, clock, toleratedAgeMs } = parts;
  return {
    sign: async (order, ctx) => {
      const cms = await signer.sign(order, ctx);
      const { content, organization } = order;
      const report = await verifier.verify({
        container: cms,
        content,
        at: new Date(clock.now()),
        toleratedAgeMs,
      });
      const [problem] = report.problems;
      if (problem || !report.certificateDer) throw refused(problem?.detail ?? "no certificate");
      const { ogrn } = parseCertificate(report.certificateDer).subject.fields;
      const expected = await ogrnOf(organization, ctx);
      if (!expected || ogrn !== expected) throw refused("the certificate is another organisation's");
      return cms;
    },
  };
}

const refused = (detail: string): GatewayError =>
  new GatewayError("upstream-wrong-shape", { system: "org-signer", detail });
