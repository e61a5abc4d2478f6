import Fastify, { type FastifyInstance } from "fastify";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { frmoSandbox } from "../systems/frmo/sandbox.ts";
import { frmrSandbox } from "../systems/frmr/sandbox.ts";
import { nsiSandbox } from "../systems/nsi/sandbox.ts";
import type { SandboxSystem } from "../systems/sandbox-system.ts";
import { controlDoors } from "./control.ts";
import { playScenarios, ScenarioBook, transportScenarios } from "./scenarios.ts";
import { createWorld } from "./world.ts";

interface SandboxOptions {
  clock: Clock;
  logger: Logger;
  /** saved answers of НСИ at full size; the project's small dictionaries when absent */
  nsiFolder?: string;
}

export interface Sandbox {
  /** Listens and resolves with the base URL; port 0 takes a free one. */
  listen(port: number, host: string): Promise<string>;
  close(): Promise<void>;
  /** whom a person may play, for the gateway's start page */
  personas: readonly { id: string; note: string }[];
  /** what any system can be told to do: name -> what happens */
  scenarios: Readonly<Record<string, string>>;
}

/** One process that plays every external system at `/<system>` over the shared synthetic world. */
export async function createSandbox({ clock, logger, nsiFolder }: SandboxOptions): Promise<Sandbox> {
  const systems: readonly SandboxSystem[] = [frmrSandbox, frmoSandbox, nsiSandbox(nsiFolder)];
  // a hung scenario must not keep the process alive
  const app = Fastify({ logger: false, bodyLimit: 16 * 1024 * 1024, forceCloseConnections: true });
  const world = createWorld();
  const book = new ScenarioBook();
  controlDoors(app, { systems, world, book });
  for (const system of systems) await mount(app, system);
  return {
    listen: (port, host) => app.listen({ port, host }),
    close: () => app.close(),
    personas: [...world.people.values()].flatMap(({ id, note }) => (note ? [{ id, note }] : [])),
    scenarios: transportScenarios,
  };

  async function mount(parent: FastifyInstance, system: SandboxSystem) {
    await parent.register(
      async (child) => {
        playScenarios(child, system, book, clock);
        await system.register(child, { world, clock, logger });
      },
      { prefix: `/${system.name}` },
    );
  }
}
