import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // a worker often waits for a process of its test; by default a machine of two cores gets one
    maxWorkers: 2,
    projects: [
      // a worker runs many files with one import of what they share: no file leaves global state behind
      { test: { name: "unit", include: ["src/**/*.test.ts"], testTimeout: 20_000, isolate: false } },
      {
        test: {
          name: "integration",
          include: ["test/**/*.test.ts"],
          globalSetup: ["test/support/servers.ts"],
          isolate: false,
          // longer than processes may take to start on a busy machine
          testTimeout: 180_000,
          hookTimeout: 180_000,
          expect: { poll: { timeout: 20_000 } },
        },
      },
    ],
  },
});
