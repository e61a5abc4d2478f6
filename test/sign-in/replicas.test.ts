import { randomBytes, randomUUID } from "node:crypto";
import { afterEach, expect, it } from "vitest";
import { Sessions } from "../../src/access/sessions.ts";
import { Cache } from "../../src/cache/cache.ts";
import { LeasedGenerations } from "../../src/cache/leased-generations.ts";
import { RedisLink } from "../../src/cache/redis.ts";
import { SharedLayer } from "../../src/cache/shared-layer.ts";
import { systemClock as clock } from "../../src/core/clock.ts";
import { silentLogger as log } from "../../src/core/logger.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { openDatabase } from "../../src/store/database.ts";
import { SessionStore } from "../../src/store/sessions.ts";
import { startApp } from "../support/app.ts";
import { freshDatabase } from "../support/database.ts";
import { startRedis } from "../support/redis-server.ts";
import { csrfOn, journalRows, signInAs } from "../support/sign-in.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const keyring = createKeyring(randomBytes(32));
const limits = { idleSeconds: 1800, lifeSeconds: 43_200, rotateSeconds: 900 };
const facts = {
  personId: randomUUID(),
  subject: "1000300890",
  name: "Врачев Иван",
  confirmed: true,
  authTime: 0,
  amr: "PWD",
  person: { resourceType: "Person" as const },
  organizations: [],
  esia: { sid: "sid", expiresAt: 0 },
};

async function replicas(count: number): Promise<Sessions[]> {
  const namespace = `sessions-${randomUUID()}`;
  const url = await freshDatabase();
  const one = async () => {
    const link = new RedisLink({ url: process.env.TEST_REDIS_URL ?? "", log });
    await link.open();
    const generations = new LeasedGenerations({ link, keyring, clock, namespace });
    await generations.start();
    const shared = new SharedLayer({ link, keyring, clock, namespace });
    const cache = new Cache({ clock, maxBytes: 1e6, generations, shared });
    const database = await openDatabase({ url, dataDir: "" });
    stops.push(async () => {
      await cache.close();
      link.close();
      await database.close();
    });
    return new Sessions({
      store: new SessionStore({ db: database.db, keyring, clock }),
      cache,
      clock,
      limits,
    });
  };
  const made: Sessions[] = [];
  // the first one migrates
  for (let index = 0; index < count; index++) made.push(await one());
  return made;
}

const person = { owner: "owner", kind: "worker", deviceHash: "device" } as const;

it("L-57 a logout holds on every replica when it is answered, kept answers or not", async () => {
  const [one, two, three] = await replicas(3);
  const { token, id } = await one!.open(person, facts);
  for (const sessions of [one, two, three])
    expect((await sessions!.check(token, "device")).standing).toBe("open");
  await two!.end({ id });
  for (const sessions of [one, two, three])
    expect((await sessions!.check(token, "device")).standing).toBe("unknown");
});

it("L-21 a foreign device on one replica ends the person's sessions on the others", async () => {
  const [one, two] = await replicas(2);
  const [{ token }, { token: other }] = [
    await one!.open(person, facts),
    await two!.open({ ...person, deviceHash: "phone" }, facts),
  ];
  expect((await two!.check(token, "device")).standing).toBe("open");
  expect((await one!.check(token, "thief")).standing).toBe("compromised");
  expect((await two!.check(token, "device")).standing).toBe("unknown");
  expect((await one!.check(other, "phone")).standing).toBe("unknown");
});

it("a dead Redis keeps nobody out: sign-in and sessions go on", async () => {
  const redis = await startRedis();
  stops.push(() => redis.server.kill());
  const app = await startApp({ REDIS_URL: redis.url });
  stops.push(() => app.close());
  const { visitor } = await signInAs(app, "doctor");
  await redis.server.kill();
  await expect.poll(() => app.parts.redis?.up).toBe(false);
  const page = await visitor.visit(`${app.url}/auth/account`);
  expect(page.status).toBe(200);
  const { answer } = await signInAs(app, "nurse");
  expect(answer.status, answer.text).toBe(200);

  const post = (path: string) =>
    visitor.visit(`${app.url}${path}`, {
      method: "POST",
      headers: {
        accept: "application/json",
        "x-requested-with": "test",
        origin: app.url,
        "idempotency-key": randomUUID(),
      },
    });
  await visitor.visit(`${app.url}/auth/terms`, { form: { csrf: csrfOn(page), version: "1" } });
  const check = await post("/cabinet/v1/me/verification");
  expect(check.status, check.text).toBe(201);
  const out = await post("/auth/logout");
  expect(out.status, out.text).toBe(200);
  expect(visitor.cookie(app.url, "__Host-sid")).toBeFalsy();
  expect((await journalRows(app)).at(-1)).toMatchObject({ action: "sign-out", outcome: "ok" });
  expect((await visitor.visit(`${app.url}/auth/account`)).status).toBe(401);
});
