import type { TestReport } from "./test-report.ts";

export interface RequirementRow {
  id: string;
  requirement: string;
  /** where ESIA itself does it, for a row that is wholly ESIA's own */
  esia?: string;
}

export interface RequirementGroup {
  title: string;
  rows: RequirementRow[];
}

/** The rows of docs/requirements.md by group. */
export function parseRequirements(markdown: string): RequirementGroup[] {
  const groups: RequirementGroup[] = [];
  for (const line of markdown.split("\n")) {
    if (line.startsWith("## ")) groups.push({ title: line.slice(3), rows: [] });
    const row = /^\| ([A-Z]-\d{2,3}) \| (.*?) \| (.*) \|$/.exec(line);
    const [, id, requirement, check] = row ?? [];
    if (!id || !requirement || check === undefined) continue;
    const esia = /\(ESIA: (\S+)\)$/.exec(check)?.[1];
    groups.at(-1)?.rows.push({ id, requirement, ...(esia && { esia }) });
  }
  return groups;
}

/** The ids at the start of a test's title: "L-02 …" or "L-02, L-03 …". */
export function idsOfTitle(title: string): string[] {
  const head = /^[A-Z]-\d{2,3}\b(?:[ ,]+[A-Z]-\d{2,3}\b)*/.exec(title)?.[0];
  return head?.split(/[ ,]+/) ?? [];
}

/** A row is proved when each test that names it has passed, and at least one has. */
export function provedIds(
  rows: readonly RequirementRow[],
  reports: readonly TestReport[],
): { proved: Set<string>; unknown: { id: string; title: string }[] } {
  const known = new Set(rows.map(({ id }) => id));
  const passed = new Set<string>();
  const failed = new Set<string>();
  const unknown: { id: string; title: string }[] = [];
  const tests = reports.flatMap((report) => report.testResults.flatMap((file) => file.assertionResults));
  for (const { title, status } of tests) {
    for (const id of idsOfTitle(title)) {
      if (!known.has(id)) unknown.push({ id, title });
      else if (status === "passed") passed.add(id);
      else if (status === "failed") failed.add(id);
    }
  }
  return { proved: new Set([...passed].filter((id) => !failed.has(id))), unknown };
}
