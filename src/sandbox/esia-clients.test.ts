import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { pemOf } from "../sandbox-crypto/pem.ts";
import { readEsiaClients } from "./esia-clients.ts";

const folder = mkdtempSync(join(tmpdir(), "esia-clients-"));
afterAll(() => rmSync(folder, { recursive: true }));

const row = {
  clientId: "PARTNER1",
  certificate: "partner.crt.pem",
  redirectUris: ["https://partner.example.test"],
  tokenAlgorithm: "RS256",
};

function listOf(rows: unknown): string {
  const path = join(folder, "clients.json");
  writeFileSync(path, JSON.stringify(rows));
  return path;
}

it("partners' systems are read with the certificates that lie beside the list", () => {
  writeFileSync(join(folder, "partner.crt.pem"), pemOf(Uint8Array.of(1, 2, 3), "CERTIFICATE"));
  const [client] = readEsiaClients(listOf([row]));
  expect(client).toEqual({
    clientId: "PARTNER1",
    redirectUris: ["https://partner.example.test"],
    tokenAlgorithm: "RS256",
    certificateDer: Buffer.from([1, 2, 3]),
  });
});

it("a list with a misspelt row is refused", () => {
  for (const wrong of [
    { ...row, tokenAlgorithm: "none" },
    { ...row, redirectUri: "x" },
    { clientId: "PARTNER1" },
  ])
    expect(() => readEsiaClients(listOf([wrong]))).toThrow();
});
