import { errorTable } from "../src/core/error-table.ts";
import { markdownTable } from "./markdown-table.ts";

/** docs/errors.md, from the error table. */
export function renderErrors(): string {
  const rows = Object.entries(errorTable).map(([code, row]) => [
    `\`${code}\``,
    String(row.status),
    row.issue,
    row.meaning,
    row.text,
    row.remedy,
    row.retry,
  ]);
  return `# Errors

Generated from \`src/core/error-table.ts\` by \`npm run generate\`.

\`/fhir\` answers with an OperationOutcome (\`issue.code\` = FHIR issue, \`issue.details.coding.code\` = code), the token
endpoint with RFC 6749 errors, every other route with RFC 9457 problem details. What retry means:

- **never**: the same call will fail again.
- **after-fix**: mend what the error names, then send it as a new call.
- **later**: send the same call again after \`Retry-After\` seconds, or with growing pauses where there is none.
- **same-key**: it may have been carried out; send it again with the same \`Idempotency-Key\`.

${markdownTable(["code", "status", "FHIR issue", "meaning", "text for users", "remedy for users", "retry"], rows)}`;
}
