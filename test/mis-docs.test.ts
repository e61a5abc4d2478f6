import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Block, blocksOf, copyOfProject, patternOf, runDocument } from "./support/document.ts";
import { freeEnvironment } from "./support/gateway.ts";

let project: string;
beforeAll(() => {
  project = copyOfProject();
});
afterAll(() => rmSync(project, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 }));

describe("docs/mis-integration.md", () => {
  it("goes from a client's registration to a submitted resource and back, each block as shown", {
    timeout: 240_000,
  }, async () => {
    const environment = await freeEnvironment(join(project, ".data"));
    const moved = (text: string) =>
      text
        .replaceAll("127.0.0.1:8080", `127.0.0.1:${environment.PORT}`)
        .replaceAll("localhost:8090", `localhost:${environment.SANDBOX_PORT}`);
    const blocks: Block[] = blocksOf("docs/mis-integration.md").map(({ info, text }) => ({
      info,
      text: moved(text),
    }));
    const printed = await runDocument(blocks, { folder: project, environment });
    const shown = blocks.flatMap(({ info, text }, n) => (info === "prints" ? [{ text, n }] : []));
    expect(shown.length).toBeGreaterThan(10);
    for (const { text, n } of shown)
      expect(`${printed[n - 1]?.trimEnd()}\n`, blocks[n - 1]?.text).toMatch(patternOf(text));
  });
});
