import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { freshDatabase } from "../support/database.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { LockHolder } from "../support/lock-holder.ts";
import { codeSentTo, messagesTo } from "../support/messages.ts";
import { signInAs } from "../support/sign-in.ts";
import type { Visitor } from "../support/visitor.ts";

let gateway: TestGateway;
let locks: LockHolder;
let doctor: Visitor;
let citizen: Visitor;

const citizenPhone = "+79990000005";

beforeAll(async () => {
  const url = await freshDatabase();
  locks = new LockHolder(url);
  gateway = await startGateway({
    DATABASE_URL: url,
    REQUEST_TIMEOUT_MS: "5000",
    SESSION_ROTATE_SECONDS: "86400",
  });
  doctor = await signedIn("doctor", "worker");
  citizen = await signedIn("citizen", "citizen");
});
afterEach(() => locks.release());
afterAll(() => gateway?.remove());

async function signedIn(persona: string, as: string): Promise<Visitor> {
  const { visitor } = await signInAs(gateway, persona, as);
  const terms = await change(visitor, { method: "POST", path: "/me/terms", body: { version: "1" } });
  expect(terms.status, terms.text).toBe(200);
  return visitor;
}

interface Answer {
  status: number;
  text: string;
  replayed: boolean;
}

interface Asked {
  method: string;
  path: string;
  body?: object;
}

async function change(
  visitor: Visitor,
  { method, path, body }: Asked,
  key: string = randomUUID(),
): Promise<Answer> {
  const cookie = ["__Host-sid", "__Host-device"]
    .map((name) => `${name}=${visitor.cookie(gateway.url, name)}`)
    .join("; ");
  const answer = await fetch(`${gateway.url}/cabinet/v1${path}`, {
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

const columnOf = async (statement: string) =>
  (await locks.query<{ id: string }>(statement)).map(({ id }) => id).sort();

/** A change, with what it has done so far by ids and the id that its answer names. */
interface Change {
  visitor: () => Visitor;
  asked(): Promise<Asked>;
  effects(): Promise<string[]>;
  /** as the journal names it */
  action: string;
  status: number;
}

const verification: Change = {
  visitor: () => doctor,
  asked: async () => ({ method: "POST", path: "/me/verification" }),
  effects: () => columnOf("select id from resource where type = 'VerificationResult'"),
  action: "identity-verified",
  status: 201,
};

const confirmation: Change = {
  visitor: () => citizen,
  asked: async () => {
    const before = (await messagesTo(gateway, citizenPhone)).filter(({ text }) => /^\d{6}/.test(text)).length;
    const terms = {
      method: "POST",
      path: "/me/consents",
      body: { kind: "treatment", grantee: { organization } },
    };
    const prepared = await change(citizen, terms);
    expect(prepared.status, prepared.text).toBe(201);
    const { consent } = JSON.parse(prepared.text);
    const code = await codeSentTo(gateway, citizenPhone, before);
    return { method: "POST", path: `/me/consents/${consent.id}/confirmation`, body: { code } };
  },
  effects: () => columnOf("select id from consent_fact"),
  action: "consent-granted",
  status: 200,
};
const organization = "1.2.643.5.1.13.13.12.2.77.90001";

const holdTable = (table: string) => () => locks.hold(`lock table ${table} in access exclusive mode`);

const steps = [
  ["before the claim", holdTable("idempotency"), /^insert into "idempotency"/, 0],
  ["after the claim, before the effect", holdTable("resource"), /"resource"/, 0],
  ["the effect written, its journal row not yet", holdTable("journal_group"), /journal_group/, 0],
  [
    "at the commit, which the database carries out",
    () => locks.holdCommits("resource_history"),
    /^commit$/i,
    1,
  ],
] as const;

/** What the journal has of it; a sign-in has rows of the same name, about nothing that was stored. */
const journalled = (action: string) =>
  columnOf(`select resource as id from journal, substring(row from '"resourceId":"([^"]+)"') as resource
    where row like '%"action":"${action}"%' and resource is not null`);

/** What a client does that follows the retry contract. */
async function untilAnswered(send: () => Promise<Answer>, status: number): Promise<Answer> {
  let answer: Answer | undefined;
  const poll = async () => {
    answer = await send();
    return answer.status;
  };
  await expect.poll(poll, { timeout: 60_000, interval: 250 }).toBe(status);
  return answer as Answer;
}

describe.each([
  ["a verification", verification],
  ["the confirmation of a consent", confirmation],
])("kill -9 in %s, and the client's repeat", (...[, { visitor, asked, effects, action, status }]) => {
  it.each(steps)(
    "has its effect and its journal row exactly once: %s",
    async (...[, hold, statement, done]) => {
      const key = randomUUID();
      const what = await asked();
      const send = () => change(visitor(), what, key);
      const before = await effects();
      await hold();
      const lost = send().then(
        () => "answered",
        () => "lost",
      );
      await locks.stopped(statement);
      await gateway.server.kill();
      expect(await lost).toBe("lost");
      // the statement that it waited in ends with it, unless the database carries it out for nobody
      if (!done) await locks.endOthers();
      await locks.release();
      await expect.poll(effects, { timeout: 10_000 }).toHaveLength(before.length + done);
      expect(await journalled(action)).toEqual(await effects());

      await gateway.server.start();
      const answer = await untilAnswered(send, status);
      const made = (await effects()).filter((id) => !before.includes(id));
      expect(made).toEqual([JSON.parse(answer.text).id]);
      expect(answer.replayed).toBe(done === 1);
      expect(await send()).toEqual({ ...answer, replayed: true });
      expect(await effects()).toHaveLength(before.length + 1);
      expect(await journalled(action)).toEqual(await effects());
    },
  );
});
