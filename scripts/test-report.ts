import { readFileSync } from "node:fs";

export interface TestReport {
  success: boolean;
  testResults: {
    name: string;
    status: "passed" | "failed";
    assertionResults: {
      status: "passed" | "failed" | "pending" | "skipped" | "todo";
      title: string;
      fullName: string;
    }[];
  }[];
}

/** The JSON report that vitest wrote. */
export function readReport(path: string): TestReport {
  return JSON.parse(readFileSync(path, "utf8"));
}

export interface Counts {
  passed: number;
  failed: number;
  notRun: number;
}

/** Counts tests; a file that failed before its first test counts as one failed test. */
export function countTests(report: TestReport): Counts {
  const counts: Counts = { passed: 0, failed: 0, notRun: 0 };
  for (const file of report.testResults) {
    const failedBefore = counts.failed;
    for (const { status } of file.assertionResults) {
      if (status === "passed") counts.passed += 1;
      else if (status === "failed") counts.failed += 1;
      else counts.notRun += 1;
    }
    if (file.status === "failed" && counts.failed === failedBefore) counts.failed += 1;
  }
  return counts;
}
