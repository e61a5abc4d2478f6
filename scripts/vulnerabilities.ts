/**
 * Known vulnerabilities of what is shipped: `npm run vulnerabilities [-- --image NAME]`. Dependencies are asked of the
 * registry that npm uses, the image of Trivy. Ends with 1 for a critical one, with 2 when something could not be asked.
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { image: { type: "string" } } });

// a registry that does not answer is not waited for
const terms = { encoding: "utf8", timeout: 120_000 } as const;

type Finding = { critical: number } | { unasked: string };

interface AuditReport {
  metadata?: { vulnerabilities?: Record<string, number> };
  message?: string;
}

function dependencies(): Finding {
  const { stdout, error } = spawnSync("npm", ["audit", "--omit=dev", "--json"], terms);
  if (error) return { unasked: error.message };
  try {
    const { metadata, message } = JSON.parse(stdout) as AuditReport;
    const critical = metadata?.vulnerabilities?.critical;
    return critical === undefined ? { unasked: message ?? "the registry gave no report" } : { critical };
  } catch {
    return { unasked: "npm gave no report" };
  }
}

function image(name: string | undefined): Finding {
  if (name === undefined) return { unasked: "no --image was named" };
  const args = ["image", "--quiet", "--severity", "CRITICAL", "--format", "json", name];
  const { stdout, status, error } = spawnSync("trivy", args, terms);
  if (error || status !== 0) return { unasked: error ? "Trivy is not installed" : "Trivy could not read it" };
  const { Results = [] } = JSON.parse(stdout) as { Results?: { Vulnerabilities?: unknown[] }[] };
  return { critical: Results.flatMap(({ Vulnerabilities = [] }) => Vulnerabilities).length };
}

const findings = { dependencies: dependencies(), image: image(values.image) };
for (const [what, finding] of Object.entries(findings))
  console.log(
    "critical" in finding
      ? `${what}: ${finding.critical} critical`
      : `${what}: NOT CHECKED, ${finding.unasked}`,
  );
const all = Object.values(findings);
if (all.some((finding) => "critical" in finding && finding.critical > 0)) process.exitCode = 1;
else if (all.some((finding) => "unasked" in finding)) process.exitCode = 2;
