import type { FastifyInstance } from "fastify";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { World } from "./sandbox-world.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** the scenario that this request must play, already checked against the system's list */
    scenario?: string;
  }
}

/** A confirmed by public sources, B reconstructed, C our design where nothing is public. */
type Grade = "A" | "B" | "C";

interface SandboxContext {
  world: World;
  clock: Clock;
  logger: Logger;
}

/** One external system as the sandbox plays it, mounted at `/<name>` or at the root of a port of its own. */
export interface SandboxSystem {
  name: string;
  /** Russian, for the landing page */
  title: string;
  /** true for a system whose clients build paths from the host */
  ownPort?: boolean;
  operations: readonly { name: string; grade: Grade; note: string }[];
  /** scenarios that the system plays itself, beside those of the transport: name -> what happens */
  scenarios: Readonly<Record<string, string>>;
  /** where an ordered scenario of its own is played, unless the order says: name -> beginning of the path */
  scenarioPaths?: Readonly<Record<string, string>>;
  /** what an answer of the wrong shape looks like in this system's protocol */
  wrongSchema: { contentType: string; body: string };
  register(app: FastifyInstance, context: SandboxContext): Promise<void>;
}
