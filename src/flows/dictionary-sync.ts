import type { CodeSystem } from "@medplum/fhirtypes";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { isGatewayError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { fold } from "../fhir/search/fold.ts";
import { conceptsOf } from "../fhir/terminology/listed-copy.ts";
import type { Dictionaries, DictionaryDiff } from "../store/dictionaries.ts";
import type { DictionaryReader } from "./dictionary-names.ts";

export interface DictionarySource extends DictionaryReader {
  /** newest first */
  versions(oid: string, ctx: RequestContext): Promise<{ value: readonly { version: string }[] }>;
}

export interface DictionarySyncParts {
  source: DictionarySource;
  dictionaries: Dictionaries;
  clock: Clock;
  log: Logger;
  /** primary OIDs of the dictionaries that are kept */
  oids: readonly string[];
  /** context of a call that no request asks for */
  newContext(): RequestContext;
  /** told at the end of each run, with whether any dictionary failed */
  onRun(at: number, outcome: "ok" | "failed"): void;
  /** how many stored resources of each type hold one of the codes */
  usesOf(system: string, codes: readonly string[]): Promise<Readonly<Record<string, number>>>;
}

/** Keeps copies of НСИ's dictionaries: each new version is stored, and what it ends is told. */
export class DictionarySync {
  readonly #parts: DictionarySyncParts;
  readonly #running = new Map<string, Promise<boolean>>();

  constructor(parts: DictionarySyncParts) {
    this.#parts = parts;
  }

  /** Brings every kept dictionary up to date; those that fail are told and wait for the next run. */
  async all(signal: AbortSignal): Promise<void> {
    let isWell = true;
    for (const oid of this.#parts.oids) {
      if (signal.aborted) return;
      await this.#kept(oid).catch((error) => {
        isWell = false;
        const reason = isGatewayError(error) ? error.code : String(error);
        this.#parts.log.warn({ system: "nsi", oid, reason }, "a dictionary was not brought up to date");
      });
    }
    this.#parts.onRun(this.#parts.clock.now(), isWell ? "ok" : "failed");
  }

  /** Brings one dictionary, asked for by its url, into the store; false when it is not one of those kept. */
  async load(url: string): Promise<boolean> {
    const oid = url.replace(/^urn:oid:/, "");
    if (!this.#parts.oids.includes(oid)) return false;
    try {
      return await this.#kept(oid);
    } catch (error) {
      if (isGatewayError(error) && error.code === "dictionary-not-found") return false;
      throw error;
    }
  }

  // callers that need the same dictionary wait for one load
  #kept(oid: string): Promise<boolean> {
    const running = this.#running.get(oid) ?? this.#bring(oid).finally(() => this.#running.delete(oid));
    this.#running.set(oid, running);
    return running;
  }

  async #bring(oid: string): Promise<boolean> {
    const { source, dictionaries, clock, newContext } = this.#parts;
    const ctx = newContext();
    const newest = (await source.versions(oid, ctx)).value[0]?.version;
    if (newest === undefined) return false;
    const known = await dictionaries.find(`urn:oid:${oid}`);
    if (known?.version === newest) {
      await dictionaries.confirm(known.url, clock.now());
      return true;
    }
    const { value } = await source.codeSystem(oid, newest, ctx);
    const diff = await dictionaries.save(dictionaryOf(value), clock.now());
    await this.#tell(oid, newest, diff);
    return true;
  }

  async #tell(oid: string, version: string, diff: DictionaryDiff | undefined): Promise<void> {
    const { log, usesOf } = this.#parts;
    const codes = diff?.ending.map(({ code }) => code) ?? [];
    const used = codes.length > 0 ? await usesOf(`urn:oid:${oid}`, codes) : {};
    const uses = Object.entries(used).map(([type, count]) => `${type} ${count}`);
    // the log would mask a whole date as a number that may be a person's
    const monthOf = (day: string | undefined) => (day ? ` until ${day.slice(0, 7)}` : "");
    const ending = diff?.ending.slice(0, 20).map(({ code, ends }) => `${code}${monthOf(ends)}`);
    log.info(
      { system: "nsi", oid, version, from: diff?.from, ending, uses },
      "a new version of a dictionary",
    );
  }
}

const dictionaryOf = (resource: CodeSystem) => ({
  url: resource.url ?? "",
  version: resource.version ?? "",
  title: resource.title ?? "",
  aliases: (resource.identifier ?? []).flatMap(({ value }) => value ?? []),
  concepts: conceptsOf(resource).map((concept) => ({ ...concept, folded: fold(concept.display) })),
});
