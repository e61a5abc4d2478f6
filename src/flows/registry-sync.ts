import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { isGatewayError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Copied, RegistryCopy } from "./registry-copy.ts";

/** One record of a registry, as the copy keeps it. */
export interface RegistryRecord {
  /** logical id of what the record is about */
  owner: string;
  resources: readonly Copied[];
}

/** A registry that can be listed. */
export interface ListedRegistry {
  name: string;
  /** records that changed since an ISO day, or all; `newContext` for each call, as the whole outlasts any deadline */
  records(day: string | undefined, newContext: () => RequestContext): AsyncIterable<RegistryRecord>;
}

export interface RegistrySyncParts {
  copy: RegistryCopy;
  registries: readonly ListedRegistry[];
  clock: Clock;
  log: Logger;
  newContext(): RequestContext;
  /** told of each registry whose copy is up to date again */
  onCopied(registry: string, at: number): void;
}

const day = 86_400_000;
/** A record that was withdrawn is on no list of changes, so all are read again after this time. */
const wholeEveryMs = 7 * day;

/** Brings the copies of registries up to date; one that fails is told and waits for the next run. */
export async function syncRegistries(parts: RegistrySyncParts, signal: AbortSignal): Promise<void> {
  for (const registry of parts.registries) {
    if (signal.aborted) return;
    await syncOne(parts, registry, signal).catch((error) => {
      const reason = isGatewayError(error) ? error.code : String(error);
      parts.log.warn({ system: registry.name, reason }, "the copy of a registry was not brought up to date");
    });
  }
}

async function syncOne(
  { copy, clock, log, newContext, onCopied }: RegistrySyncParts,
  { name, records }: ListedRegistry,
  signal: AbortSignal,
): Promise<void> {
  const began = clock.now();
  const age = await copy.ageOf(name);
  const isWhole = !age || began - age.wholeAt >= wholeEveryMs;
  // days of the registry are Moscow's: one more, so that none is missed
  const since = isWhole ? undefined : new Date(age.copiedAt - day).toISOString().slice(0, 10);
  let count = 0;
  for await (const { owner, resources } of records(since, newContext)) {
    if (signal.aborted) return;
    await copy.put(name, owner, began, resources);
    count += 1;
  }
  if (isWhole) await copy.sweep(name, began);
  await copy.noteAge(name, { copiedAt: began, wholeAt: isWhole ? began : age.wholeAt });
  onCopied(name, began);
  log.info(
    { system: name, count, kind: isWhole ? "whole" : "changes" },
    "the copy of a registry is up to date",
  );
}
