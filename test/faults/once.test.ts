import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { freshDatabase } from "../support/database.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { LockHolder } from "../support/lock-holder.ts";
import { signInAs } from "../support/sign-in.ts";
import type { Visitor } from "../support/visitor.ts";

let gateway: TestGateway;
let locks: LockHolder;
let visitor: Visitor;

beforeAll(async () => {
  const url = await freshDatabase();
  locks = new LockHolder(url);
  gateway = await startGateway({ DATABASE_URL: url, REQUEST_TIMEOUT_MS: "5000" });
  ({ visitor } = await signInAs(gateway, "doctor"));
  const terms = await change("POST", "/cabinet/v1/me/terms", randomUUID(), { version: "1" });
  expect(terms.status, terms.text).toBe(200);
  expect((await verify(randomUUID())).status, gateway.server.output).toBe(201);
});
afterEach(() => locks.release());
afterAll(() => gateway?.remove());

interface Answer {
  status: number;
  text: string;
  replayed: boolean;
}

async function change(method: string, path: string, key: string, body?: object): Promise<Answer> {
  const cookie = ["__Host-sid", "__Host-device"]
    .map((name) => `${name}=${visitor.cookie(gateway.url, name)}`)
    .join("; ");
  const answer = await fetch(`${gateway.url}${path}`, {
    method,
    headers: {
      cookie,
      origin: gateway.url,
      "x-requested-with": "fetch",
      "user-agent": visitor.userAgent,
      "idempotency-key": key,
      ...(body && { "content-type": "application/json" }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const replayed = answer.headers.has("idempotent-replayed");
  return { status: answer.status, text: await answer.text(), replayed };
}

const verify = (key: string) => change("POST", "/cabinet/v1/me/verification", key);
const runs = async () =>
  (await locks.query<{ id: string }>("select id from resource where type = 'VerificationResult'")).map(
    ({ id }) => id,
  );

/** The statement that a request is stopped in, by locks that others hold. */
const steps: Record<string, () => Promise<void>> = {
  "before the claim": async () => {
    await locks.hold("lock table idempotency in access exclusive mode");
  },
  "after the claim, before the effect": async () => {
    await locks.hold("lock table resource in access exclusive mode");
  },
  "inside the transaction, with the effect written": async () => {
    await locks.hold("lock table resource_history in access exclusive mode");
  },
  "after the commit, before the answer": async () => {
    await locks.hold("lock table journal_group in access exclusive mode");
  },
};
const statementOf: Record<string, RegExp> = {
  "before the claim": /^insert into "idempotency"/,
  "after the claim, before the effect": /"resource"/,
  "inside the transaction, with the effect written": /^insert into "resource_history"/,
  "after the commit, before the answer": /^insert into journal_group/,
};

/** What a client does that follows the retry contract. */
async function untilAnswered(send: () => Promise<Answer>): Promise<Answer> {
  let answer: Answer | undefined;
  await expect
    .poll(
      async () => {
        answer = await send();
        return answer.status;
      },
      { timeout: 60_000, interval: 250 },
    )
    .toBe(201);
  return answer as Answer;
}

describe("kill -9 in a change, and the client's repeat", () => {
  it.each(Object.keys(steps))("has its effect exactly once: %s", async (step) => {
    const key = randomUUID();
    const before = await runs();
    await steps[step]?.();
    const lost = verify(key).then(
      () => "answered",
      () => "lost",
    );
    await locks.stopped(statementOf[step] as RegExp);
    await gateway.server.kill();
    expect(await lost).toBe("lost");
    await locks.endOthers();
    await locks.release();
    const effects = (await runs()).length - before.length;
    expect(effects).toBe(step.startsWith("after the commit") ? 1 : 0);

    await gateway.server.start();
    const answer = await untilAnswered(() => verify(key));
    const made = (await runs()).filter((id) => !before.includes(id));
    expect(made).toEqual([JSON.parse(answer.text).id]);
    expect(answer.replayed).toBe(effects === 1);
    const again = await verify(key);
    expect(again).toEqual({ ...answer, replayed: true });
    expect((await runs()).length).toBe(before.length + 1);
  });
});
