import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { clientAssertion, requestToken } from "../scripts/system-client.ts";
import { programArguments } from "./support/compiled.ts";
import { freshDatabase } from "./support/database.ts";
import { startGateway, type TestGateway } from "./support/gateway.ts";
import { projectRoot } from "./support/project-files.ts";

const run = promisify(execFile);
const publicUrl = "http://gateway.test";
const newKey = () => randomBytes(32).toString("base64");
let settings: Record<string, string>;
const replicas: TestGateway[] = [];

beforeAll(async () => {
  settings = {
    DATABASE_URL: await freshDatabase(),
    DATA_DIR: await mkdtemp(join(tmpdir(), "master-key-")),
    PUBLIC_URL: publicUrl,
    REDIS_URL: process.env.TEST_REDIS_URL ?? "",
  };
});
afterAll(async () => {
  for (const replica of replicas) await replica.remove();
  await rm(settings.DATA_DIR ?? "", { recursive: true, force: true });
});

async function replicaWith(known: Record<string, string>): Promise<TestGateway> {
  const replica = await startGateway({ ...settings, ...known });
  replicas.push(replica);
  return replica;
}

async function tokenOf(replica: TestGateway): Promise<string> {
  const jwk = JSON.parse(await readFile(join(settings.DATA_DIR ?? "", "demo-client.jwk.json"), "utf8"));
  const assertion = await clientAssertion({ clientId: "demo", jwk }, `${publicUrl}/auth/token`);
  const answer = await requestToken(`${replica.url}/auth/token`, assertion, "system/Location.cruds");
  return ((await answer.json()) as { access_token: string }).access_token;
}

/** The id of the one Location that its key stands for: the token, the sealed answer and its key need the root key. */
async function created({ url }: TestGateway, token: string): Promise<string> {
  const answer = await fetch(`${url}/fhir/Location`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/fhir+json",
      "idempotency-key": "the-one",
    },
    body: JSON.stringify({ resourceType: "Location", name: "Кабинет 1" }),
  });
  const text = await answer.text();
  return answer.status === 201 ? JSON.parse(text).id : `${answer.status} ${text}`;
}

it("the master key is changed while replicas read and write, and is then enough alone", async () => {
  const [old, next] = [newKey(), newKey()];
  const first = await replicaWith({ MASTER_KEY: old });
  const token = await tokenOf(first);
  const kept = await created(first, token);
  // whatever replica there is, from before the change to after it: what one has sealed the others open
  const faults: string[] = [];
  let rounds = 0;
  let over = false;
  const serving = [first];
  const load = (async () => {
    for (; !over; rounds++)
      for (const replica of serving) {
        const again = await created(replica, token).catch(String);
        if (again !== kept) faults.push(again);
        await pause(5);
      }
  })();

  expect(kept).toMatch(/^[\da-f-]{36}$/);

  serving[0] = await replicaWith({ MASTER_KEY: next, MASTER_KEY_PREVIOUS: old });
  await first.server.stop();
  const { stdout } = await run(process.execPath, [...programArguments("scripts/keys.ts"), "rotate-master"], {
    cwd: projectRoot,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      ...settings,
      MASTER_KEY: next,
      MASTER_KEY_PREVIOUS: old,
    },
  });
  expect(stdout).toBe("the root key is now wrapped under MASTER_KEY\n");
  serving.push(await replicaWith({ MASTER_KEY: next }));
  const before = rounds;
  await expect.poll(() => rounds, { timeout: 20_000 }).toBeGreaterThan(before + 20);
  over = true;
  await load;
  expect(faults).toEqual([]);

  await expect(startGateway({ ...settings, MASTER_KEY: old })).rejects.toThrow(/opens this database/);
}, 180_000);
