import nock from "nock";
import { describe, expect, it } from "vitest";
import { answerByNock } from "../../../test/support/nock.ts";
import { testContext } from "../../../test/support/upstream.ts";
import { Cache } from "../../cache/cache.ts";
import { systemClock } from "../../core/clock.ts";
import { Upstream } from "../../upstream/call.ts";
import { createNsiClient } from "./client.ts";

const oid = "1.2.643.5.1.13.13.11.1005";
const passport = {
  result: "OK",
  oid,
  version: "2.24",
  fullName: "МКБ-10",
  keys: [{ field: "ID", type: "PRIMARY" }],
  codes: [
    { value: oid, type: "TYPE_PRIMARY" },
    { value: "1.2.643.5.1.13.2.1.1.718", type: "TYPE_OTHER" },
  ],
};
const row = (id: string, code: string, name: string) => [
  { column: "MKB_NAME", value: name },
  { column: "ID", value: id },
  { column: "MKB_CODE", value: code },
];

const client = () =>
  createNsiClient({
    upstream: new Upstream({
      clock: systemClock,
      cache: new Cache({ clock: systemClock, maxBytes: 1_000 }),
      systems: { nsi: { sandbox: false } },
    }),
    baseUrl: "https://nsi.test",
    userKey: "KEY",
    timeoutMs: 1_000,
    cacheSeconds: 0,
  });
const on = (method: string, match: (query: Record<string, unknown>) => boolean, body: string | object) =>
  nock("https://nsi.test")
    .get(`/port/rest/${method}`)
    .query((query) => query.userKey === "KEY" && match(query))
    .reply(200, body, { "content-type": "application/json" });

answerByNock();

describe("ФР НСИ", () => {
  it("a dictionary of several pages is one CodeSystem, its code from the curated column", async () => {
    on("passport", ({ identifier }) => identifier === oid, passport);
    const page = (wanted: string) => (query: Record<string, unknown>) =>
      query.page === wanted && query.version === "2.24";
    on("data", page("1"), { result: "OK", total: 2, list: [row("1", "I10", "Гипертензия")] });
    on("data", page("2"), { result: "OK", total: 2, list: [row("2", "I11", "Болезнь сердца")] });
    const { value } = await client().codeSystem(oid, undefined, testContext(systemClock));
    expect(value).toMatchObject({
      url: `urn:oid:${oid}`,
      version: "2.24",
      identifier: [{ value: "urn:oid:1.2.643.5.1.13.2.1.1.718" }],
      concept: [
        { code: "I10", display: "Гипертензия" },
        { code: "I11", display: "Болезнь сердца" },
      ],
    });
  });

  it("parents, days and withdrawal are properties; a circle of parents and a second row of a code are left out", async () => {
    const rows: Record<string, string | null>[] = [
      { ID: "1", MKB_CODE: "A", ID_PARENT: "3", ACTUAL: "1" },
      { ID: "2", MKB_CODE: "B", ID_PARENT: "1", ACTUAL: "0", DATA_END: "31.12.2025" },
      { ID: "3", MKB_CODE: "C", ID_PARENT: "2", START_DATE: "2024-01-01" },
      { ID: "4", MKB_CODE: "B", ID_PARENT: null, ACTUAL: "1" },
    ];
    const keys = [...passport.keys, { field: "ID_PARENT", type: "FOREIGN" }];
    on("passport", () => true, { ...passport, keys, hierarchical: true });
    const list = rows.map((row) => Object.entries(row).map(([column, value]) => ({ column, value })));
    on("data", () => true, { result: "OK", total: 4, list });
    const { value } = await client().codeSystem(oid, undefined, testContext(systemClock));
    expect(value.hierarchyMeaning).toBe("is-a");
    expect(value.concept).toEqual([
      { code: "A", property: [{ code: "parent", valueCode: "C" }] },
      {
        code: "B",
        property: [
          { code: "parent", valueCode: "A" },
          { code: "inactive", valueBoolean: true },
          { code: "retirementDate", valueDateTime: "2025-12-31" },
        ],
      },
      { code: "C", property: [{ code: "effectiveDate", valueDateTime: "2024-01-01" }] },
    ]);
  });

  it("an answer in Python's spelling is read all the same", async () => {
    on(
      "versions",
      () => true,
      "{'result': 'OK', 'total': 1, 'list': [{'version': '9.6', 'publishDate': None}]}",
    );
    const { value } = await client().versions(oid, testContext(systemClock));
    expect(value).toEqual([{ version: "9.6", publishDate: null }]);
  });

  it.each([
    ["an error envelope", { result: "ERROR", resultText: "Справочник не найден" }, "dictionary-not-found"],
    ["another shape", { result: "OK", list: "none" }, "upstream-wrong-shape"],
    ["noise", "{'oops", "upstream-malformed"],
  ])("tells %s by its code", async (_name, body, code) => {
    on("versions", () => true, body);
    await expect(client().versions(oid, testContext(systemClock))).rejects.toMatchObject({ code });
  });
});
