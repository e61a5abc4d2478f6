import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import type { SystemKey } from "../../scripts/system-client.ts";
import type { Client } from "../../src/access/clients.ts";
import type { SignatureLevel } from "../../src/core/context.ts";
import { organization } from "./signing.ts";

export const levels = ["simple", "enhanced", "qualified"] as const satisfies readonly SignatureLevel[];

/** One client system per level with which its workers open their sessions, and the file that registers them. */
export async function leveledClients() {
  const made = await Promise.all(levels.map(async (level) => ({ level, ...(await clientOf(level)) })));
  const file = join(mkdtempSync(join(tmpdir(), "clients-")), "clients.json");
  writeFileSync(file, JSON.stringify(made.map(({ client }) => client)));
  const keys = Object.fromEntries(made.map(({ level, key }) => [level, key]));
  return { file, keys: keys as Record<SignatureLevel, SystemKey> };
}

async function clientOf(signature: SignatureLevel): Promise<{ client: Client; key: SystemKey }> {
  const clientId = `mis-${signature}`;
  const { privateKey, publicKey } = await generateKeyPair("ES384", { extractable: true });
  const named = { alg: "ES384", kid: clientId };
  return {
    client: {
      clientId,
      name: clientId,
      tenant: organization,
      scopes: ["system/*.cruds"],
      signature,
      jwks: { keys: [{ ...(await exportJWK(publicKey)), ...named }] },
    },
    key: { clientId, jwk: { ...(await exportJWK(privateKey)), ...named } },
  };
}
