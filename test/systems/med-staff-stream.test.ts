import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { programArguments } from "../support/compiled.ts";
import { projectRoot } from "../support/project-files.ts";

const text = readFileSync(
  new URL("../../mappings/frmr/person/fixtures/retrained/input.xml", import.meta.url),
  "utf8",
);
const first = text.indexOf("<Employee>");
const last = text.lastIndexOf("</Employee>") + "</Employee>".length;
const record = text.slice(first, last);
const block = `${record}\n`.repeat(20);
const blocks = 300;

const residentMb = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024;

it("npm run medstaff holds a file of 28 MB in less than 100 MB above rest, and goes on after a bad record", async () => {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(process.execPath, programArguments("scripts/medstaff.ts"), {
    cwd: projectRoot,
    env: { PATH, HOME },
  });
  const heard = { lines: 0, errors: "" };
  let rest = 0;
  let most = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    const now = residentMb(child.pid ?? 0);
    rest ||= now;
    most = Math.max(most, now);
    heard.lines += chunk.toString("latin1").split("\n").length - 1;
  });
  child.stderr.on("data", (chunk: Buffer) => {
    heard.errors += chunk.toString();
  });
  const exited = once(child, "exit");
  const send = async (piece: string) => {
    if (!child.stdin.write(piece)) await once(child.stdin, "drain");
  };
  await send(text.slice(0, first));
  for (let n = 0; n < blocks; n += 1) {
    if (n === blocks / 2) await send(record.replace(/(?<=<Sex>)[^<]*/, "Other"));
    await send(block);
  }
  child.stdin.end(text.slice(last));
  expect(await exited).toEqual([1, null]);
  const [problem = "", counts = ""] = heard.errors.trim().split("\n");
  expect(JSON.parse(problem)).toMatchObject({ record: (blocks / 2) * 20 + 1, code: "unmapped-code" });
  expect(JSON.parse(counts)).toEqual({ converted: blocks * 20, failed: 1 });
  expect(heard.lines).toBe(blocks * 20);
  expect(most - rest).toBeLessThan(100);
});
