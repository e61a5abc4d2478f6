import Fastify, { type FastifyInstance } from "fastify";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { EsiaClient } from "../systems/esia/sandbox/clients.ts";
import { createEsiaSandbox } from "../systems/esia/sandbox/esia-sandbox.ts";
import type { KeptSigners } from "../systems/esia/sandbox/token-keys.ts";
import { frmoSandbox } from "../systems/frmo/sandbox.ts";
import { frmrSandbox } from "../systems/frmr/sandbox.ts";
import { notifySandbox } from "../systems/notify/sandbox.ts";
import { nsiSandbox } from "../systems/nsi/sandbox.ts";
import type { KeptRoots } from "../systems/pki/sandbox/authorities.ts";
import { pkiSandbox } from "../systems/pki/sandbox/pki-sandbox.ts";
import type { SandboxSystem } from "../systems/sandbox-system.ts";
import { subscriberSandbox } from "../systems/subscriber/sandbox.ts";
import { controlDoors } from "./control.ts";
import { playScenarios, ScenarioBook, transportScenarios } from "./scenarios.ts";
import { createWorld } from "./world.ts";

interface SandboxOptions {
  clock: Clock;
  logger: Logger;
  /** saved answers of НСИ at full size; the project's small dictionaries when absent */
  nsiFolder?: string;
  /** systems that are registered at ESIA; without one nobody signs in */
  esiaClients?: readonly EsiaClient[];
  /** what ESIA's tokens are signed with; new keys at each start when absent */
  esiaSigners?: KeptSigners;
  /** roots of its certification authorities; new ones at each start when absent */
  pkiRoots?: KeptRoots;
}

export interface Sandbox {
  /** Listens and resolves with the base URL; port 0 takes a free one. */
  listen(port: number, host: string): Promise<string>;
  close(): Promise<void>;
  esia: {
    /** Listens at a port of its own and resolves with the base URL on `localhost`; the issuer is that and a slash. */
    listen(port: number, host: string): Promise<string>;
    /** DER of the certificates that sign its tokens: RSA, then GOST */
    certificates: readonly Uint8Array[];
    /** the same of the keys that sign in the scenario `expired-certificate` */
    expiredCertificates(): Promise<readonly Uint8Array[]>;
  };
  /** certification authorities and signing tools, at `/pki` */
  pki: { roots: readonly Uint8Array[] };
  /** whom a person may play, for the gateway's start page */
  personas: readonly { id: string; note: string }[];
  /** what any system can be told to do: name -> what happens */
  scenarios: Readonly<Record<string, string>>;
  /** how true each system's operations are: letters of its grades, by system */
  grades: Readonly<Record<string, string>>;
}

/** One process that plays every external system over the shared synthetic world: at `/<system>`, ESIA at its own port. */
export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { clock, logger } = options;
  const esia = createEsiaSandbox(options.esiaClients ?? [], options.esiaSigners);
  const pki = pkiSandbox(clock, options.pkiRoots);
  const registries = [frmrSandbox, frmoSandbox, nsiSandbox(options.nsiFolder)];
  const systems: readonly SandboxSystem[] = [...registries, notifySandbox(), subscriberSandbox(), pki, esia];
  const app = listener();
  const esiaApp = listener();
  const world = createWorld();
  const book = new ScenarioBook();
  controlDoors(app, { systems, world, book });
  for (const system of systems) await mount(system.ownPort ? esiaApp : app, system);
  return {
    listen: (port, host) => app.listen({ port, host }),
    close: async () => {
      await Promise.all([app.close(), esiaApp.close()]);
    },
    esia: await esiaDoor(esiaApp, esia),
    pki: { roots: await pki.roots() },
    personas: [...world.people.values()].flatMap(({ id, note }) => (note ? [{ id, note }] : [])),
    scenarios: transportScenarios,
    grades: gradesOf(systems),
  };

  async function mount(parent: FastifyInstance, system: SandboxSystem) {
    await parent.register(
      async (child) => {
        playScenarios(child, system, book, clock);
        await system.register(child, { world, clock, logger });
      },
      { prefix: system.ownPort ? "" : `/${system.name}` },
    );
  }
}

async function esiaDoor(
  app: FastifyInstance,
  esia: ReturnType<typeof createEsiaSandbox>,
): Promise<Sandbox["esia"]> {
  return {
    async listen(port, host) {
      const { port: bound } = new URL(await app.listen({ port, host }));
      const base = `http://localhost:${bound}`;
      esia.announce(base);
      return base;
    },
    certificates: await esia.certificates(),
    expiredCertificates: () => esia.expiredCertificates(),
  };
}

const gradesOf = (systems: readonly SandboxSystem[]): Sandbox["grades"] =>
  Object.fromEntries(
    systems.map(({ name, operations }) => [
      name,
      [...new Set(operations.map(({ grade }) => grade))].sort().join("/"),
    ]),
  );

// a hung scenario must not keep the process alive
const listener = () => Fastify({ logger: false, bodyLimit: 16 * 1024 * 1024, forceCloseConnections: true });
