import { watch } from "node:fs";
import { readdir } from "node:fs/promises";
import type { Clock } from "../core/clock.ts";
import { BoundedCompiler, type CompileLimits } from "./bounded-compiler.ts";
import { outputOf, swapModule } from "./loader.ts";
import { readSources } from "./mapping-folder.ts";

/**
 * One map that was compiled again; `failure` names each problem with line and column, and the old map stays. A map whose
 * file is gone is `removed`: whoever holds its mapping keeps it.
 */
export interface Reload {
  readonly map: URL;
  readonly failure?: string;
  readonly removed?: true;
}

interface ReloaderSettings {
  /** `mappings/`, with a slash at the end */
  readonly folder: URL;
  readonly clock: Clock;
  readonly limits?: Partial<CompileLimits>;
}

// an editor writes a file in several steps
const quietMs = 100;

/** Compiles changed maps of a folder in a bounded thread and swaps those that are clean into the running process. */
export class MapReloader {
  readonly #folder: URL;
  readonly #clock: Clock;
  readonly #compiler: BoundedCompiler;
  /** the sources that were last seen, by map */
  readonly #seen = new Map<string, string>();
  #last: Promise<unknown> = Promise.resolve();

  private constructor({ folder, clock, limits }: ReloaderSettings) {
    this.#folder = folder;
    this.#clock = clock;
    this.#compiler = new BoundedCompiler(clock, limits);
  }

  /** A reloader that takes the folder as it is now for known. */
  static async open(settings: ReloaderSettings): Promise<MapReloader> {
    const reloader = new MapReloader(settings);
    reloader.#changed(await reloader.#names());
    return reloader;
  }

  /** Compiles every map whose sources are not those last seen: its text, tables, model or imports. */
  refresh(): Promise<readonly Reload[]> {
    const run = this.#last.then(() => this.#refresh());
    this.#last = run.catch(() => {});
    return run;
  }

  /** Refreshes at every change until the signal; `report` receives what each brought, also when no map changed. */
  watch(report: (reloads: readonly Reload[]) => void, signal: AbortSignal): void {
    let waiting = false;
    const watcher = watch(this.#folder, { recursive: true, signal }, async () => {
      if (waiting) return;
      waiting = true;
      await this.#clock.sleep(quietMs);
      waiting = false;
      if (!signal.aborted) report(await this.refresh());
    });
    // the folder is gone: nothing is left to follow
    watcher.on("error", () => watcher.close());
  }

  async close(): Promise<void> {
    await this.#compiler.close();
    await this.#last;
  }

  async #refresh(): Promise<readonly Reload[]> {
    const names = await this.#names();
    const reloads: Reload[] = this.#removed(names);
    for (const map of this.#changed(names)) reloads.push(await this.#reload(map));
    return reloads;
  }

  async #reload(map: URL): Promise<Reload> {
    const { output, build } = outputOf(map);
    const outcome = await this.#compiler.compile({
      map: map.href,
      output: output.href,
      buildFolder: build.href,
    });
    if ("failure" in outcome) return { map, failure: outcome.failure };
    await swapModule(map, outcome.digest);
    return { map };
  }

  async #names(): Promise<readonly string[]> {
    const names = await readdir(this.#folder, { recursive: true });
    return names.filter((path) => /^[^/]+\/[^/]+\/[^/]+\.fml$/.test(path)).sort();
  }

  #removed(names: readonly string[]): Reload[] {
    const present = new Set(names.map((name) => new URL(name, this.#folder).href));
    const removed = [...this.#seen.keys()].filter((href) => !present.has(href));
    for (const href of removed) this.#seen.delete(href);
    return removed.map((href) => ({ map: new URL(href), removed: true }));
  }

  #changed(names: readonly string[]): readonly URL[] {
    const changed: URL[] = [];
    for (const name of names) {
      const map = new URL(name, this.#folder);
      const digest = digestOf(map);
      if (digest !== undefined && this.#seen.get(map.href) !== digest) changed.push(map);
      if (digest !== undefined) this.#seen.set(map.href, digest);
    }
    return changed;
  }
}

// a file that is being replaced is seen at the next change
function digestOf(map: URL): string | undefined {
  try {
    return readSources(map).digest;
  } catch {
    return undefined;
  }
}
