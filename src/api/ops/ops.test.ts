import { readFileSync } from "node:fs";
import fastify, { type FastifyInstance } from "fastify";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../../core/clock.ts";
import { errorTable } from "../../core/error-table.ts";
import { registerDocs } from "./docs.ts";
import { type HealthSettings, registerHealth } from "./health.ts";
import { html } from "./page.ts";
import { registerStartPage } from "./start-page.ts";

const openapi = readFileSync(new URL("../../../openapi/cabinet.yaml", import.meta.url), "utf8");
const capability = {
  resourceType: "CapabilityStatement" as const,
  status: "active" as const,
  kind: "instance" as const,
  date: "2026-11-21",
  fhirVersion: "4.0.1" as const,
  format: ["json"],
  implementation: { description: "a <test>" },
  rest: [
    {
      mode: "server" as const,
      resource: [
        {
          type: "Practitioner" as const,
          interaction: [{ code: "read" as const }],
          searchParam: [{ name: "identifier", type: "token" as const }],
          searchRevInclude: ["PractitionerRole:practitioner"],
        },
      ],
    },
  ],
};
const sandbox = {
  url: "http://localhost:8090/",
  personas: [{ id: "doctor", note: "врач-терапевт" }],
  scenarios: { slow: "the true answer after 3 seconds" },
};

function withPages(): FastifyInstance {
  const app = fastify();
  registerDocs(app, { openapi, capability });
  registerStartPage(app, { publicUrl: "http://127.0.0.1:8080", version: "0.1.0", sandbox });
  return app;
}

const linksOf = (body: string): string[] =>
  [...body.matchAll(/href="([^"]+)"/g)].map(([, href]) => href ?? "");

describe("pages for a person", () => {
  it("every link between our pages leads somewhere", async () => {
    const app = withPages();
    const served = new Set([
      "/fhir/metadata",
      "/fhir/.well-known/smart-configuration",
      "/health/ready",
      "/health/live",
    ]);
    for (const page of ["/", "/docs", "/docs/errors"]) {
      const { body } = await app.inject(page);
      for (const href of linksOf(body)) {
        if (href.startsWith("#")) expect(body).toContain(`id="${href.slice(1)}"`);
        else if (href.startsWith("/") && !served.has(href))
          expect((await app.inject(href)).statusCode, href).toBe(200);
      }
    }
  });

  it("pages run no script, load only our style sheet and are marked up for assistive tools", async () => {
    const app = withPages();
    for (const page of ["/", "/docs", "/docs/errors"]) {
      const { body, headers } = await app.inject(page);
      expect(headers["content-security-policy"]).toContain("default-src 'none'; style-src 'self'");
      expect(body).not.toMatch(/<script|style="|https?:\/\/(?!127\.0\.0\.1|localhost)[^<"]+\.(css|js)/);
      expect(body).toContain('<html lang="ru">');
      expect(body.match(/<h1>/g)).toHaveLength(1);
      expect(body).toContain('<main id="main">');
    }
  });

  it("the start page tells of the sandbox, its people and scenarios only when there is one", async () => {
    const { body } = await withPages().inject("/");
    expect(body).toContain("врач-терапевт");
    expect(body).toContain("<code>slow</code>");
    const app = fastify();
    registerStartPage(app, { publicUrl: "https://gw.example", version: "0.1.0" });
    const live = (await app.inject("/")).body;
    expect(live).not.toMatch(/[Пп]есочниц|Войти/);
  });

  it("the documentation shows every operation and schema of the contract and every FHIR type", async () => {
    const { body } = await withPages().inject("/docs");
    expect(body).toContain("GET /cabinet/v1/practitioners/{id}/registry-card");
    for (const schema of openapi.matchAll(/^ {4}([A-Z]\w+):\n {6}type: object/gm))
      expect(body).toContain(`id="schema-${schema[1]}"`);
    expect(body).toContain('id="fhir-Practitioner"');
    expect(body).toContain("a &lt;test&gt;");
  });

  it("L-52 the catalogue of errors has each code with its text and remedy", async () => {
    const { body } = await withPages().inject("/docs/errors");
    for (const [code, { text, remedy }] of Object.entries(errorTable)) {
      expect(body).toContain(`id="${code}"`);
      expect(body).toContain(html`${text}`.text);
      expect(body).toContain(html`${remedy}`.text);
    }
  });

  it("the contract itself is served as it is", async () => {
    const answer = await withPages().inject("/openapi/cabinet.yaml");
    expect(answer.body).toBe(openapi);
    expect(answer.headers["content-type"]).toContain("application/yaml");
  });
});

describe("health", () => {
  const clock = new ManualClock();
  const settings: HealthSettings = {
    clock,
    version: "0.1.0",
    ping: async () => {},
    draining: () => false,
    cache: () => "down",
    upstreams: () => [{ system: "frmr", state: "unavailable", sandbox: true }],
  };
  const ready = async (more: Partial<HealthSettings> = {}) => {
    const app = fastify();
    registerHealth(app, { ...settings, ...more });
    return app.inject("/health/ready");
  };

  it("I-10 each system's state is shown without secrets, and a dead one leaves us ready", async () => {
    const answer = await ready();
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      status: "ready",
      version: "0.1.0",
      store: "up",
      cache: "down",
      upstreams: [{ system: "frmr", state: "unavailable", sandbox: true }],
    });
  });

  it("a store that fails or hangs makes us not ready, within two seconds", async () => {
    const failed = await ready({
      ping: async () => {
        throw new Error("connection refused to 10.0.0.1");
      },
    });
    expect(failed.statusCode).toBe(503);
    expect(failed.body).not.toContain("10.0.0.1");
    const hung = ready({ ping: () => new Promise(() => {}) });
    await expect.poll(() => clock.sleeping).toBe(1);
    await clock.advance(2_000);
    expect((await hung).json()).toMatchObject({ status: "store-unavailable", store: "down" });
  });

  it("a leaving replica is not ready but alive", async () => {
    expect((await ready({ draining: () => true })).statusCode).toBe(503);
    const app = fastify();
    registerHealth(app, { ...settings, draining: () => true });
    expect((await app.inject("/health/live")).statusCode).toBe(200);
  });
});
