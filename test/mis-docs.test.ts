import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "./support/child-server.ts";
import { type Block, blocksOf, copyOfProject, patternOf, runDocument } from "./support/document.ts";

let project: string;
beforeAll(() => {
  project = copyOfProject();
});
afterAll(() => rmSync(project, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 }));

describe("docs/mis-integration.md", () => {
  it("goes from a client's registration to a submitted resource and back, each block as shown", {
    timeout: 240_000,
  }, async () => {
    const [port, metricsPort, sandboxPort] = [await freePort(), await freePort(), await freePort()];
    const moved = (text: string) =>
      text
        .replaceAll("127.0.0.1:8080", `127.0.0.1:${port}`)
        .replaceAll("localhost:8090", `localhost:${sandboxPort}`);
    const blocks: Block[] = blocksOf("docs/mis-integration.md").map(({ info, text }) => ({
      info,
      text: moved(text),
    }));
    const { PATH, HOME } = process.env;
    const environment = {
      PATH,
      HOME,
      PORT: String(port),
      METRICS_PORT: String(metricsPort),
      SANDBOX_PORT: String(sandboxPort),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      DATA_DIR: join(project, ".data"),
    };
    const printed = await runDocument(blocks, { folder: project, environment });
    const shown = blocks.flatMap(({ info, text }, n) => (info === "prints" ? [{ text, n }] : []));
    expect(shown.length).toBeGreaterThan(10);
    for (const { text, n } of shown)
      expect(`${printed[n - 1]?.trimEnd()}\n`, blocks[n - 1]?.text).toMatch(patternOf(text));
  });
});
