import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { unreached } from "../scripts/canary-routes.ts";
import { LeakSearch } from "../scripts/canary-search.ts";
import { programArguments } from "./support/compiled.ts";
import { projectRoot } from "./support/project-files.ts";

async function canary(...args: string[]): Promise<{ exitCode: number; output: string }> {
  const child = spawn(process.execPath, [...programArguments("scripts/canary.ts"), ...args], {
    cwd: projectRoot,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  const [exitCode] = await once(child, "exit");
  return { exitCode, output };
}

describe("the canary", () => {
  const secret = "Канареева-абвг";
  const search = new LeakSearch([secret, "96100000012"]);
  const found = (text: string | Uint8Array) =>
    search.search("here", Buffer.from(text)).map(({ form }) => form);

  it.each([
    ["plain", secret],
    ["plain", secret.toLowerCase()],
    ["plain", "х96100000012х"],
    ["hex", Buffer.from(secret).toString("hex")],
    ["url", encodeURIComponent(secret)],
    ["url", encodeURIComponent(secret).toLowerCase()],
    ["json", "\\u041a\\u0430\\u043d\\u0430\\u0440\\u0435\\u0435\\u0432\\u0430-\\u0430\\u0431\\u0432\\u0433"],
    ["base64", Buffer.from(`{"name":"${secret}"}`).toString("base64")],
    ["base64", Buffer.from(`a${secret}!`).toString("base64url")],
    ["base64", Buffer.from(`aa${secret}`).toString("base64")],
  ])("knows a secret spelled as %s", (form, text) => {
    expect(found(`before ${text} after`)).toEqual([form]);
  });

  it("finds nothing where nothing is", () => {
    expect(found("Канарейкина, 96100000021, no one else")).toEqual([]);
  });

  it("names a route that no request reached", () => {
    const routes = [
      { method: "GET", url: "/fhir/:type/:id" },
      { method: "PUT", url: "/fhir/:type/:id" },
      { method: "HEAD", url: "/fhir/:type/:id" },
    ];
    const line = `cabinet_http_server_request_duration_seconds_count{http_request_method="GET",http_route="/fhir/:type/:id",slo="read"} 3`;
    expect(unreached(routes, line)).toEqual(["PUT /fhir/:type/:id"]);
  });

  it("finds no leak in a run through the doors, and the planted ones", async () => {
    const clean = await canary("--people", "3");
    expect(clean).toEqual({ exitCode: 0, output: expect.stringMatching(/leaks: 0\n$/) });
    const planted = await canary("--people", "2", "--plant");
    expect(planted.exitCode).toBe(1);
    expect(planted.output).toMatch(/gateway\.log \(base64\): 1\n/);
    expect(planted.output).toMatch(/planted \(hex\): 1\n/);
    expect(planted.output).toMatch(/leak in spans \(url\): 1\n/);
    expect(planted.output).toMatch(/leak in dump of PostgreSQL \(plain\): [1-9]\d*\n/);
    expect(planted.output).toMatch(/leaks: [4-9]\d*\n$/);
  }, 400_000);
});
