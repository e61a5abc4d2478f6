import fastify from "fastify";
import { expect, it } from "vitest";
import { createClientRegistry } from "../../access/clients.ts";
import { systemClock } from "../../core/clock.ts";
import { silentLogger } from "../../core/logger.ts";
import { registerContext } from "../../plugins/context.ts";
import { registerErrors } from "../../plugins/errors.ts";
import { repeatKeyOf } from "./repeat-key.ts";
import { takeAnyBody } from "./resource-body.ts";

const client = (clientId: string) => ({ clientId, name: "", tenant: "1.2", scopes: [], jwks: { keys: [] } });
const clients = createClientRegistry([{ ...client("legacy"), repeatsByRequestId: true }, client("mis")]);

const app = fastify();
registerContext(app, { clock: systemClock, log: silentLogger, timeoutMs: 1_000 });
registerErrors(app, { publicUrl: "http://here.example" });
takeAnyBody(app);
app.addHook("onRequest", async ({ ctx, headers }) => {
  ctx.actor = { kind: "client", id: String(headers.who ?? "mis"), tenant: "1.2", scopes: [] };
});
app.post("/fhir*", async (request) => ({ key: repeatKeyOf(request, clients) ?? null }));

async function keyOf(path: string, body: unknown, headers: Record<string, string> = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const sent = { "content-type": "application/fhir+json", ...headers };
  const answer = await app.inject({ method: "POST", url: `/fhir${path}`, headers: sent, body: text });
  return answer.statusCode === 200 ? answer.json().key : answer.statusCode;
}

const bundle = {
  resourceType: "Bundle",
  type: "transaction",
  identifier: { system: "urn:mis", value: "7 7" },
};
const entries = (...methods: string[]) => methods.map((method) => ({ request: { method, url: "Patient" } }));
const batchOf = (...urls: string[]) => ({
  ...bundle,
  type: "batch",
  entry: urls.map((url) => ({ request: { method: "POST", url } })),
});
const bundleKey = 'bundle ["urn:mis","7 7"]';
const xml = `<Bundle xmlns="http://hl7.org/fhir"><identifier><system value="urn:mis"/><value value="7 7"/></identifier><type value="transaction"/></Bundle>`;

it.each<[string, string, unknown, Record<string, string>, unknown]>([
  ["the header", "/Patient", {}, { "idempotency-key": "abc" }, "abc"],
  ["the header before the Bundle", "", bundle, { "idempotency-key": "abc" }, "abc"],
  ["a transaction's identifier", "", bundle, {}, bundleKey],
  ["with a slash at the end", "/", bundle, {}, bundleKey],
  ["in XML", "", xml, { "content-type": "application/fhir+xml" }, bundleKey],
  ["a document's", "/Bundle", { ...bundle, type: "document" }, {}, bundleKey],
  ["a message's", "/$process-message", { ...bundle, type: "message" }, {}, bundleKey],
  ["a batch's", "", { ...bundle, type: "batch", entry: entries("GET", "POST") }, {}, bundleKey],
  ["not of a batch of reads", "", { ...bundle, type: "batch", entry: entries("GET", "GET") }, {}, null],
  ["not of a batch of searches in forms", "", batchOf("Patient/_search", "Patient/$match"), {}, null],
  ["not of what is only validated", "/Bundle/$validate", { ...bundle, type: "document" }, {}, null],
  ["a Bundle without one", "", { ...bundle, identifier: undefined }, {}, null],
  ["a broken Bundle", "", "{", {}, 400],
  ["a malformed header", "/Patient", {}, { "idempotency-key": "a b" }, 400],
  ["a registered client's request id", "/Patient", {}, { who: "legacy", "x-request-id": "r1" }, "request r1"],
  ["not of an operation", "/ConceptMap/$translate", {}, { who: "legacy", "x-request-id": "r1" }, null],
  ["another client's request id", "/Patient", {}, { "x-request-id": "r1" }, null],
  ["a search in a form", "/Patient/_search", {}, { "idempotency-key": "abc" }, null],
  ["an operation of an instance", "/Patient/1/$everything", {}, { "idempotency-key": "abc" }, null],
  ["an operation of a type", "/Patient/$match", {}, { "idempotency-key": "abc" }, null],
])("the key of a change: %s", async (...[, path, body, headers, expected]) => {
  expect(await keyOf(path, body, headers)).toBe(expected);
});
