import { Agent, request } from "node:http";
import { type AddressInfo, connect, createServer as createSwitch, type Server as Switch } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startGateway, type TestGateway } from "./support/gateway.ts";

/** A balancer in small: new connections go to a replica whose readiness answered 200 at the last look. */
class LoopbackSwitch {
  readonly #replicas: string[] = [];
  #ready: string[] = [];
  #next = 0;
  #looking = true;
  readonly #server: Switch = createSwitch((client) => {
    const replica = this.#ready[this.#next++ % this.#ready.length];
    if (!replica) return client.destroy();
    const { port, hostname } = new URL(replica);
    const upstream = connect(Number(port), hostname);
    client.pipe(upstream).pipe(client);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    void this.#look();
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  add(replica: string): void {
    this.#replicas.push(replica);
  }

  isReady(replica: string): boolean {
    return this.#ready.includes(replica);
  }

  close(): void {
    this.#looking = false;
    this.#server.close();
  }

  async #look(): Promise<void> {
    while (this.#looking) {
      const states = await Promise.all(
        this.#replicas.map((replica) =>
          fetch(`${replica}/health/ready`, { signal: AbortSignal.timeout(2_000) }).then(
            ({ ok }) => ok,
            () => false,
          ),
        ),
      );
      this.#ready = this.#replicas.filter((_, index) => states[index]);
      await pause(50);
    }
  }
}

interface Outcome {
  answered: number;
  failures: string[];
}

/** Clients with kept connections that read again and again until told to stop. */
async function load(url: string, running: { on: boolean }, clients: number): Promise<Outcome> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const outcome: Outcome = { answered: 0, failures: [] };
  const one = () =>
    new Promise<void>((resolve) => {
      const failed = (reason: string) => {
        outcome.failures.push(reason);
        resolve();
      };
      request(url, { agent }, (answer) => {
        answer.resume();
        answer.on("end", () => {
          if (answer.statusCode !== 200) return failed(`status ${answer.statusCode}`);
          outcome.answered++;
          resolve();
        });
      })
        .on("error", (error) => failed(error.message))
        .end();
    });
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (running.on) {
        await one();
        // starting replicas need the machine too
        await pause(5);
      }
    }),
  );
  agent.destroy();
  return outcome;
}

const replicas: TestGateway[] = [];
const balancer = new LoopbackSwitch();
const settings = { DRAIN_NOTICE_MS: "1000", RATE_LIMIT_PER_MINUTE: "10000000" };
let entry: string;

async function untilServed({ url }: TestGateway): Promise<void> {
  for (let looks = 0; looks < 400; looks++) {
    if (balancer.isReady(url)) return;
    await pause(50);
  }
  throw new Error(`${url} did not become ready`);
}

beforeAll(async () => {
  entry = await balancer.listen();
  // one after the other: two first starts at once would take a small machine too long
  for (const _ of ["first", "second"]) {
    const replica = await startGateway(settings);
    replicas.push(replica);
    balancer.add(replica.url);
    await untilServed(replica);
  }
}, 90_000);

afterAll(async () => {
  balancer.close();
  await Promise.all(replicas.map((replica) => replica.remove()));
});

it("I-16 a rolling restart under load fails no request", { timeout: 120_000 }, async () => {
  const running = { on: true };
  const loaded = load(`${entry}/fhir/metadata`, running, 8);
  for (const replica of replicas) {
    await pause(500);
    await replica.server.stop();
    await replica.server.start();
    await untilServed(replica);
  }
  running.on = false;
  const { answered, failures } = await loaded;
  expect(failures).toEqual([]);
  expect(answered).toBeGreaterThan(300);
});
