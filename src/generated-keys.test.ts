import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { ManualClock } from "./core/clock.ts";
import { signMessage, verifyMessage } from "./crypto/keys.ts";
import { certificatePublicKey, parseCertificate } from "./crypto/x509.ts";
import { sandboxEsiaClient, sandboxTokenSigners } from "./generated-keys.ts";

const folder = mkdtempSync(join(tmpdir(), "generated-keys-"));
afterAll(() => rmSync(folder, { recursive: true }));

it("the system at the sandbox's ESIA keeps its key and certificate over starts, for the owner's eyes", async () => {
  const config = {
    DATA_DIR: folder,
    PUBLIC_URL: "http://127.0.0.1:8080",
    ESIA_CLIENT_ID: "MISCAB01",
    ESIA_TOKEN_ALGORITHM: "RS256",
  } as const;
  const first = await sandboxEsiaClient(config, new ManualClock());
  const second = await sandboxEsiaClient(config, new ManualClock());
  expect(second.client).toEqual(first.client);
  const text = Buffer.from("signed by the second start");
  const key = certificatePublicKey(parseCertificate(first.client.certificateDer));
  expect(verifyMessage(key, "gost-256", text, signMessage(second.privateKey, "gost-256", text))).toBe(true);
  expect(statSync(join(folder, "esia-client.key.pem")).mode & 0o077).toBe(0);
});

it("the sandbox's ESIA signs with the same keys after a restart", () => {
  const first = sandboxTokenSigners(folder, new ManualClock());
  const second = sandboxTokenSigners(folder, new ManualClock());
  const text = Buffer.from("a token");
  for (const [name, algorithm] of [
    ["RS256", "rsa-sha256"],
    ["GOST3410_2012_256", "gost-256"],
  ] as const) {
    expect(second[name].certificate.der).toEqual(first[name].certificate.der);
    const key = certificatePublicKey(parseCertificate(first[name].certificate.der));
    expect(verifyMessage(key, algorithm, text, second[name].key.sign(text))).toBe(true);
  }
});
