import { randomUUID } from "node:crypto";
import { type Config, listOf } from "./config.ts";
import type { Clock } from "./core/clock.ts";
import { type RequestContext, systemContext } from "./core/context.ts";
import type { Logger } from "./core/logger.ts";
import { sharedTenant } from "./core/shared-tenant.ts";
import type { Keyring } from "./crypto/keyring.ts";
import { readGuide } from "./fhir/guide.ts";
import { codeUses } from "./fhir/search/code-uses.ts";
import { outcomeSystems } from "./fhir/terminology/outcome-systems.ts";
import { Terminology } from "./fhir/terminology/terminology.ts";
import { readRules } from "./fhir/validation/rules.ts";
import { type DictionarySource, DictionarySync } from "./flows/dictionary-sync.ts";
import type { OpenDatabase } from "./store/database.ts";
import { Dictionaries } from "./store/dictionaries.ts";
import type { Instruments } from "./telemetry/instruments.ts";

const guideFolder = new URL("../fhir/", import.meta.url);
const syncMs = 600_000;

interface Ground {
  keyring: Keyring;
  store: OpenDatabase;
  source: DictionarySource;
}

interface Surroundings {
  clock: Clock;
  log: Logger;
  telemetry: { instruments: Instruments };
}

/** What the product knows of codes and profiles: R4's rules, our guide, copies of dictionaries and what keeps them. */
export function openTerminology(config: Config, { store, keyring, source }: Ground, around: Surroundings) {
  const { clock, log, telemetry } = around;
  const dictionaries = new Dictionaries(store.db);
  const rules = readRules();
  const ours = readGuide(guideFolder);
  const guide = { ...ours, codeSystems: [...ours.codeSystems, ...outcomeSystems()] };
  const sync = new DictionarySync({
    source,
    dictionaries,
    clock,
    log,
    oids: listOf(config.NSI_DICTIONARIES),
    onRun: (at, outcome) => {
      telemetry.instruments.dictionarySync.of({ outcome }).value = at / 1_000;
    },
    usesOf: (system, codes) => codeUses({ db: store.db, keyring }, system, codes),
    newContext: () => syncContext(clock, log),
  });
  const terminology = new Terminology({ dictionaries, rules, guide, load: (url) => sync.load(url) });
  return { rules, guide, dictionaries, terminology, sync: (signal: AbortSignal) => sync.all(signal) };
}

const syncContext = (clock: Clock, log: Logger): RequestContext =>
  systemContext({
    id: "dictionary-watch",
    tenant: sharedTenant,
    requestId: randomUUID(),
    deadline: clock.now() + syncMs,
    log,
  });
