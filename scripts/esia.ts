import { parseArgs } from "node:util";
import { type Config, ConfigError, esiaProviderOf, readConfig } from "../src/config.ts";
import { systemClock } from "../src/core/clock.ts";
import { directEsia } from "../src/esia-provider.ts";
import { checkEsia, checkEsiaGateway } from "../src/systems/esia/self-check.ts";

const usage = `usage: npm run esia -- check [--redirect URL]

check  tries what a sign-in needs: our certificate and key, ESIA's certificates, both clocks, the signed request, the
       address of return (PUBLIC_URL/auth/callback unless --redirect names another). Exit 1 with a sentence per finding
The settings are those of the gateway; with ESIA_PROVIDER=sandbox a gateway or a sandbox must be running.`;

async function findings(config: Config, redirectUri: string): Promise<string[]> {
  const provider = esiaProviderOf(config);
  if (provider === "gateway") return checkEsiaGateway(config.ESIA_URL ?? "", systemClock, fetch);
  const isSandbox = provider === "sandbox";
  const sandbox = isSandbox
    ? { url: `http://localhost:${config.SANDBOX_PORT + 1}`, certificates: [] }
    : undefined;
  const { registration, trust } = await directEsia(config, systemClock, sandbox);
  const certificates = isSandbox ? undefined : trust.certificates;
  return checkEsia({ registration, redirectUri, certificates, fetch });
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { redirect: { type: "string" } },
  });
  if (positionals.join(" ") !== "check") {
    console.error(usage);
    return 2;
  }
  const config = readConfig();
  const found = await findings(config, values.redirect ?? `${config.PUBLIC_URL}/auth/callback`);
  for (const sentence of found) console.error(`- ${sentence}`);
  if (found.length === 0) console.log(`ok: ${esiaProviderOf(config)} is ready for sign-ins`);
  return found.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.error(error.message);
  process.exitCode = 78;
}
