import type { Config } from "./config.ts";
import type { Clock } from "./core/clock.ts";
import type { Logger } from "./core/logger.ts";
import type { Catalogue } from "./flows/mappings/catalogue.ts";
import { MapReloader, type Reload } from "./fml/reload.ts";

const folder = new URL("../mappings/", import.meta.url);

/** Follows the maps' sources where MAPPING_RELOAD says so; returns what ends it. */
export async function followMaps(
  config: Config,
  { clock, log }: { clock: Clock; log: Logger },
  catalogue: Catalogue,
) {
  if (config.MAPPING_RELOAD === "off") return async () => {};
  const reloader = await MapReloader.open({ folder, clock });
  const stop = new AbortController();
  reloader.watch((reloads) => {
    for (const reload of reloads) tell(log, reload);
    rereadClean(reloads, catalogue).catch((error) =>
      log.error({ error }, "the list of maps is not reloaded"),
    );
  }, stop.signal);
  return async () => {
    stop.abort();
    await reloader.close();
  };
}

/** The doors list and translate by what is in force: a message with a map that failed stays as it was. */
export async function rereadClean(reloads: readonly Reload[], catalogue: Catalogue): Promise<void> {
  const folderOf = ({ map }: Reload) => new URL("./", map).href;
  const failed = new Set(reloads.filter(({ failure }) => failure !== undefined).map(folderOf));
  const clean = new Set(reloads.map(folderOf).filter((href) => !failed.has(href)));
  await Promise.all([...clean].map((href) => catalogue.reread(new URL(href))));
}

function tell(log: Logger, { map, failure, removed }: Reload): void {
  const mapping = map.pathname.split("/").slice(-3).join("/");
  if (removed) log.info({ mapping }, "map removed");
  else if (failure === undefined) log.info({ mapping }, "map reloaded");
  // a line for each problem: the log cuts long texts
  for (const detail of failure?.split("\n") ?? [])
    log.error({ mapping, detail }, "map not reloaded, the old one stays");
}
