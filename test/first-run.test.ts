import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Door, sandboxPeople } from "./support/door.ts";
import { startGateway, type TestGateway } from "./support/gateway.ts";
import { projectRoot } from "./support/project-files.ts";

function npmRun(script: string, env?: Record<string, string>, args: string[] = []) {
  const run = spawnSync("npm", ["run", "--silent", script, "--", ...args], {
    cwd: projectRoot,
    encoding: "utf8",
    env,
  });
  return { status: run.status, text: run.stdout + run.stderr };
}

describe("npm start in an empty folder", () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({ LOG_LEVEL: "info" }, ["npm", "start"]);
  });
  afterAll(() => gateway?.remove());

  it("prints its addresses and a curl whose address answers", async () => {
    await expect.poll(() => gateway.server.output).toContain(gateway.url);
    expect(gateway.server.output).toContain(gateway.sandboxUrl);
    const address = /curl .*?(http:\/\/\S+)/.exec(gateway.server.output)?.[1] ?? "";
    expect((await fetch(address)).status).toBe(200);
  });

  it("is enough for the demo", () => {
    const demo = npmRun("demo", gateway.environment);
    expect(demo.text).toContain("the story holds");
    expect(demo.status).toBe(0);
  });

  it("leaves a journal that verifies after it has stopped", async () => {
    await gateway.server.stop();
    const verify = () => npmRun("journal", gateway.environment, ["verify"]).text;
    // npm ends before the gateway has drained
    await expect.poll(verify, { timeout: 40_000, interval: 500 }).toMatch(/^ok: [1-9]\d* sealed rows/m);
  });
});

describe("the built product", () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    const build = npmRun("build");
    expect(build.status, build.text).toBe(0);
    gateway = await startGateway({ NODE_ENV: "production" }, [process.execPath, "dist/main.js"]);
  }, 120_000);
  afterAll(() => gateway?.remove());

  it("starts from dist and answers with mapped data", async () => {
    const door = await Door.open(gateway);
    const people = await sandboxPeople(gateway);
    expect(await door.idOf(people.get("doctor")!)).toMatch(/^[\w-]+$/);
    expect((await fetch(gateway.url)).status).toBe(200);
    expect((await fetch(`${gateway.url}/docs`)).status).toBe(200);
  });
});
