import { countTests, readReport } from "./test-report.ts";

const report = readReport(process.argv[2] ?? "build/test-report.json");
const { passed, failed, notRun } = countTests(report);
const withData = Boolean(process.env.GATEWAY_TEST_DATA);
if (notRun > 0) {
  const why = withData
    ? "skipped, which the gate does not allow"
    : "GATEWAY_TEST_DATA names no folder of test data";
  console.log(`${notRun} not run: ${why}`);
}
console.log(`${passed} passed, ${failed} failed`);
const complete = report.success && failed === 0 && passed > 0 && !(withData && notRun > 0);
process.exitCode = complete ? 0 : 1;
