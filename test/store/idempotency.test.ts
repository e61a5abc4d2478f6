import { sql } from "kysely";
import { expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { masterKeyProvider } from "../../src/crypto/key-providers.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { SearchIndex } from "../../src/fhir/search/search-index.ts";
import { ConsentStore, consentPlace } from "../../src/flows/consent/consent-store.ts";
import type { StoredConsent } from "../../src/flows/consent/consent-terms.ts";
import { DataKeys } from "../../src/store/data-keys.ts";
import { type Claim, IdempotencyKeys } from "../../src/store/idempotency.ts";
import { claimOnce } from "../../src/store/once.ts";
import { OneTimeCodes } from "../../src/store/one-time-codes.ts";
import { personalPurges } from "../../src/store/personal-purges.ts";
import { purgeExpired } from "../../src/store/purge.ts";
import { ResourceStore } from "../../src/store/resources.ts";
import { type SignInRecord, SignIns } from "../../src/store/sign-ins.ts";
import { SignatureStore } from "../../src/store/signatures.ts";
import { WorkerVerifications } from "../../src/store/worker-verifications.ts";
import { onBothEngines } from "./engines.ts";

const answer = {
  status: 201,
  headers: { "content-type": "application/json", etag: 'W/"1"' },
  body: Buffer.from('{"имя":"Анна"}'),
};
const day = 86_400_000;

onBothEngines((store) => {
  const clock = new ManualClock();
  const keys = () =>
    new IdempotencyKeys({
      db: store().db,
      keyring: createKeyring(Buffer.alloc(32, 7)),
      clock,
      leaseMs: 60_000,
    });
  const mine = async (key: string, request = "r"): Promise<Claim> => {
    const claimed = await keys().claim("me", key, request);
    if (claimed.state !== "mine") throw new Error(`claim is ${claimed.state}`);
    return claimed.claim;
  };

  it("one of 16 equal requests gets the claim", async () => {
    const claims = await Promise.all(Array.from({ length: 16 }, () => keys().claim("me", "many", "r")));
    expect(claims.filter(({ state }) => state === "mine")).toHaveLength(1);
    expect(claims.filter(({ state }) => state === "running")).toHaveLength(15);
  });

  it("a kept answer is given again, byte for byte, for 30 days", async () => {
    await keys().keep(await mine("kept"), answer);
    await clock.advance(30 * day - 1);
    expect(await keys().claim("me", "kept", "r")).toEqual({ state: "answered", answer });
    await clock.advance(1);
    expect((await keys().claim("me", "kept", "r")).state).toBe("mine");
  });

  it("another request under the same key is a conflict, another caller's is not", async () => {
    await keys().keep(await mine("shared"), answer);
    expect((await keys().claim("me", "shared", "other")).state).toBe("conflict");
    expect((await keys().claim("other", "shared", "other")).state).toBe("mine");
  });

  it("a released claim is free again, a dead holder's one after its lease", async () => {
    await keys().release(await mine("released"));
    await mine("released");
    const late = await mine("dead");
    await clock.advance(60_000);
    const heir = await mine("dead");
    expect(await keys().keep(late, answer)).toBe(false);
    expect((await keys().claim("me", "dead", "r")).state).toBe("running");
    await keys().keep(heir, answer);
    expect((await keys().claim("me", "dead", "r")).state).toBe("answered");
  });

  it("an answer kept in a transaction stands or falls with it", async () => {
    const claim = await mine("together");
    const undone = store()
      .db.transaction()
      .execute(async (trx) => {
        expect(await keys().keep(claim, answer, { db: trx })).toBe(true);
        throw new Error("undo");
      });
    await expect(undone).rejects.toThrow("undo");
    expect((await keys().claim("me", "together", "r")).state).toBe("running");
    await store()
      .db.transaction()
      .execute((trx) => keys().keep(claim, answer, { db: trx }));
    expect((await keys().claim("me", "together", "r")).state).toBe("answered");
  });

  it("an answer that is not the last waits for the last, and stands in for it when the holder died", async () => {
    const claim = await mine("in two");
    const last = { ...answer, body: Buffer.from("last") };
    const first = async (of: Claim) => keys().keep(of, answer, { isLast: false });
    await first(claim);
    expect((await keys().claim("me", "in two", "r")).state).toBe("running");
    expect(await keys().keep(claim, last)).toBe(true);
    expect(await keys().claim("me", "in two", "r")).toEqual({ state: "answered", answer: last });
    const dead = await mine("died");
    await first(dead);
    await keys().release(dead);
    expect((await keys().claim("me", "died", "r")).state).toBe("running");
    await clock.advance(60_000);
    expect(await keys().claim("me", "died", "r")).toEqual({ state: "answered", answer });
  });

  it("what is past its time is deleted, the rest stays", async () => {
    const { db } = store();
    await db.deleteFrom("idempotency").execute();
    await mine("old");
    await clock.advance(30 * day + 1);
    await mine("new");
    const values = Array.from({ length: 2_100 }, (_, n) => ({ hash: String(n), expires_at: n }));
    await db.insertInto("one_time_value").values(values).execute();
    expect(await purgeExpired(db, "idempotency", clock.now())).toBe(1);
    expect(await purgeExpired(db, "one_time_value", 2_050)).toBe(2_050);
    expect((await keys().claim("me", "new", "r")).state).toBe("running");
  });

  it("data of people that came to nothing or to an end are deleted in their time, the rest stays", async () => {
    const { db } = store();
    const keyring = createKeyring(Buffer.alloc(32, 7));
    const dataKeys = new DataKeys({ keys: masterKeyProvider(keyring), clock });
    const resources = new ResourceStore({ dataKeys, clock });
    const index = new SearchIndex({ keyring, clock, baseUrl: "https://gateway.example/fhir" });
    const consents = new ConsentStore({ db, resources, index });
    const signatures = new SignatureStore({ db, keyring, dataKeys });
    const prepared = (id: string) =>
      signatures.create({
        ...{ id, tenant: "t", signer: "s", subject: "p", purpose: "document", state: "prepared" },
        ...{ createdAt: clock.now(), expiresAt: clock.now() + 900_000, terms: {}, content: Buffer.from(id) },
      });
    const ended = async (id: string, state: string) => {
      const kept = await prepared(id);
      const container = Buffer.from(state);
      await signatures.change(db, kept, { state, settledAt: clock.now(), container });
      if (state === "refused")
        await signatures.evidence.add(db, kept, {
          ...{ at: clock.now(), verdict: "unknown", imprint: id, report: { of: id } },
        });
    };
    const [patient, terms] = [
      { id: "p", name: "П" },
      { kind: "processing", decision: "permit", rights: [] },
    ];
    const text = { version: "1", title: "т", body: "т" };
    const draft = { ...terms, patient, text, status: "draft", grantor: "p", preparedAt: clock.now() };
    const consent = (id: string) => ({ ...draft, id }) as StoredConsent;
    const fill = async (at: string) => {
      // a sign-in would sweep what ended before it
      await db
        .insertInto("session")
        .values({
          ...{ id: at, owner: at, kind: "worker", device_hash: "d", facts: Buffer.alloc(1) },
          ...times(),
        })
        .execute();
      const circumstances = {
        address: "192.0.2.1",
        browser: "б",
        kind: "worker",
        amr: "",
        secondFactor: "assumed",
      };
      const signIn = {
        sessionId: at,
        owner: at,
        at: clock.now(),
        deviceHash: "d",
        circumstances,
      } as SignInRecord;
      await new SignIns({ db, keyring }).record(signIn, async () => {});
      const use = { owner: at, purpose: "p", target: "t" };
      await db.transaction().execute((trx) => new OneTimeCodes({ keyring, clock }).issue(trx, use));
      await new WorkerVerifications({ db, keyring }).remember(at, clock.now(), {});
      for (const state of ["cancelled", "refused", "signed"]) await ended(`${at} ${state}`, state);
      await prepared(`${at} prepared`);
      for (const [id, versions] of [
        [`${at}-draft`, 1],
        [`${at}-active`, 2],
      ] as const)
        for (let version = 0; version < versions; version++)
          await consents.transaction((trx) => consents.put(trx, consent(id), version));
    };
    const times = () => {
      const now = clock.now();
      return { created_at: now, seen_at: now, rotated_at: now, expires_at: now + day };
    };
    const purgeAll = async () => {
      const place = { now: () => clock.now(), verificationDays: 30, consents: consentPlace };
      for (const run of personalPurges({ db, ...place })) await run();
    };
    const left = async () => {
      const rows = async (query: { execute(): Promise<{ id: string }[]> }) =>
        (await query.execute()).map(({ id }) => id).sort();
      return {
        sessions: await rows(db.selectFrom("session").select("id")),
        signIns: await rows(db.selectFrom("sign_in").select("session_id as id")),
        codes: await rows(db.selectFrom("one_time_code").select("owner as id")),
        verifications: await rows(db.selectFrom("worker_verification").select("owner as id")),
        signatures: (await db.selectFrom("signature").select(["id", "state"]).orderBy("id").execute()).map(
          ({ id, state }) => (id.endsWith(state) ? id : `${id}: ${state}`),
        ),
        consents: await rows(db.selectFrom("resource_history").select("id").distinct()),
      };
    };
    await fill("old");
    await clock.advance(900_000);
    await purgeAll();
    // one that was submitted in time may be under its check still
    expect((await left()).signatures).toContain("old prepared");
    await clock.advance(3_600_000);
    await purgeAll();
    const whole = ["old cancelled", "old prepared: expired", "old refused", "old signed"];
    expect(await left()).toEqual({
      ...{ sessions: ["old"], signIns: ["old"], codes: ["old"], verifications: ["old"] },
      ...{ signatures: whole, consents: ["old-active", "old-draft"] },
    });
    await clock.advance(31 * day);
    await fill("new");
    await purgeAll();
    expect(await left()).toEqual({
      ...{ sessions: ["new"], signIns: ["new", "old"], codes: ["new"], verifications: ["new"] },
      signatures: ["new cancelled", "new prepared", "new refused", "new signed", "old refused", "old signed"],
      consents: ["new-active", "new-draft", "old-active"],
    });
    // the evidence of a check is opened, and its signature spent, through the request that lost its bytes
    const checked = { id: "old refused", tenant: "t", subject: "p" };
    expect(await signatures.find(checked.id)).toMatchObject({ ...checked, state: "refused" });
    const { content, container } = (await signatures.find(checked.id)) ?? {};
    expect([content?.length, container]).toEqual([0, undefined]);
    expect(await signatures.evidence.of(checked)).toMatchObject([{ report: { of: "old refused" } }]);
    expect(await signatures.evidence.isSpent({ id: "another", tenant: "t" }, "old refused")).toBe(true);
    expect((await signatures.find("new refused"))?.container).toEqual(Buffer.from("refused"));
    await clock.advance(335 * day);
    await purgeAll();
    expect((await left()).signIns).toEqual(["new"]);
  });

  it("what came to nothing ends in short statements, however much of it there is", async () => {
    const affected: number[] = [];
    const db = store().db.withPlugin({
      transformQuery: ({ node }) => node,
      async transformResult({ result }) {
        affected.push(Number(result.numAffectedRows ?? 0));
        return result;
      },
    });
    const many = sql`generate_series(1, 1100) n`;
    const { tenant, type } = consentPlace;
    for (const state of ["prepared", "cancelled"])
      await sql`insert into signature
        (id, tenant, signer, purpose, state, document_mac, created_at, expires_at, settled_at, terms, content)
        select ${state} || n, 't', 's', 'document', ${state}, '', 0, 0, 0, '', 'x' from ${many}`.execute(db);
    await sql`insert into signature_evidence (signature_id, n, at, verdict, report)
      select 'cancelled' || n, 1, 0, 'bad', '' from ${many}`.execute(db);
    for (const table of ["resource", "resource_history"])
      await sql`insert into ${sql.table(table)} (tenant, type, id, version, last_updated, deleted)
        select ${tenant}, ${type}, 'many-' || n, 1, 0, false from ${many}`.execute(db);
    affected.length = 0;
    const place = { now: () => clock.now(), verificationDays: 30, consents: consentPlace };
    for (const run of personalPurges({ db, ...place })) await run();
    expect(Math.max(...affected)).toBe(1_000);
    const of = (id: string) => sql<boolean>`id like ${id}`;
    const left = await db.selectFrom("signature").select("id").where(of("prepared%")).execute();
    const bytes = await db
      .selectFrom("signature")
      .select("id")
      .where(of("cancelled%"))
      .where(sql<boolean>`content <> ''`)
      .execute();
    const drafts = await db.selectFrom("resource_history").select("id").where(of("many-%")).execute();
    expect([left, bytes, drafts]).toEqual([[], [], []]);
  });

  it("a one-time value is new again only after its end", async () => {
    const claim = claimOnce(store().db, createKeyring(Buffer.alloc(32, 7)), clock);
    const end = clock.now() + 1_000;
    expect([await claim("jti", "a", end), await claim("jti", "a", end)]).toEqual([true, false]);
    await clock.advance(1_001);
    expect(await claim("jti", "a", clock.now() + 5)).toBe(true);
    expect(await claim("jti", "a", clock.now() + 5)).toBe(false);
  });

  it("rows show neither the key nor the answer", async () => {
    await keys().keep(await mine("secret-key"), answer);
    const rows = await store().db.selectFrom("idempotency").selectAll().execute();
    const dump = rows
      .map((row) =>
        JSON.stringify({ ...row, answer: row.answer && Buffer.from(row.answer).toString("latin1") }),
      )
      .join();
    expect(rows.length).toBeGreaterThan(0);
    for (const word of ["secret-key", "Анна", "json"]) expect(dump).not.toContain(word);
  });
});
