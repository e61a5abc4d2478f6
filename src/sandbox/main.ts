import { readConfig } from "../config.ts";
import { systemClock } from "../core/clock.ts";
import { sandboxPkiRoots, sandboxTokenSigners } from "../generated-keys.ts";
import { createLogger } from "../telemetry/log.ts";
import { unlessRefused } from "../unless-refused.ts";
import { version } from "../version.ts";
import { readEsiaClients } from "./esia-clients.ts";
import { createSandbox } from "./server.ts";

// `npm run sandbox`: the sandbox alone, for partners who test against it
const config = await unlessRefused(readConfig);
const logger = createLogger({ level: config.LOG_LEVEL, version, clock: systemClock });
const sandbox = await createSandbox({
  clock: systemClock,
  logger,
  nsiFolder: config.NSI_DATA_DIR,
  esiaClients: config.SANDBOX_ESIA_CLIENTS ? readEsiaClients(config.SANDBOX_ESIA_CLIENTS) : [],
  esiaSigners: sandboxTokenSigners(config.DATA_DIR, systemClock),
  pkiRoots: sandboxPkiRoots(config.DATA_DIR, systemClock),
});
const address = await sandbox.listen(config.SANDBOX_PORT, config.HOST);
const esia = await sandbox.esia.listen(config.SANDBOX_PORT && config.SANDBOX_PORT + 1, config.HOST);
process.stdout.write(`sandbox  ${address}\nesia     ${esia}\n`);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void sandbox.close());
}
