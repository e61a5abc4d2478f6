import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { convertMedStaff } from "../src/systems/frmr/med-staff-file.ts";

const usage = `usage: npm run --silent medstaff -- [--as-of 2026-11-21T09:00:00Z] < file.xml > out.ndjson

Converts a MedStaff exchange file (UTF-8 or windows-1251, any length) to one FHIR Bundle a line.
A record that can't be converted is told on stderr, one JSON a line with its number, line and column; the rest goes
on. Exit 1 when there was one. --as-of is the moment of the file; absent: now.`;

const { values } = parseArgs({ options: { "as-of": { type: "string" }, help: { type: "boolean" } } });
const asOf = new Date(values["as-of"] ?? Date.now());

async function main(): Promise<number> {
  if (values.help || Number.isNaN(asOf.getTime())) {
    console.error(usage);
    return 2;
  }
  const today = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Moscow" }).format(asOf);
  const counts = { converted: 0, failed: 0 };
  async function* lines() {
    for await (const record of convertMedStaff(process.stdin, { asOf: asOf.toISOString(), today })) {
      if ("bundle" in record) {
        counts.converted += 1;
        yield `${JSON.stringify(record.bundle)}\n`;
      } else {
        const { at, ...rest } = record;
        counts.failed += 1;
        process.stderr.write(`${JSON.stringify({ ...rest, ...at })}\n`);
      }
    }
  }
  await pipeline(lines, process.stdout, { end: false });
  process.stderr.write(`${JSON.stringify(counts)}\n`);
  return counts.failed > 0 ? 1 : 0;
}

process.exitCode = await main();
