import { Outbox } from "../../src/store/outbox.ts";
import { startFhirServer } from "../support/fhir-server.ts";

/** The FHIR door in a process to be killed; each change also writes a message to another system. */
const [databaseUrl = "", startMs = "0"] = process.argv.slice(2);
const server = await startFhirServer({
  databaseUrl,
  startMs: Number(startMs),
  durableJournal: true,
  onChange: (keyring, clock) => [
    async (trx, { key, version }) => {
      const deduplicationId = `${key.type}/${key.id}/${version}`;
      const outbox = new Outbox({ db: trx, keyring, clock });
      await outbox.enqueue(trx, {
        tenant: key.tenant,
        system: "remd",
        kind: "change",
        deduplicationId,
        payload: 1,
      });
    },
  ],
});
process.stdout.write(`${JSON.stringify({ url: server.url, token: server.token })}\n`);
