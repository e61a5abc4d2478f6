/** `npm run test:capability`: executes each line of /fhir/metadata that speaks of a stored type. */
import { proveStoredTypes } from "../test/support/capability/run.ts";

const { passed, failed } = await proveStoredTypes(process.env.DATABASE_URL);
for (const line of failed) console.log(`FAILED ${line}`);
console.log(`${passed} passed, ${failed.length} failed`);
process.exit(failed.length > 0 ? 1 : 0);
