import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientAssertion, requestToken, type SystemKey } from "../../scripts/system-client.ts";
import { ChildServer, freePort } from "./child-server.ts";
import { programArguments } from "./compiled.ts";
import { projectRoot } from "./project-files.ts";

export interface TestGateway {
  url: string;
  sandboxUrl: string;
  /** the process's whole environment */
  environment: Record<string, string>;
  server: ChildServer;
  key(): Promise<SystemKey>;
  /** an access token of the demo client */
  token(scope?: string): Promise<string>;
  /** what `/metrics` says of one series, labels in the order of their declaration; 0 where it does not exist yet */
  metric(series: string): Promise<number>;
  /** stops it and removes its data folder */
  remove(): Promise<void>;
}

export const demoScopes = "system/Practitioner.rs system/PractitionerRole.rs system/Organization.rs";

/** What a gateway and its sandbox need to run on free ports with this data folder. */
export async function freeEnvironment(dataFolder: string) {
  const [port, metricsPort, sandboxPort] = [await freePort(), await freePort(), await freePort()];
  const { PATH = "", HOME = "" } = process.env;
  return {
    PATH,
    HOME,
    PORT: String(port),
    METRICS_PORT: String(metricsPort),
    SANDBOX_PORT: String(sandboxPort),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    DATA_DIR: dataFolder,
  };
}

/**
 * A gateway process of its own on free ports with its sandbox; `settings` are its environment. Its data folder is empty,
 * or holds the sandbox's keys of the test run when no command is given.
 */
export async function startGateway(
  settings: Record<string, string> = {},
  ownCommand?: readonly string[],
): Promise<TestGateway> {
  const dataFolder = await mkdtemp(join(tmpdir(), "gateway-data-"));
  const { TEST_SANDBOX_KEYS: keys } = process.env;
  // a key of RSA costs up to half a second
  if (keys && !ownCommand) await cp(keys, dataFolder, { recursive: true });
  const [command = "", ...args] = ownCommand ?? [process.execPath, ...programArguments("src/main.ts")];
  const free = await freeEnvironment(dataFolder);
  const { PUBLIC_URL: url, SANDBOX_PORT: sandboxPort, METRICS_PORT: metricsPort } = free;
  // a busy machine is no overload of the gateway
  const environment = { ...free, LOG_LEVEL: "warn", OVERLOAD_MS: "60000", ...settings };
  const server = new ChildServer({
    command,
    args,
    options: { cwd: projectRoot, env: environment },
    probe: () => ready(url),
  });
  await server.start();
  const key = async () => ({
    clientId: "demo",
    jwk: JSON.parse(await readFile(join(dataFolder, "demo-client.jwk.json"), "utf8")),
  });
  return {
    url,
    sandboxUrl: `http://localhost:${sandboxPort}`,
    environment,
    server,
    key,
    token: async (scope = demoScopes) => {
      const tokenUrl = `${url}/auth/token`;
      const answer = await requestToken(tokenUrl, await clientAssertion(await key(), tokenUrl), scope);
      const body = (await answer.json()) as { access_token: string };
      if (!answer.ok) throw new Error(`no token: ${JSON.stringify(body)}`);
      return body.access_token;
    },
    metric: async (series) => {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      const line = text.split("\n").find((one) => one.startsWith(`${series} `));
      return Number(line?.slice(series.length + 1) ?? 0);
    },
    remove: async () => {
      await server.stop();
      await rm(dataFolder, { recursive: true, force: true });
    },
  };
}

async function ready(url: string): Promise<void> {
  const answer = await fetch(`${url}/health/ready`);
  if (!answer.ok) throw new Error(`not ready: ${answer.status}`);
}
