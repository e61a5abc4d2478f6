import { createApp } from "./app.ts";
import { readConfig } from "./config.ts";
import { systemClock } from "./core/clock.ts";
import { sandboxEsiaClient, sandboxPkiRoots, sandboxTokenSigners } from "./generated-keys.ts";
import { followMaps } from "./map-reload.ts";
import { openParts } from "./parts.ts";
import { createSandbox } from "./sandbox/server.ts";
import { createLogger } from "./telemetry/log.ts";
import { otlpExporter, Telemetry } from "./telemetry/telemetry.ts";
import { unlessRefused } from "./unless-refused.ts";
import { sandboxedSystems } from "./upstream-parts.ts";
import { version } from "./version.ts";

const config = await unlessRefused(readConfig);
const clock = systemClock;
const log = createLogger({ level: config.LOG_LEVEL, version, clock });
// a rejection that nobody awaits comes here too
process.on("uncaughtException", (error) => {
  log.error({ error }, "the process can't go on");
  process.exit(1);
});
const telemetry = new Telemetry({
  version,
  log,
  clock,
  ratio: config.TRACE_RATIO,
  slowMs: config.TRACE_SLOW_MS,
  exporter: config.OTEL_EXPORTER_OTLP_ENDPOINT
    ? await otlpExporter(config.OTEL_EXPORTER_OTLP_ENDPOINT)
    : undefined,
});

const sandbox = sandboxedSystems(config).length > 0 ? await startSandbox() : undefined;
const around = { clock, log, telemetry, version, sandbox };
const parts = await unlessRefused(() => openParts(config, around));
const unfollowMaps = await followMaps(config, around, parts.mappings);
const { app, drain, jobs } = await unlessRefused(() => createApp(config, parts, around));
const metrics = await telemetry.listen(config.METRICS_PORT, config.HOST);
const address = await app.listen({ port: config.PORT, host: config.HOST });
greet();

const closeMs = 3_000;
const signals = ["SIGINT", "SIGTERM"] as const;
for (const signal of signals) process.on(signal, onSignal);

/** A second signal finds no listener and ends the process at once. */
function onSignal(): void {
  for (const signal of signals) process.off(signal, onSignal);
  void stop();
}

async function stop(): Promise<void> {
  const limitMs = config.DRAIN_SECONDS * 1000;
  await Promise.all([drain.run(), ...[...jobs, parts.jobs].map((one) => one.stop(limitMs))]);
  // a store that hangs may not hold the process beyond the orchestrator's patience
  setTimeout(() => process.exit(1), closeMs).unref();
  await unfollowMaps();
  await parts.close();
  await sandbox?.close();
  await telemetry.close();
  log.close();
}

async function startSandbox() {
  const started = await createSandbox({
    clock,
    logger: log,
    nsiFolder: config.NSI_DATA_DIR,
    esiaClients: [(await sandboxEsiaClient(config, clock)).client],
    esiaSigners: sandboxTokenSigners(config.DATA_DIR, clock),
    pkiRoots: sandboxPkiRoots(config.DATA_DIR, clock),
  });
  const sandboxUrl = await started.listen(config.SANDBOX_PORT, config.HOST);
  const esiaUrl = await started.esia.listen(config.SANDBOX_PORT && config.SANDBOX_PORT + 1, config.HOST);
  // another host name than the gateway's, so that cookies behave as in life
  return {
    ...started,
    url: `http://localhost:${new URL(sandboxUrl).port}`,
    esia: { url: esiaUrl, certificates: started.esia.certificates },
  };
}

function greet(): void {
  const lines = [
    `gateway  ${address}  (start page, /docs, /fhir/metadata)`,
    `metrics  ${metrics}`,
    sandbox && `sandbox  ${sandbox.url}  (invented people, without legal force)`,
    `try      curl ${config.PUBLIC_URL}/fhir/metadata`,
  ];
  process.stdout.write(`${lines.filter(Boolean).join("\n")}\n`);
}
