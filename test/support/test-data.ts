import { describe } from "vitest";

/** The folder of public data that the project doesn't carry, from GATEWAY_TEST_DATA; undefined without it. */
const testDataFolder = process.env.GATEWAY_TEST_DATA || undefined;

/** A suite over that folder; without it the suite's tests are counted as not run. */
export function describeWithData(name: string, suite: (folder: string) => void): void {
  describe.runIf(testDataFolder)(name, () => suite(testDataFolder ?? ""));
}
