import { readdirSync, readFileSync } from "node:fs";
import nock from "nock";
import { describe, expect, it } from "vitest";
import { answerByNock } from "../../../test/support/nock.ts";
import { testContext } from "../../../test/support/upstream.ts";
import { Cache } from "../../cache/cache.ts";
import { systemClock } from "../../core/clock.ts";
import { loadMapping } from "../../fml/loader.ts";
import { Upstream } from "../../upstream/call.ts";
import { createFrmoClient } from "./client.ts";

const folder = new URL("../../../mappings/frmo/organization/", import.meta.url);
const cases = readdirSync(new URL("fixtures/", folder));
const json = (path: string) => JSON.parse(readFileSync(new URL(path, folder), "utf8"));
const oid = "1.2.643.5.1.13.13.12.2.77.90001";

async function client() {
  return createFrmoClient({
    upstream: new Upstream({
      clock: systemClock,
      cache: new Cache({ clock: systemClock, maxBytes: 1_000 }),
      systems: { frmo: { sandbox: false } },
    }),
    baseUrl: "https://frmo.test",
    timeoutMs: 1_000,
    cacheSeconds: 0,
    toFhir: await loadMapping(new URL("to-fhir.fml", folder)),
  });
}

const answers = (status: number, body: string | object) =>
  nock("https://frmo.test").get("/rest/mo").query({ oid }).reply(status, body, {
    "content-type": "application/json",
  });

answerByNock();

describe("ФРМО", () => {
  it.each(cases)("the card '%s' maps to the expected organisations", async (name) => {
    const mapping = await loadMapping(new URL("to-fhir.fml", folder));
    expect(mapping.convert(json(`fixtures/${name}/input.json`))).toEqual(
      json(`fixtures/${name}/expected.json`),
    );
  });

  it("asks for one OID and gives its card with units", async () => {
    answers(200, json("fixtures/open/input.json"));
    const { value } = await (await client()).organizationByOid(oid, testContext(systemClock));
    expect(value.entry?.map(({ resource }) => resource?.resourceType)).toEqual(Array(5).fill("Organization"));
  });

  it("an answer kept by another release's map is not given by this one", async () => {
    const toFhir = await loadMapping(new URL("to-fhir.fml", folder));
    const clock = systemClock;
    const upstream = new Upstream({
      clock,
      cache: new Cache({ clock, maxBytes: 1_000_000 }),
      systems: { frmo: { sandbox: false } },
    });
    const statusOf = async (digest: string) => {
      const more = { timeoutMs: 1_000, cacheSeconds: 60, toFhir: { ...toFhir, digest } };
      const frmo = createFrmoClient({ upstream, baseUrl: "https://frmo.test", ...more });
      return (await frmo.organizationByOid(oid, testContext(clock))).source.status;
    };
    answers(200, json("fixtures/open/input.json"));
    answers(200, json("fixtures/open/input.json"));
    const statuses = [];
    for (const digest of [toFhir.digest, toFhir.digest, "next"]) statuses.push(await statusOf(digest));
    expect(statuses).toEqual(["fresh", "cached", "fresh"]);
  });

  it.each([
    ["no such organisation", 404, {}, "organization-not-found"],
    ["a refusal", 403, {}, "upstream-rejected"],
    ["something that is not JSON", 200, "{oops", "upstream-malformed"],
    ["another shape", 200, { unexpected: true }, "upstream-wrong-shape"],
    ["another organisation", 200, { oid: "1.2.643.9", nameFull: "Чужая" }, "upstream-wrong-shape"],
  ])("tells %s by its code", async (_name, status, body, code) => {
    answers(status, body);
    await expect((await client()).organizationByOid(oid, testContext(systemClock))).rejects.toMatchObject({
      code,
    });
  });
});
