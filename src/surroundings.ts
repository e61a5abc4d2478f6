import type { Clock } from "./core/clock.ts";
import type { Logger } from "./core/logger.ts";
import type { SandboxEsia } from "./esia-provider.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

/** What a process has before its parts are opened. */
export interface Surroundings {
  clock: Clock;
  log: Logger;
  telemetry: Telemetry;
  version: string;
  /** plays every system that has no address of its own */
  sandbox?: {
    url: string;
    personas: readonly { id: string; note: string }[];
    scenarios: Readonly<Record<string, string>>;
    /** letters of the grades of what it plays, by system */
    grades: Readonly<Record<string, string>>;
    esia: SandboxEsia;
    /** DER of its certification authorities' roots */
    pki: { roots: readonly Uint8Array[] };
  };
}
