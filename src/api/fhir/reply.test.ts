import type { Basic } from "@medplum/fhirtypes";
import fastify from "fastify";
import { expect, it } from "vitest";
import { isGatewayError } from "../../core/errors.ts";
import { formatOf } from "../../plugins/fhir-format.ts";
import { sendResource } from "./reply.ts";

const app = fastify();
app.setErrorHandler((error, _request, reply) =>
  reply.code(isGatewayError(error) ? error.row.status : 500).send(""),
);
app.get("/", async (request) => formatOf(request));
let serialized = 0;
app.get("/resource", (request, reply) => {
  const resource = { resourceType: "Basic", meta: { versionId: "2" }, code: {}, toJSON: () => ++serialized };
  return sendResource(request, reply, resource as Basic);
});

const ask = async (query: string, accept?: string) => {
  const answer = await app.inject({ url: `/?${query}`, headers: accept === undefined ? {} : { accept } });
  return answer.statusCode === 200 ? answer.body : answer.statusCode;
};

it.each([
  ["", undefined, "json"],
  ["", "*/*", "json"],
  ["", "application/fhir+xml, */*;q=0.1", "xml"],
  ["", "*/*, application/fhir+xml;q=0.5", "xml"],
  ["", "application/fhir+json;q=0.2, application/fhir+xml;q=0.9", "xml"],
  ["", "application/fhir+json; fhirVersion=4.0, application/xml", "json"],
  ["", "application/fhir+json;q=0", 406],
  ["", "text/csv", 406],
  ["_format=xml", "application/fhir+json", "xml"],
  ["_format=application/fhir%2Bxml", undefined, "xml"],
  ["_format=application/fhir+xml", undefined, "xml"],
  ["_format=xml&_format=json", undefined, 406],
  ["_format=__proto__", undefined, 406],
  ["_format=constructor", undefined, 406],
  ["", "constructor", 406],
])("'%s' with Accept %s is answered %s", async (query, accept, expected) => {
  expect(await ask(query, accept)).toBe(expected);
});

it("what the caller has is not made again to say so", async () => {
  const status = async (seen: string) => {
    const answer = await app.inject({ url: "/resource", headers: { "if-none-match": seen } });
    return [answer.statusCode, answer.headers.etag, answer.body];
  };
  expect(await status('W/"2"')).toEqual([304, 'W/"2"', ""]);
  expect(serialized).toBe(0);
  expect(await status('W/"1"')).toEqual([200, 'W/"2"', "1"]);
});
