import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientAssertion, requestToken } from "../../scripts/system-client.ts";
import { createApp, type Gateway } from "../../src/app.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { sandboxEsiaClient } from "../../src/generated-keys.ts";
import { openParts, type Parts } from "../../src/parts.ts";
import { createSandbox } from "../../src/sandbox/server.ts";
import { Telemetry } from "../../src/telemetry/telemetry.ts";
import { freePort } from "./child-server.ts";
import { databaseOfRun } from "./database.ts";
import { sandboxKeys } from "./sandbox-keys.ts";

export interface TestApp extends Gateway {
  url: string;
  config: Config;
  parts: Parts;
  sandboxUrl: string;
  telemetry: Telemetry;
  token(scope: string): Promise<string>;
  close(): Promise<void>;
}

/** The whole gateway in this process, listening, with its sandbox and, unless `settings` name one, a fresh database. */
export async function startApp(
  settings: Record<string, string> = {},
  clock: Clock = systemClock,
): Promise<TestApp> {
  const dataDir = await mkdtemp(join(tmpdir(), "gateway-app-"));
  const port = await freePort();
  const url = `${settings["TLS_KEY_FILE"] ? "https" : "http"}://127.0.0.1:${port}`;
  // gateway, sandbox and test share one event loop: a busy machine is no overload of the gateway
  const own = { PORT: String(port), PUBLIC_URL: url, DATA_DIR: dataDir, OVERLOAD_MS: "60000" };
  // quicker to start than the embedded one, whose own tests are in test/store
  const database = settings["DATABASE_URL"] ?? (await databaseOfRun());
  const config = readConfig({ ...own, ...settings, ...(database && { DATABASE_URL: database }) });
  const telemetry = new Telemetry({
    version: "test",
    log: silentLogger,
    clock,
    ratio: 0,
    slowMs: 1e9,
  });
  const sandbox = await createSandbox({
    clock,
    logger: silentLogger,
    esiaClients: [(await sandboxEsiaClient(config, clock)).client],
    ...sandboxKeys(clock),
  });
  const sandboxUrl = (await sandbox.listen(0, "127.0.0.1")).replace("127.0.0.1", "localhost");
  const esia = {
    url: await sandbox.esia.listen(0, "127.0.0.1"),
    certificates: sandbox.esia.certificates,
  };
  const around = {
    clock,
    log: silentLogger,
    telemetry,
    version: "test",
    sandbox: { ...sandbox, url: sandboxUrl, esia },
  };
  const parts = await openParts(config, around);
  const gateway = await createApp(config, parts, around);
  await gateway.app.listen({ port, host: "127.0.0.1" });
  return {
    ...gateway,
    url,
    config,
    parts,
    sandboxUrl,
    telemetry,
    token: async (scope) => {
      const jwk = JSON.parse(await readFile(join(dataDir, "demo-client.jwk.json"), "utf8"));
      const tokenUrl = `${url}/auth/token`;
      const answer = await requestToken(
        tokenUrl,
        await clientAssertion({ clientId: "demo", jwk }, tokenUrl),
        scope,
      );
      return ((await answer.json()) as { access_token: string }).access_token;
    },
    close: async () => {
      await gateway.app.close();
      await parts.close();
      await sandbox.close();
      await telemetry.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
