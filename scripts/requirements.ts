/** Which rows of docs/requirements.md a passing test proves: `npm run requirements [-- --list] [--report file]…` */
import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parseRequirements, provedIds } from "./requirement-rows.ts";
import { readReport } from "./test-report.ts";

const { values } = parseArgs({
  options: {
    list: { type: "boolean", default: false },
    report: { type: "string", multiple: true, default: ["build/test-report.json"] },
  },
});
const absent = values.report.filter((path) => !existsSync(path));
if (absent.length > 0) {
  console.error(`no test report at ${absent.join(", ")}: run npm test first`);
  process.exit(1);
}

const groups = parseRequirements(readFileSync(new URL("../docs/requirements.md", import.meta.url), "utf8"));
const rows = groups.flatMap((group) => group.rows);
const { proved, unknown } = provedIds(rows, values.report.map(readReport));
for (const { id, title } of unknown) console.error(`unknown requirement ${id} in the title "${title}"`);
for (const { title, rows: groupRows } of groups) {
  const done = groupRows.filter(({ id }) => proved.has(id));
  console.log(`${String(done.length).padStart(4)} of ${String(groupRows.length).padEnd(4)} ${title}`);
  if (!values.list) continue;
  for (const { id, requirement } of groupRows.filter((row) => !proved.has(row.id) && !row.esia)) {
    console.log(`           ${id}  ${requirement}`);
  }
}
const esia = rows.filter((row) => row.esia && !proved.has(row.id));
if (esia.length > 0) console.log(`wholly ESIA's own: ${esia.length}`);
console.log(`proved: ${rows.filter(({ id }) => proved.has(id)).length} of ${rows.length}`);
if (unknown.length > 0) process.exitCode = 1;
