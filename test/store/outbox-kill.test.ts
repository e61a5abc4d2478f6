import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { openDatabase } from "../../src/store/database.ts";
import { Outbox } from "../../src/store/outbox.ts";
import { programArguments } from "../support/compiled.ts";
import { freshDatabase } from "../support/database.ts";

const sender = fileURLToPath(new URL("outbox-sender.ts", import.meta.url));
const messages = 60;

/** Takes a message's effect once by its id, however often it comes; holds back answers to whom it is told. */
class Receiver {
  readonly effects = new Map<string, number>();
  deliveries = 0;
  readonly senders = new Set<string>();
  /** unanswered requests of the sender that is to be killed */
  held: ServerResponse[] = [];
  holding: string | undefined;
  readonly server = createServer((request, response) => {
    const id = String(request.headers["message-id"]);
    const from = String(request.headers.sender);
    request.resume().on("end", () => {
      this.deliveries++;
      this.senders.add(from);
      if (!this.effects.has(id)) this.effects.set(id, this.effects.size);
      if (from === this.holding) this.held.push(response);
      // each in turn fails once in a while: that is a repeat too
      else response.writeHead(this.deliveries % 7 === 0 ? 503 : 200).end();
    });
  });

  async listen(): Promise<string> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }
}

async function startSender(...args: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [...programArguments(sender), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

it("kill -9 of one of two replicas in the middle of deliveries: each message has its effect exactly once", async () => {
  const url = await freshDatabase();
  const store = await openDatabase({ url, dataDir: "unused" });
  const outbox = new Outbox({
    db: store.db,
    keyring: createKeyring(new Uint8Array(32).fill(3)),
    clock: systemClock,
  });
  const ids = Array.from({ length: messages }, (_, n) => `document-${n}`);
  const enqueue = (some: string[]) =>
    store.db.transaction().execute(async (trx) => {
      for (const deduplicationId of some)
        await outbox.enqueue(trx, {
          tenant: "t",
          system: "remd",
          kind: "document",
          deduplicationId,
          payload: 1,
        });
    });
  const receiver = new Receiver();
  const address = await receiver.listen();
  receiver.holding = "first";
  const [first, second] = await Promise.all(
    ["first", "second"].map((name) => startSender(url, address, name)),
  );
  try {
    // until the first replica has leased a batch, received and unanswered
    for (let at = 0; receiver.held.length === 0 && at < messages; at += 6) {
      await enqueue(ids.slice(at, at + 6));
      await expect.poll(() => receiver.deliveries, { timeout: 10_000 }).toBeGreaterThan(0);
    }
    await expect.poll(() => receiver.held.length, { timeout: 20_000 }).toBeGreaterThan(0);
    const dead = once(first as ChildProcess, "exit");
    first?.kill("SIGKILL");
    await dead;
    const inHand = receiver.held.length;
    await enqueue(ids);

    const undelivered = () =>
      store.db
        .selectFrom("outbox")
        .select((row) => row.fn.countAll<number>().as("n"))
        .where("state", "<>", "delivered")
        .executeTakeFirstOrThrow();
    await expect.poll(async () => (await undelivered()).n, { timeout: 60_000, interval: 200 }).toBe(0);
    expect([...receiver.effects.keys()].sort()).toEqual([...ids].sort());
    // what the dead one had in hand came again, under the same id
    expect(receiver.deliveries).toBeGreaterThanOrEqual(messages + inHand);
    expect([...receiver.senders].sort()).toEqual(["first", "second"]);
  } finally {
    for (const child of [first, second]) child?.kill("SIGKILL");
    receiver.server.closeAllConnections();
    receiver.server.close();
    await store.close();
  }
});
