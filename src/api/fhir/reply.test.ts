import fastify from "fastify";
import { expect, it } from "vitest";
import { isGatewayError } from "../../core/errors.ts";
import { formatOf } from "./reply.ts";

const app = fastify();
app.setErrorHandler((error, _request, reply) =>
  reply.code(isGatewayError(error) ? error.row.status : 500).send(""),
);
app.get("/", async (request) => formatOf(request));

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
