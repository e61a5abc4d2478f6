import { canonicalBase } from "../src/core/canonical.ts";
import { type ErrorCode, errorTable } from "../src/core/error-table.ts";
import { GatewayError } from "../src/core/errors.ts";
import { markdownTable } from "./markdown-table.ts";

/** docs/errors.md, from the error table. */
export function renderErrors(): string {
  const rows = Object.entries(errorTable).map(([code, row]) => {
    const { retryable, sameRequestId } = new GatewayError(code as ErrorCode).retry;
    return [
      `\`${code}\``,
      String(row.status),
      row.issue,
      row.meaning,
      row.text,
      row.remedy,
      row.retry,
      String(retryable),
      String(sameRequestId),
    ];
  });
  return `# Errors

Generated from \`src/core/error-table.ts\` by \`npm run generate\`.

\`/fhir\` answers with an OperationOutcome (\`issue.code\` = FHIR issue, \`issue.details.coding.code\` = code), the token
endpoint with RFC 6749 errors, every other route with RFC 9457 problem details. Each body carries the retry contract for
programs: \`retryable\`, \`retryAfter\` (seconds, where a wait is known; the same as the \`Retry-After\` header) and
\`sameRequestId\`. It is the member \`retry\` of a JSON body, and an extension of the issue in an OperationOutcome
(\`${canonicalBase}/StructureDefinition/retry-contract\`). What retry means:

- **never**: the same call will fail again.
- **after-fix**: mend what the error names, then send it as a new call.
- **later**: send the same call again after \`Retry-After\` seconds, or with growing pauses where there is none.
- **same-key**: it may have been carried out; send it again with the same \`Idempotency-Key\`.

${markdownTable(["code", "status", "FHIR issue", "meaning", "text for users", "remedy for users", "retry", "retryable", "sameRequestId"], rows)}`;
}
