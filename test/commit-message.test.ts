import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { projectRoot } from "./support/project-files.ts";

function accepts(message: string): boolean {
  const file = join(mkdtempSync(join(tmpdir(), "gateway-message-")), "message");
  writeFileSync(file, message);
  return spawnSync("bash", [join(projectRoot, "scripts/commit-msg.sh"), file]).status === 0;
}

it.each([
  ["registry: refuse a card without a number\n\nwhy", true],
  ["systems/frmr: answer within the deadline", true],
  ["Refuse a card without a number", false],
  ["registry: refuse a card without a number.", false],
  ["registry: ", false],
  [`registry: ${"x".repeat(63)}`, false],
])("a commit message %j is accepted: %s", (message, accepted) => {
  expect(accepts(message)).toBe(accepted);
});
