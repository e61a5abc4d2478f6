import { readGuide } from "../../src/fhir/guide.ts";
import { createValidator } from "../../src/fhir/validation/validator.ts";
import { startFhirServer } from "../../test/support/fhir-server.ts";

export interface CreateSubject {
  url: string;
  token: string;
  /** of this process so far; a database beside it is not in it */
  cpuMicros: number;
}

// the FHIR door with a validator that knows our profiles, the search index, history and a durable journal
const validator = createValidator(readGuide(new URL("../../fhir/", import.meta.url)));
const server = await startFhirServer({
  databaseUrl: process.env.SUBJECT_URL,
  durableJournal: true,
  startMs: Date.now(),
  validate: async (resource) => validator.validate(resource),
});

process.on("message", () => {
  const { user, system } = process.cpuUsage();
  const subject: CreateSubject = { url: `${server.url}/fhir`, token: server.token, cpuMicros: user + system };
  process.send?.(subject);
});
process.send?.("ready");
