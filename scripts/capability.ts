/** `npm run test:capability`: executes each line of /fhir/metadata. */
import { proveCapability } from "../test/support/capability/run.ts";

const { passed, failed } = await proveCapability(process.env.DATABASE_URL);
for (const line of failed) console.log(`FAILED ${line}`);
console.log(`${passed} passed, ${failed.length} failed`);
process.exit(failed.length > 0 ? 1 : 0);
