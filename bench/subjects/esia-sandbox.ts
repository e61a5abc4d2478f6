import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createSandbox } from "../../src/sandbox/server.ts";

// the sandbox's ESIA in a process of its own; two systems of one key, told apart by how their tokens are signed
const { CERTIFICATE = "", REDIRECT = "" } = process.env;
const registered = { certificateDer: Buffer.from(CERTIFICATE, "base64"), redirectUris: [REDIRECT] };
const sandbox = await createSandbox({
  clock: systemClock,
  logger: silentLogger,
  esiaClients: [
    { ...registered, clientId: "RS256", tokenAlgorithm: "RS256" },
    { ...registered, clientId: "GOST3410_2012_256", tokenAlgorithm: "GOST3410_2012_256" },
  ],
});
const url = await sandbox.esia.listen(0, "127.0.0.1");
const certificates = sandbox.esia.certificates.map((der) => Buffer.from(der).toString("base64"));
process.on("message", () => process.send?.({ url, certificates }));
process.on("SIGTERM", () => process.exit(0));
process.send?.("ready");
