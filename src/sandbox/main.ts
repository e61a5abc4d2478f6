import pino from "pino";
import { readConfig } from "../config.ts";
import { systemClock } from "../core/clock.ts";
import { createSandbox } from "./server.ts";

// `npm run sandbox`: the sandbox alone, for partners who test against it
const config = readConfig();
const logger = pino({ level: config.LOG_LEVEL });
const sandbox = await createSandbox({ clock: systemClock, logger, nsiFolder: config.NSI_DATA_DIR });
const address = await sandbox.listen(config.SANDBOX_PORT, config.HOST);
logger.info({ address }, "sandbox listens");
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void sandbox.close());
}
