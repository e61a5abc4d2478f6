import { systemClock } from "../src/core/clock.ts";
import { silentLogger } from "../src/core/logger.ts";
import { Telemetry } from "../src/telemetry/telemetry.ts";
import { markdownTable } from "./markdown-table.ts";

/** What an operator may look for in vain, and where it is told instead. */
const absent: readonly (readonly [what: string, why: string])[] = [
  [
    "FHIR interactions by resource type",
    "a label more on the path of every read; the route, the method and the status are labels of `http_server_request_duration_seconds`, and the journal has each access with its type",
  ],
  [
    "age of the answers served from the cache",
    "never above the operation's `*_CACHE_SECONDS`: an answer past it is not served",
  ],
  [
    "conversions by map",
    "they are part of `upstream_operation_duration_seconds`; those that fail are `upstream_fault_total` with `mapping-failed` or `unmapped-code`, and `npm run failures` lists the messages",
  ],
  ["failures of sign-in and of tokens", "`http_server_errors_total` has each by its code"],
  [
    "whether the journal verifies",
    "`npm run journal -- verify` reads every row, so it runs apart from the replicas; alert on its exit status",
  ],
  [
    "open connections to a system",
    "`upstream_inflight` has the calls; systems without a channel of their own share one set of connections",
  ],
  [
    "connections to the database",
    "`pg_stat_activity` of the server has them for all replicas; a pool that is short shows in `journal_append_seconds`",
  ],
  [
    "a partner's own requests",
    "a partner is no label: their number is open; the log has `tenant`, and a refusal for rate is `http_server_rejected_total`",
  ],
];

/** docs/metrics.md, from the instruments. */
export async function renderMetrics(): Promise<string> {
  const telemetry = new Telemetry({
    version: "docs",
    log: silentLogger,
    clock: systemClock,
    ratio: 0,
    slowMs: 1,
  });
  await telemetry.close();
  const rows = [...telemetry.metrics.families]
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ name, kind, labels, help, alert }) => [
      `\`cabinet_${name}\``,
      kind,
      labels.map((label) => `\`${label}\``).join(", "),
      help,
      alert ?? "",
    ]);
  return `# Metrics

Generated from the instruments of \`src/telemetry/\` by \`npm run generate\`.

Prometheus reads them at \`METRICS_PORT\`, path \`/metrics\`: a port of its own, which no ingress may route. Label values
are closed lists or names declared in code, so no series ever holds what a caller sent; a series past its ceiling
counts in \`other\` and in \`cabinet_telemetry_overflow_total\`. Every replica reports for itself.

${markdownTable(["metric", "kind", "labels", "what it says", "alert on"], rows)}
## What is not measured, and where it is told

${markdownTable(["question", "answer"], absent)}`;
}
