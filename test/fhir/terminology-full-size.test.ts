import { join } from "node:path";
import Fastify, { type FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Cache } from "../../src/cache/cache.ts";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { readGuide } from "../../src/fhir/guide.ts";
import { expand } from "../../src/fhir/terminology/expansion.ts";
import { searchTerminology } from "../../src/fhir/terminology/search-terminology.ts";
import { Terminology } from "../../src/fhir/terminology/terminology.ts";
import { readRules } from "../../src/fhir/validation/rules.ts";
import { DictionarySync } from "../../src/flows/dictionary-sync.ts";
import { type OpenDatabase, openDatabase } from "../../src/store/database.ts";
import { Dictionaries } from "../../src/store/dictionaries.ts";
import { createNsiClient } from "../../src/systems/nsi/client.ts";
import { nsiSandbox } from "../../src/systems/nsi/sandbox.ts";
import { Upstream } from "../../src/upstream/call.ts";
import { freshDatabase } from "../support/database.ts";
import { describeWithData } from "../support/test-data.ts";
import { testContext } from "../support/upstream.ts";

const national = "1.2.643.5.1.13.13";
const icd = `urn:oid:${national}.11.1005`;
const kept = [1002, 1005, 1066, 1070, 1520, 1522].map((n) => `${national}.11.${n}`);

describeWithData("dictionaries of НСИ at full size", (data) => {
  let sandbox: FastifyInstance;
  let store: OpenDatabase;
  let terminology: Terminology;
  let dictionaries: Dictionaries;
  beforeAll(async () => {
    sandbox = Fastify();
    await nsiSandbox(join(data, "nsi")).register(sandbox, {} as never);
    const baseUrl = await sandbox.listen({ port: 0, host: "127.0.0.1" });
    store = await openDatabase({ url: await freshDatabase(), dataDir: "memory://" });
    dictionaries = new Dictionaries(store.db);
    const source = createNsiClient({
      upstream: new Upstream({
        clock: systemClock,
        cache: new Cache({ clock: systemClock, maxBytes: 1_000 }),
        systems: { nsi: { sandbox: true } },
      }),
      baseUrl,
      userKey: "KEY",
      timeoutMs: 30_000,
      cacheSeconds: 0,
    });
    const sync = new DictionarySync({
      source,
      dictionaries,
      clock: systemClock,
      log: silentLogger,
      oids: kept,
      onRun: () => {},
      usesOf: async () => ({}),
      newContext: () => ({ ...testContext(systemClock), deadline: systemClock.now() + 120_000 }),
    });
    await sync.all(new AbortController().signal);
    const guide = readGuide(new URL("../../fhir/", import.meta.url));
    terminology = new Terminology({ dictionaries, rules: readRules(), guide });
  }, 180_000);
  afterAll(async () => {
    await sandbox?.close();
    await store?.close();
  });

  it("the job keeps them all, with their trees", async () => {
    const rows = await dictionaries.list();
    expect(rows.map(({ url }) => url)).toEqual(kept.map((oid) => `urn:oid:${oid}`).sort());
    expect(rows.find(({ url }) => url === icd)).toMatchObject({ version: "2.24", hierarchical: true });
    expect(rows.find(({ url }) => url === icd)?.concepts).toBeGreaterThan(14_000);
  });

  it("a whole ICD-10 is too costly, its pages are not, and a filter finds", async () => {
    const all = await terminology.valueSet(`${icd}?fhir_vs`);
    await expect(expand(all, { excludeNested: false }, 0)).rejects.toMatchObject({ code: "too-costly" });
    const page = await expand(all, { excludeNested: false, offset: 10_000, count: 1_000 }, 0);
    expect(page.expansion?.contains).toHaveLength(1_000);
    const found = await expand(
      all,
      { filter: "инфаркт МИОКАРДА острый", excludeNested: true, activeOn: "2026-11-22" },
      0,
    );
    expect(found.expansion?.contains?.map(({ code }) => code)).toContain("I21");
  });

  it(":below and :in know what stands under a block of ICD-10", async () => {
    const port = searchTerminology(terminology);
    const below = await port.subtree(icd, "I10-I15");
    expect(below).toEqual(expect.arrayContaining(["I10", "I11", "I11.0", "I15.9"]));
    expect(await port.ancestors(icd, "I11.0")).toEqual(expect.arrayContaining(["I11", "I10-I15"]));
    expect(await port.subtree(icd, "none")).toBeUndefined();
    const codes = await port.codesOf(`${icd}?fhir_vs=isa/I10-I15`);
    expect(codes?.map(({ code }) => code).sort()).toEqual([...(below ?? [])].sort());
    expect(await port.codesOf("urn:none")).toBeUndefined();
  });
});
