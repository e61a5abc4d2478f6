import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { RequestContext } from "../../src/core/context.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { Timings } from "../../src/core/timings.ts";
import { createCertificate } from "../../src/crypto/certificate-builder.ts";
import { checkCms } from "../../src/crypto/cms-verify.ts";
import { generatePrivateKey, privateKeyToPkcs8, publicKeyOf } from "../../src/crypto/keys.ts";
import { pemFromDer } from "../../src/crypto/pem.ts";
import { keySigner } from "../../src/crypto/signer.ts";
import { checkedOrgSigner, fileOrgSigner, type OrgSigner } from "../../src/flows/signature/org-signer.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { freshDatabase } from "../support/database.ts";
import { calm, order } from "../support/sign-in.ts";
import { organization } from "../support/signing.ts";

let app: TestApp;
let signer: OrgSigner;

beforeAll(async () => {
  app = await startApp({ DATABASE_URL: await freshDatabase(), UPSTREAM_TIMEOUT_MS: "1500" });
  if (!app.parts.orgSigner) throw new Error("the sandbox plays the organisation's signing service");
  signer = app.parts.orgSigner;
});
afterAll(() => app.close());
afterEach(() => calm(app));

const ctx = (): RequestContext => ({
  requestId: randomUUID(),
  actor: { kind: "system", id: "gateway", tenant: organization, scopes: [] },
  deadline: systemClock.now() + 20_000,
  log: silentLogger,
  timings: new Timings(),
});

const content = Buffer.from("<ClinicalDocument/>");
const asked = (more = {}) => ({ organization, content, idempotencyKey: randomUUID(), ...more });

describe("the organisation's signature", () => {
  it("comes from its signing service over the exact bytes, once for one key", async () => {
    const one = asked();
    const cms = await signer.sign(one, ctx());
    expect(checkCms(cms, content).problems).toEqual([]);
    expect(Buffer.from(await signer.sign(one, ctx())).equals(cms)).toBe(true);
    expect(Buffer.from(await signer.sign(asked(), ctx())).equals(cms)).toBe(false);
  });

  it("a key used for other bytes is refused", async () => {
    const one = asked();
    await signer.sign(one, ctx());
    const other = { ...one, content: Buffer.from("other bytes") };
    await expect(signer.sign(other, ctx())).rejects.toMatchObject({ code: "upstream-rejected" });
  });

  it("a service that hangs ends with a time-out, and the repeated call gives one signature", async () => {
    await order(app, "pki", "hang", "/organizations");
    const one = asked();
    await expect(signer.sign(one, ctx())).rejects.toMatchObject({ code: "upstream-timeout" });
    await calm(app);
    const cms = await signer.sign(one, ctx());
    expect(Buffer.from(await signer.sign(one, ctx())).equals(cms)).toBe(true);
  });

  it("is believed only when it verifies and names the organisation", async () => {
    const verifier = {
      verify: async () => ({ valid: true, problems: [], path: [], revocation: [] }) as never,
    };
    const checked = checkedOrgSigner({
      signer: { sign: async () => new Uint8Array([1]) },
      verifier,
      ogrnOf: async () => "1027700000000",
      clock: systemClock,
      toleratedAgeMs: 0,
    });
    await expect(checked.sign(asked(), ctx())).rejects.toMatchObject({ code: "upstream-wrong-shape" });
  });

  it("a key in a file signs in the sandbox and is refused in production", async () => {
    const key = generatePrivateKey("CryptoPro-A");
    const { der } = await createCertificate(
      {
        subject: { commonName: "Тест" },
        publicKey: publicKeyOf(key),
        notBefore: new Date(Date.now() - 1000),
        notAfter: new Date(Date.now() + 3_600_000),
      },
      { signer: keySigner(key) },
    );
    const file = join(app.config.DATA_DIR, "organization.pem");
    writeFileSync(file, pemFromDer(privateKeyToPkcs8(key), "PRIVATE KEY") + pemFromDer(der, "CERTIFICATE"));
    const cms = await fileOrgSigner(file, systemClock).sign(asked(), ctx());
    expect(checkCms(cms, content).problems).toEqual([]);
    expect(readFileSync(file, "utf8")).toContain("PRIVATE KEY");
    expect(() => readConfig({ MODE: "production", ORG_SIGNER_KEY_FILE: file })).toThrow(
      /ORG_SIGNER_KEY_FILE/,
    );
  });
});
