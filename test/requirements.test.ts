import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { idsOfTitle, parseRequirements, provedIds } from "../scripts/requirement-rows.ts";
import { countTests, type TestReport } from "../scripts/test-report.ts";

const markdown = readFileSync(new URL("../docs/requirements.md", import.meta.url), "utf8");
const rows = parseRequirements(markdown).flatMap((group) => group.rows);

type Status = TestReport["testResults"][number]["assertionResults"][number]["status"];
const report = (...tests: [title: string, status: Status][]): TestReport => ({
  success: true,
  testResults: [
    {
      name: "a.test.ts",
      status: "passed",
      assertionResults: tests.map(([title, status]) => ({ title, fullName: title, status })),
    },
  ],
});

describe("docs/requirements.md", () => {
  it("holds 649 rows in 20 groups, each id once", () => {
    expect(parseRequirements(markdown)).toHaveLength(20);
    expect(rows).toHaveLength(649);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(649);
  });
});

describe("the count of proved rows", () => {
  it("takes the ids at the start of a title and no others", () => {
    expect(idsOfTitle("V-03 a SNILS is refused, see V-04")).toEqual(["V-03"]);
    expect(idsOfTitle("V-03, V-04 two rows")).toEqual(["V-03", "V-04"]);
    expect(idsOfTitle("a token of RFC-7523")).toEqual([]);
  });

  it("needs a passing test and no failing one", () => {
    const tests = report(
      ["L-01 a", "passed"],
      ["L-02 a", "passed"],
      ["L-02 b", "failed"],
      ["L-03 a", "skipped"],
    );
    expect([...provedIds(rows, [tests]).proved]).toEqual(["L-01"]);
  });

  it("names an id that no row has", () => {
    expect(provedIds(rows, [report(["L-999 a", "passed"])]).unknown).toEqual([
      { id: "L-999", title: "L-999 a" },
    ]);
  });

  it("leaves a row marked as ESIA's own with its link", () => {
    const [group] = parseRequirements(
      "## 1. Login\n| L-10 | Recovery | a link (ESIA: https://esia.example/r) |",
    );
    expect(group?.rows).toEqual([{ id: "L-10", requirement: "Recovery", esia: "https://esia.example/r" }]);
  });
});

describe("the closing line's counts", () => {
  it("count a file that failed before its first test", () => {
    const broken: TestReport = {
      success: false,
      testResults: [{ name: "b.test.ts", status: "failed", assertionResults: [] }],
    };
    expect(countTests(broken)).toEqual({ passed: 0, failed: 1, notRun: 0 });
    expect(countTests(report(["a", "passed"], ["b", "skipped"]))).toEqual({
      passed: 1,
      failed: 0,
      notRun: 1,
    });
  });
});
