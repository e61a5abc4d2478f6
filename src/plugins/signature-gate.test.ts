import Fastify from "fastify";
import { expect, it } from "vitest";
import type { DeclaredLevel } from "../access/operation-levels.ts";
import { ManualClock } from "../core/clock.ts";
import type { SignatureLevel } from "../core/context.ts";
import { silentLogger } from "../core/logger.ts";
import { registerContext } from "./context.ts";
import { registerErrors } from "./errors.ts";
import { registerSignatureGate } from "./signature-gate.ts";

const changes = ["POST", "PUT", "PATCH", "DELETE"] as const;

/** The one status of a change by every method. */
async function statusOf(declared: DeclaredLevel | undefined, signature?: SignatureLevel): Promise<number> {
  const app = Fastify();
  registerContext(app, { clock: new ManualClock(), log: silentLogger, timeoutMs: 1_000 });
  registerErrors(app, { publicUrl: "http://here.example" });
  app.addHook("onRequest", async ({ ctx }) => {
    ctx.actor = { kind: "practitioner", id: "p", tenant: "t", scopes: [], signature };
  });
  registerSignatureGate(app, () => declared);
  app.route({ method: [...changes], url: "/act", handler: async () => ({}) });
  const answers = await Promise.all(changes.map((method) => app.inject({ method, url: "/act" })));
  const statuses = new Set(answers.map(({ statusCode }) => statusCode));
  expect(statuses.size).toBe(1);
  return answers[0]?.statusCode ?? 0;
}

it("E-05 a change is let through with the declared level or a higher one only", async () => {
  expect(await statusOf("enhanced", "simple")).toBe(403);
  expect(await statusOf("enhanced", "enhanced")).toBe(200);
  expect(await statusOf("enhanced", "qualified")).toBe(200);
  expect(await statusOf("simple")).toBe(200);
  expect(await statusOf("qualified")).toBe(403);
});

it("E-05 a change whose route declares nothing answers nobody", async () => {
  expect(await statusOf(undefined, "qualified")).toBe(500);
});
