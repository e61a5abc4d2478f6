import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { programArguments } from "./support/compiled.ts";
import { projectRoot, readProjectFile } from "./support/project-files.ts";

const folder = mkdtempSync(join(tmpdir(), "vulnerabilities-"));
let severity = "high";

/** A registry that knows one package with one advisory, of `severity`. */
const registry = createServer((request, response) => {
  response.setHeader("content-type", "application/json");
  if (request.url === "/pdfkit") {
    const versions = { "0.20.2": { name: "pdfkit", version: "0.20.2", dist: {} } };
    return void response.end(JSON.stringify({ name: "pdfkit", "dist-tags": { latest: "0.20.2" }, versions }));
  }
  const advisory = {
    id: severity === "critical" ? 2 : 1,
    url: "https://advisories.example",
    title: "invented",
    vulnerable_versions: "*",
    severity,
  };
  response.end(JSON.stringify({ pdfkit: [advisory] }));
});

beforeAll(async () => {
  registry.listen(0, "127.0.0.1");
  await once(registry, "listening");
});
afterAll(() => {
  registry.closeAllConnections();
  registry.close();
  rmSync(folder, { recursive: true });
});

/** A scanner of images that finds so many. */
function scannerFinding(count: number): void {
  const report = JSON.stringify({
    Results: [{ Vulnerabilities: Array.from({ length: count }, () => ({})) }],
  });
  writeFileSync(join(folder, "trivy"), `#!/bin/sh\necho '${report}'\n`);
  chmodSync(join(folder, "trivy"), 0o755);
}

function scanned(url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`) {
  const script = [...programArguments("scripts/vulnerabilities.ts"), "--image", "cabinet-gateway"];
  const env = {
    ...process.env,
    PATH: `${folder}${delimiter}${process.env["PATH"]}`,
    npm_config_registry: url,
    npm_config_fetch_retries: "0",
    npm_config_cache: join(folder, "cache"),
  };
  return new Promise<{ code: number; lines: string[] }>((resolve) => {
    const child = execFile(process.execPath, script, { cwd: projectRoot, env }, (_error, stdout) =>
      resolve({ code: child.exitCode ?? -1, lines: stdout.trim().split("\n") }),
    );
  });
}

it("Z-11 the scan of dependencies and image fails on a critical finding, and says so when it could not ask", async () => {
  scannerFinding(0);
  severity = "high";
  expect(await scanned()).toEqual({ code: 0, lines: ["dependencies: 0 critical", "image: 0 critical"] });
  severity = "critical";
  expect(await scanned()).toEqual({ code: 1, lines: ["dependencies: 1 critical", "image: 0 critical"] });
  const nobody = "http://127.0.0.1:9";
  const unasked = expect.stringMatching(/^dependencies: NOT CHECKED/);
  expect(await scanned(nobody)).toEqual({ code: 2, lines: [unasked, "image: 0 critical"] });
  scannerFinding(2);
  expect(await scanned(nobody)).toEqual({ code: 1, lines: [unasked, "image: 2 critical"] });
  // part of every run of the gate, where only an honest "not checked" passes
  expect(readProjectFile(".ci/run")).toMatch(/^npm run --silent vulnerabilities .*\|\| \[ \$\? -eq 2 \]$/m);
});
