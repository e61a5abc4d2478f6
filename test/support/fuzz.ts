import fc from "fast-check";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { expect } from "vitest";

/** A name that stands among what is sent, and may stand in no refusal. */
export const secret = "Секретов";

export type Ask = (
  method: string,
  url: string,
  body?: string | Buffer,
  headers?: string | Record<string, string>,
) => Promise<LightMyRequestResponse>;

/**
 * Asks `/fhir` without a socket; whatever comes back is FHIR, no fault of ours, and a refusal repeats nothing that was
 * sent. `headers` may be a content type alone.
 */
export const asking =
  (app: FastifyInstance, token: string): Ask =>
  async (method, url, body, headers = "application/fhir+json") => {
    const given = typeof headers === "string" ? { "content-type": headers } : headers;
    const answer = await app.inject({
      method: method as "GET",
      url: `/fhir${url}`,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && given) },
      ...(body !== undefined && { payload: body }),
    });
    const shown = `${method} ${url.slice(0, 200)} ${String(body).slice(0, 200)} -> ${answer.statusCode} ${answer.body.slice(0, 300)}`;
    expect(answer.statusCode, shown).toBeLessThan(500);
    if (answer.statusCode >= 400 && method !== "HEAD") {
      const { resourceType, issue } = JSON.parse(answer.body);
      expect([resourceType, issue.length > 0], shown).toEqual(["OperationOutcome", true]);
      expect(issue[0], shown).toMatchObject({ severity: "error", code: expect.any(String) });
      expect(answer.body, shown).not.toContain(secret);
      expect(answer.body, shown).not.toMatch(/at .*\.[jt]s:\d|node_modules|select |insert into/i);
    }
    return answer;
  };

export const hostile = fc.constantFrom(
  "'; drop table resource; --",
  "1' or '1'='1",
  "\\x00",
  "%00",
  "\u0000",
  "\uffff",
  "../../etc/passwd",
  "{{7*7}}",
  "<script>",
  "constructor",
  "__proto__",
  "$everything",
  "_history",
  "_search",
  "ﾊﾊ",
  "😀",
);
export const mediaTypes = fc.constantFrom(
  "application/fhir+json",
  "application/json",
  "application/fhir+xml",
  "application/json-patch+json",
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data",
  "application/fhir+json; charset=utf-16",
  "nonsense",
);
export const members = fc.constantFrom(
  "identifier",
  "system",
  "method",
  "url",
  "ifMatch",
  "ifNoneMatch",
  "ifNoneExist",
  "parameter",
  "part",
  "valueString",
  "valueCode",
  "resourceType",
  "id",
  "meta",
  "name",
  "subject",
  "entry",
  "request",
  "contained",
  "extension",
  "value",
);
/** JSON of the members that FHIR knows. */
export const wild = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 0, -1, 1e308, "", secret, "Patient", "Bundle", "transaction", [], {}),
    // what no text of FHIR holds, and what a caller may put where more is taken for granted
    fc.constantFrom("a\ud800b", "\ufffe", "a\u0000", "urn:oid:1.2.643.100.3", "PUT", "Location/\u0000", [
      null,
    ]),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(members, tie("value"), { maxKeys: 4 }),
  ),
})).value;

/** The text of a template in which one value, at any depth, has become another. */
export const damaged = (...templates: readonly object[]): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...templates), fc.nat(60), wild).map(([template, place, value]) => {
    let at = 0;
    const text = JSON.stringify(template, (_name, node) => (at++ === place ? value : node));
    return text ?? "null";
  });
