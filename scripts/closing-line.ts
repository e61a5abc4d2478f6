import { countTests, readReport } from "./test-report.ts";

const report = readReport(process.argv[2] ?? "build/test-report.json");
const { passed, failed, notRun } = countTests(report);
if (notRun > 0) console.log(`${notRun} not run: GATEWAY_TEST_DATA names no folder of test data`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = report.success && failed === 0 && passed > 0 ? 0 : 1;
