import { describe, expect, it } from "vitest";
import { Sessions } from "../../src/access/sessions.ts";
import { Cache } from "../../src/cache/cache.ts";
import { ManualClock } from "../../src/core/clock.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { SessionStore } from "../../src/store/sessions.ts";
import { onBothEngines } from "../store/engines.ts";

const keyring = createKeyring(new Uint8Array(32).fill(1));
const limits = { idleSeconds: 60, lifeSeconds: 600, rotateSeconds: 100 };
const second = 1000;

const facts = {
  personId: "11111111-1111-4111-8111-111111111111",
  subject: "1000300890",
  name: "Врачев Иван Примерович",
  confirmed: true,
  authTime: 0,
  amr: "PWD",
  person: { resourceType: "Person" as const },
  organizations: [],
  esia: { sid: "sid", expiresAt: 0 },
};

onBothEngines((store) => {
  let people = 0;
  const start = async (own: Partial<typeof limits> = {}) => {
    const clock = new ManualClock();
    const db = store().db;
    const replica = () =>
      new Sessions({
        store: new SessionStore({ db, keyring, clock }),
        cache: new Cache({ clock, maxBytes: 1e6 }),
        clock,
        limits: { ...limits, ...own },
      });
    const sessions = replica();
    const owner = `owner-${++people}`;
    const open = (deviceHash = "device") => sessions.open({ owner, kind: "worker", deviceHash }, facts);
    /** standing after each pause, the session being used in between */
    const standing = async (token: string, device = "device") =>
      (await sessions.check(token, device)).standing;
    return { clock, db, sessions, replica, owner, open, standing };
  };

  it("L-13 the second request within the life of a session is let in by the same token", async () => {
    const { open, sessions } = await start();
    const { token, id } = await open();
    for (let turn = 0; turn < 2; turn++) {
      const checked = await sessions.check(token, "device");
      expect(checked).toMatchObject({ standing: "open", facts: { ...facts, id, kind: "worker" } });
    }
  });

  it("L-14 the store holds neither the token nor the person's name", async () => {
    const { open, db } = await start();
    const { token, id } = await open();
    const row = await db.selectFrom("session").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
    const tokens = await db.selectFrom("session_token").selectAll().execute();
    expect(Buffer.from(row.facts).includes("Врачев")).toBe(false);
    expect(JSON.stringify([row, tokens])).not.toContain(token);
  });

  it("L-18 a session never outlives its configured life, however busy it is", async () => {
    const { open, clock, sessions } = await start();
    let { token } = await open();
    for (let at = 0; at < 590; at += 10) {
      const checked = await sessions.check(token, "device");
      expect(checked.standing).toBe("open");
      if (checked.standing === "open") token = checked.newToken ?? token;
      await clock.advance(10 * second);
    }
    expect((await sessions.check(token, "device")).standing).toBe("open");
    await clock.advance(10 * second);
    expect((await sessions.check(token, "device")).standing).toBe("expired");
  });

  it("L-22 a session ends after the configured idle time and lives on while it is used", async () => {
    const { open, clock, standing } = await start();
    const { token } = await open();
    await clock.advance(59 * second);
    expect(await standing(token)).toBe("open");
    await clock.advance(59 * second);
    expect(await standing(token)).toBe("open");
    await clock.advance(61 * second);
    expect(await standing(token)).toBe("expired");
  });

  it("L-22 another idle limit in the settings is another behaviour", async () => {
    const { open, clock, standing } = await start({ idleSeconds: 120 });
    const { token } = await open();
    await clock.advance(61 * second);
    expect(await standing(token)).toBe("open");
  });

  it("L-20 an ended session leaves no row and its token is unknown afterwards", async () => {
    const { open, clock, standing, db } = await start();
    const { token, id } = await open();
    await clock.advance(61 * second);
    expect(await standing(token)).toBe("expired");
    expect(await db.selectFrom("session").where("id", "=", id).select("id").execute()).toEqual([]);
    expect(await standing(token)).toBe("unknown");
  });

  describe("rotation", () => {
    it("one of many parallel requests gets the new token; the old one still serves until the new is used", async () => {
      const { open, clock, sessions, standing } = await start();
      const { token } = await open();
      await clock.advance(50 * second);
      await standing(token);
      await clock.advance(51 * second);
      const answers = await Promise.all(Array.from({ length: 5 }, () => sessions.check(token, "device")));
      const fresh = answers.flatMap((answer) => (answer.standing === "open" ? (answer.newToken ?? []) : []));
      expect(fresh).toHaveLength(1);
      await clock.advance(40 * second);
      expect(await standing(token)).toBe("open");
      expect(await standing(fresh[0]!)).toBe("open");
      expect(await standing(token)).toBe("open");
    });

    it("a browser that lost the answer with its new token is given another", async () => {
      const { open, clock, sessions } = await start({ idleSeconds: 1000, lifeSeconds: 5000 });
      const { token } = await open();
      await clock.advance(101 * second);
      const lost = await sessions.check(token, "device");
      expect(lost).toMatchObject({ standing: "open", newToken: expect.any(String) });
      await clock.advance(101 * second);
      const again = await sessions.check(token, "device");
      expect(again).toMatchObject({ standing: "open", newToken: expect.any(String) });
    });

    it("L-21 a spent token after its grace ends every session of the person, as worker and as citizen", async () => {
      const { open, clock, sessions, standing } = await start();
      const { token } = await open();
      const { token: other } = await open("other device");
      await clock.advance(50 * second);
      await standing(token);
      await standing(other, "other device");
      await clock.advance(51 * second);
      const checked = await sessions.check(token, "device");
      const fresh = checked.standing === "open" ? checked.newToken! : "";
      expect(await standing(fresh)).toBe("open");
      await clock.advance(45 * second);
      expect(await standing(token)).toBe("compromised");
      expect(await standing(fresh)).toBe("unknown");
      expect(await standing(other, "other device")).toBe("unknown");
    });
  });

  it("L-21, L-55 a token from a foreign device ends every session of the person and of nobody else", async () => {
    const { open, standing } = await start();
    const stranger = await start();
    const [{ token }, { token: other }, { token: foreign }] = [
      await open(),
      await open("phone"),
      await stranger.open(),
    ];
    expect(await standing(token, "thief")).toBe("compromised");
    expect(await standing(token)).toBe("unknown");
    expect(await standing(other, "phone")).toBe("unknown");
    expect(await stranger.standing(foreign)).toBe("open");
  });

  it("sessions survive a restart and are shared by replicas", async () => {
    const { open, replica } = await start();
    const { token } = await open();
    expect((await replica().check(token, "device")).standing).toBe("open");
  });

  it("a change of what is known holds at once, in the cache too", async () => {
    const { open, sessions } = await start();
    const { token, id } = await open();
    await sessions.check(token, "device");
    await sessions.change({ id }, (known) => ({ ...known, termsVersion: "7" }));
    expect(await sessions.check(token, "device")).toMatchObject({ facts: { termsVersion: "7" } });
  });

  it("a session that was ended can't be changed", async () => {
    const { open, sessions } = await start();
    const session = await open();
    await sessions.end(session);
    await expect(sessions.change(session, (known) => known)).rejects.toMatchObject({ code: "unauthorized" });
  });
});
