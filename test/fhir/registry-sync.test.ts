import type { Organization } from "@medplum/fhirtypes";
import { expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { masterKeyProvider } from "../../src/crypto/key-providers.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { Repository } from "../../src/fhir/repository.ts";
import { indexedParametersOf } from "../../src/fhir/search/parameters.ts";
import { SearchIndex } from "../../src/fhir/search/search-index.ts";
import { RegistryCopy } from "../../src/flows/registry-copy.ts";
import { type ListedRegistry, type RegistryRecord, syncRegistries } from "../../src/flows/registry-sync.ts";
import { DataKeys } from "../../src/store/data-keys.ts";
import { ResourceStore } from "../../src/store/resources.ts";
import { redactFields } from "../../src/telemetry/redaction.ts";
import { onBothEngines } from "../store/engines.ts";
import { testContext } from "../support/upstream.ts";

const keyring = createKeyring(new Uint8Array(32).fill(7));
const day = 86_400_000;
const signal = new AbortController().signal;

const organization = (id: string, name: string): Organization & { id: string } => ({
  resourceType: "Organization",
  id,
  name,
});

onBothEngines((store) => {
  const clock = new ManualClock(Date.UTC(2026, 10, 1, 12));
  const copiedAt = new Map<string, number>();
  const onCopied = (registry: string, at: number) => void copiedAt.set(registry, at);
  const told: [object, string][] = [];
  const say = (fields: object, message: string) => void told.push([redactFields(fields), message]);
  const log = { debug: say, info: say, warn: say, error: say };
  const opened = () => {
    const { db } = store();
    const resources = new ResourceStore({
      dataKeys: new DataKeys({ keys: masterKeyProvider(keyring), clock }),
      clock,
    });
    const index = new SearchIndex({ keyring, clock, baseUrl: "https://g.example/fhir" });
    const repository = new Repository({
      db,
      searches: db,
      store: resources,
      index,
      validate: async () => [],
      onChange: [],
    });
    return new RegistryCopy({ db, repository, log });
  };

  /** A registry whose list is what `rows` holds now, and the days that it was asked for. */
  function listed(name: string, rows: readonly RegistryRecord[]) {
    const asked: (string | undefined)[] = [];
    const registry: ListedRegistry = {
      name,
      async *records(since) {
        asked.push(since);
        yield* rows;
      },
    };
    return { asked, registry };
  }
  const run = (copy: RegistryCopy, ...registries: ListedRegistry[]) =>
    syncRegistries({ copy, registries, clock, log, newContext: () => testContext(clock), onCopied }, signal);

  async function namesIn(copy: RegistryCopy, registry: string) {
    const parameter = indexedParametersOf("Organization").find(({ name }) => name === "name")!;
    const request = {
      type: "Organization",
      criteria: [{ parameter, values: ["Городская"] }],
      ...{ has: [], include: [], revinclude: [], sort: [], count: 50, ignored: [], applied: [] },
    };
    const found = await copy.searchOf(registry).candidates(request, { limit: 50 }, testContext(clock));
    const [source] = found.sources;
    return {
      asOf: source?.asOf,
      names: found.found.map(({ resource }) => (resource as Organization).name).sort(),
    };
  }

  it("changes are asked for by day, all records each week, and what the registry dropped is forgotten", async () => {
    const copy = opened();
    const [one, unit] = [organization("1", "Городская № 1"), organization("1u", "Городская, отделение")];
    const two = organization("2", "Городская № 2");
    const rows: RegistryRecord[] = [
      { owner: "1", resources: [one, unit] },
      { owner: "2", resources: [two] },
    ];
    const { asked, registry } = listed("frmo", rows);
    await run(copy, registry);
    const first = clock.now();
    expect(await namesIn(copy, "frmo")).toEqual({
      asOf: first,
      names: ["Городская № 1", "Городская № 2", "Городская, отделение"],
    });

    // the second is not among the changes, and the first lost its unit
    await clock.advance(day);
    rows.splice(0, 2, { owner: "1", resources: [{ ...one, name: "Городская № 1 новая" }] });
    await run(copy, registry);
    expect(await namesIn(copy, "frmo")).toEqual({
      asOf: first + day,
      names: ["Городская № 1 новая", "Городская № 2"],
    });

    // a week later all are read, and the second is nowhere
    await clock.advance(6 * day);
    await run(copy, registry);
    expect(await namesIn(copy, "frmo")).toMatchObject({ names: ["Городская № 1 новая"] });
    expect(asked).toEqual([undefined, "2026-10-31", undefined]);
  });

  it("a registry that fails keeps its copy and its age, and keeps none of the others", async () => {
    const copy = opened();
    const { registry } = listed("well", [{ owner: "w", resources: [organization("w", "Городская")] }]);
    const ill: ListedRegistry = {
      name: "ill",
      // biome-ignore lint/correctness/useYield: it fails before the first record
      async *records() {
        throw new GatewayError("upstream-unavailable", { system: "ill" });
      },
    };
    await run(copy, ill, registry);
    expect(await copy.ageOf("ill")).toBeUndefined();
    expect(await copy.ageOf("well")).toBeDefined();
    expect([...copiedAt.keys()]).toContain("well");
    expect([...copiedAt.keys()]).not.toContain("ill");
    expect(told).toContainEqual([
      { system: "ill", reason: "upstream-unavailable" },
      "the copy of a registry was not brought up to date",
    ]);
    await expect(namesIn(copy, "ill")).rejects.toMatchObject({ code: "upstream-unavailable" });
  });
});
