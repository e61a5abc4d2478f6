import type { CodeSystem } from "@medplum/fhirtypes";
import { beforeEach, expect, it, vi } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { DictionarySync } from "../../src/flows/dictionary-sync.ts";
import { dictionaryWatch } from "../../src/jobs/dictionary-watch.ts";
import type { Dictionaries, NewDictionary } from "../../src/store/dictionaries.ts";
import { redactFields } from "../../src/telemetry/redaction.ts";
import { testContext } from "../support/upstream.ts";

const oid = "1.2.643.5.1.13.13.11.1005";
const url = `urn:oid:${oid}`;
const system: CodeSystem = {
  resourceType: "CodeSystem",
  url,
  version: "2.1",
  status: "active",
  content: "complete",
  concept: [{ code: "I10", display: "Гипертензия" }],
};
const signal = new AbortController().signal;
const told: [object, string][] = [];
const runs: [number, string][] = [];
const say = (fields: object, message: string) => void told.push([redactFields(fields), message]);
const log = { debug: say, info: say, warn: say, error: say };
const clock = new ManualClock();

let stored: NewDictionary | undefined;
const dictionaries = {
  find: async () => stored,
  confirm: vi.fn(async () => {}),
  save: vi.fn(async (dictionary: NewDictionary) => {
    const before = stored;
    stored = dictionary;
    return (
      before && {
        from: before.version,
        added: 0,
        renamed: 0,
        ending: [{ code: "I10", display: "", ends: "2026-12-31" }],
      }
    );
  }),
};

const syncOf = (versions: () => Promise<{ value: { version: string }[] }>, oids = [oid]) =>
  new DictionarySync({
    source: {
      versions,
      codeSystem: async (_oid, version) => ({
        value: { ...system, version },
        source: { system: "nsi", state: "ok" } as never,
      }),
    },
    dictionaries: dictionaries as unknown as Dictionaries,
    clock,
    log,
    oids,
    newContext: () => testContext(clock),
    onRun: (at, outcome) => void runs.push([at, outcome]),
    usesOf: async (_system, codes) => ({ Condition: codes.length }),
  });
const newest = (version: string) => async () => ({ value: [{ version }] });

beforeEach(() => {
  stored = undefined;
  told.length = 0;
  runs.length = 0;
  vi.clearAllMocks();
});

it("I-24 the scheduled sync brings the newest version, and its last run is told for the metric", async () => {
  const watch = dictionaryWatch((stop) => syncOf(newest("2.1")).all(stop));
  expect(watch.everyMs).toBeLessThanOrEqual(86_400_000);
  await watch.run(signal);
  expect(stored?.version).toBe("2.1");
  expect(runs).toEqual([[clock.now(), "ok"]]);
  await syncOf(() => Promise.reject(new Error("down"))).all(signal);
  expect(runs.at(-1)).toEqual([clock.now(), "failed"]);
});

it("a new version is kept, and the codes that it ends are told with the resources that hold them", async () => {
  await syncOf(newest("2.1")).all(signal);
  await syncOf(newest("2.2")).all(signal);
  expect(stored?.version).toBe("2.2");
  expect(told.at(-1)).toEqual([
    { system: "nsi", oid, version: "2.2", from: "2.1", ending: ["I10 until 2026-12"], uses: ["Condition 1"] },
    "a new version of a dictionary",
  ]);
});

it("the version that is here already is only confirmed", async () => {
  await syncOf(newest("2.1")).all(signal);
  await syncOf(newest("2.1")).all(signal);
  expect(dictionaries.save).toHaveBeenCalledTimes(1);
  expect(dictionaries.confirm).toHaveBeenCalledTimes(1);
});

it("a dictionary that fails keeps none of the others, and its copy stays", async () => {
  const other = "1.2.643.5.1.13.13.11.1002";
  const versions = vi
    .fn(newest("2.1"))
    .mockRejectedValueOnce(new GatewayError("upstream-unavailable", { system: "nsi" }));
  await syncOf(versions, [other, oid]).all(signal);
  expect(stored?.url).toBe(url);
  expect(told).toContainEqual([
    { system: "nsi", oid: other, reason: "upstream-unavailable" },
    "a dictionary was not brought up to date",
  ]);
});

it("only the dictionaries of the settings are loaded when asked for, each once at a time", async () => {
  const versions = vi.fn(newest("2.1"));
  const sync = syncOf(versions);
  expect(await Promise.all([sync.load(url), sync.load(url), sync.load("urn:oid:1.2.3")])).toEqual([
    true,
    true,
    false,
  ]);
  expect(versions).toHaveBeenCalledTimes(1);
  const unknown = syncOf(() => Promise.reject(new GatewayError("dictionary-not-found", { system: "nsi" })));
  expect(await unknown.load(url)).toBe(false);
});
