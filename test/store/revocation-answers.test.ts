import { beforeAll, beforeEach, expect, it } from "vitest";
import { readCrl } from "../../src/crypto/crl.ts";
import { RevocationClient } from "../../src/crypto/revocation-client.ts";
import { purgeExpired } from "../../src/store/purge.ts";
import { revocationAnswers } from "../../src/store/revocation-answers.ts";
import { createCrl } from "../support/crl-builder.ts";
import { authority, hour, issue, later, now } from "../support/signature-world.ts";
import { onBothEngines } from "./engines.ts";

const url = "http://ca.test/ca.crl";

onBothEngines((store) => {
  let time: number;
  let asked: number;
  let answers: Uint8Array[];

  beforeEach(async () => {
    await store().db.deleteFrom("revocation_answer").execute();
    time = now.getTime();
    asked = 0;
    answers = [await list(0)];
  });

  let root: Awaited<ReturnType<typeof issue>>;

  beforeAll(async () => {
    root = await issue({ subject: { commonName: "Корневой УЦ" }, ...authority }, "p-256");
  });

  /** A list of `ageHours` ago that is good for a day. */
  async function list(ageHours: number): Promise<Uint8Array> {
    const [thisUpdate, nextUpdate] = [later(-ageHours * hour), later(24 * hour)];
    const template = { issuer: root.certificate, thisUpdate, nextUpdate, number: 1, revoked: [] };
    return createCrl(template, root.signer);
  }

  /** Asks, verifies and has the answer kept. */
  async function asks(client: RevocationClient) {
    const answer = await client.fetch(url);
    const state = await readCrl(answer.bytes, root.certificate, root.certificate);
    if (!answer.isKept) await client.keep({ url, bytes: answer.bytes, state });
    return answer;
  }

  /** A process of its own over the same database; `answers` run out when the source is down. */
  const replica = () =>
    new RevocationClient({
      allowedHosts: ["ca.test"],
      now: () => time,
      kept: revocationAnswers(store().db),
      keptSeconds: 12 * 3_600,
      network: async () => {
        asked += 1;
        const answer = answers.shift();
        if (!answer) throw new Error("connection refused");
        return answer;
      },
    });

  it("another process uses an answer while it lives, and asks nobody", async () => {
    const first = await asks(replica());
    time += 300_000;
    const second = await asks(replica());
    expect(asked).toBe(1);
    expect(Buffer.compare(second.bytes, first.bytes)).toBe(0);
    expect(second.ageSeconds).toBe(300);
  });

  it("E-17 a new process has the last answer with its age while the source is down", async () => {
    await asks(replica());
    time += 3 * hour;
    const restarted = replica();
    await expect(restarted.fetch(url)).rejects.toMatchObject({ code: "revocation-unavailable" });
    expect((await restarted.fetch(url, undefined, true)).ageSeconds).toBe(3 * 3_600);
    // an answer to another question is none to this one
    await expect(restarted.fetch(url, Buffer.from("q"), true)).rejects.toMatchObject({
      code: "revocation-unavailable",
    });
  });

  it("a source that fell behind does not displace what it said later, of whichever process", async () => {
    const newest = await asks(replica());
    time += hour;
    answers = [await list(5)];
    await asks(replica());
    time += hour;
    const kept = await replica().fetch(url, undefined, true);
    expect(Buffer.compare(kept.bytes, newest.bytes)).toBe(0);
  });

  it("is forgotten when it is too old to be believed", async () => {
    await asks(replica());
    expect(await purgeExpired(store().db, "revocation_answer", time + 12 * hour - 1)).toBe(0);
    expect(await purgeExpired(store().db, "revocation_answer", time + 12 * hour + 1)).toBe(1);
  });
});
