import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import { openDatabase } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrations.ts";
import { StorePool } from "../../src/store/pool.ts";
import type { Schema } from "../../src/store/schema.ts";
import { emptyDatabase, freshDatabase } from "../support/database.ts";
import { startPostgres } from "../support/postgres-server.ts";
import { onBothEngines } from "./engines.ts";

onBothEngines((store) => {
  it("answers a ping", async () => {
    await expect(store().ping()).resolves.toBeUndefined();
  });

  it("gives the same JavaScript value for every type", async () => {
    const { rows } = await sql`
      select 9007199254740991::int8 as int8, count(*) as counted, 12.50::numeric as numeric, true as boolean,
        timestamptz '2026-11-21 12:00:00.123+03' as timestamptz, date '1980-01-01' as date,
        '\\x0001ff'::bytea as bytea, '{"b":1,"a":[null]}'::jsonb as jsonb, array['а','б'] as texts,
        null::text as nothing from (values (1), (2)) as two`.execute(store().db);
    expect(rows).toEqual([
      {
        int8: 9007199254740991,
        counted: 2,
        numeric: "12.50",
        boolean: true,
        timestamptz: new Date("2026-11-21T09:00:00.123Z"),
        date: "1980-01-01",
        bytea: Buffer.from([0, 1, 255]),
        jsonb: { a: [null], b: 1 },
        texts: ["а", "б"],
        nothing: null,
      },
    ]);
  });

  it("keeps concurrent transactions apart and undoes a failed one", async () => {
    const { db } = store();
    const insert = (n: number) =>
      db.transaction().execute(async (trx) => {
        const row = { job: `tx-${n}`, holder: "test", expires_at: n };
        await trx.insertInto("job_lease").values(row).execute();
        if (n % 4 === 0) throw new Error("undo");
      });
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => insert(n)));
    const stored = await db.selectFrom("job_lease").where("job", "like", "tx-%").select("job").execute();
    expect(results.filter((result) => result.status === "rejected")).toHaveLength(5);
    expect(stored).toHaveLength(15);
  });

  it("passes an error of the statement on with its SQLSTATE and stays usable", async () => {
    await expect(sql`select * from no_such_table`.execute(store().db)).rejects.toMatchObject({
      code: "42P01",
    });
    await store().ping();
  });

  it("says how many rows a change touched", async () => {
    const { db } = store();
    await db.insertInto("job_lease").values({ job: "counted", holder: "a", expires_at: 1 }).execute();
    const result = await db.deleteFrom("job_lease").where("job", "=", "counted").executeTakeFirst();
    expect(result.numDeletedRows).toBe(1n);
  });
});

describe("PostgreSQL", () => {
  it("is migrated once when several replicas start together", async () => {
    const url = await emptyDatabase();
    const stores = await Promise.all([1, 2, 3].map(() => openDatabase({ url, dataDir: "unused" })));
    const { rows } = await sql<{ n: number }>`select count(*) as n from kysely_migration`.execute(
      stores[0]!.db,
    );
    expect(rows[0]?.n).toBeGreaterThan(2);
    await Promise.all(stores.map((store) => store.close()));
  });

  it("of an earlier release has refusals of access closed to be entered, as their text said", async () => {
    const url = await emptyDatabase();
    const db = new Kysely<Schema>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 1 }) }),
    });
    await migrate(db, "043-retention");
    const rows = [
      ["refusal", "access", "deny", "{view}"],
      ["permission", "access", "permit", "{view}"],
      ["prescription", "prescription", "permit", "{enter}"],
    ] as const;
    for (const [id, kind, decision, rights] of rows)
      await sql`insert into consent_fact (tenant, id, kind, decision, patient, rights, booked, granted_at)
        values ('shared', ${id}, ${kind}, ${decision}, 'anna', ${rights}, false, 1)`.execute(db);
    await migrate(db);
    const facts = await db.selectFrom("consent_fact").select(["id", "rights"]).execute();
    expect(Object.fromEntries(facts.map(({ id, rights }) => [id, rights]))).toEqual({
      refusal: ["view", "enter"],
      permission: ["view"],
      prescription: ["enter"],
    });
    await db.destroy();
  });

  it("of an earlier release keeps what its journal lists, and has it gone through again behind a mark", async () => {
    const url = await emptyDatabase();
    const db = new Kysely<Schema>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 1 }) }),
    });
    await migrate(db, "046-journal-position");
    await sql`insert into journal_entry values (gen_random_uuid(), 1)`.execute(db);
    await sql`insert into journal_hour values (1, 'clinic', 'read', '', 'ok', 5, 1, 1)`.execute(db);
    await sql`update journal_index set position = 7, rows = 9`.execute(db);
    await migrate(db);
    const { rows } = await sql`
      select (select count(*) from journal_entry)::int as entries, (select sum(count) from journal_hour)::int as counted,
        position::int, rows::int, placed::int, unplaced_until::int from journal_index`.execute(db);
    expect(rows).toEqual([{ entries: 1, counted: 5, position: 7, rows: 9, placed: 0, unplaced_until: 7 }]);
    await expect(sql`truncate journal_entry`.execute(db)).rejects.toMatchObject({ code: "42501" });
    await db.destroy();
  });

  it("that is not there is a coded error in bounded time", async () => {
    const url = "postgresql://postgres@127.0.0.1:1/none";
    await expect(openDatabase({ url, dataDir: "unused" })).rejects.toMatchObject({
      code: "store-unavailable",
    });
  });

  it("that accepts connections and never answers is a coded error in bounded time", async () => {
    const silent = createServer(() => undefined);
    await once(silent.listen(0, "127.0.0.1"), "listening");
    const url = `postgresql://postgres@127.0.0.1:${(silent.address() as AddressInfo).port}/none`;
    await expect(openDatabase({ url, dataDir: "unused" })).rejects.toMatchObject({
      code: "store-unavailable",
    });
    silent.close();
  });

  it("ends a long statement and a silent connection with a code, and the next call works", async () => {
    const proxy = await cuttableProxy(await freshDatabase());
    const store = await openDatabase({ url: proxy.url, dataDir: "unused", statementTimeoutMs: 300 });
    const unavailable = { code: "store-unavailable" };
    await expect(sql`select pg_sleep(20)`.execute(store.db)).rejects.toMatchObject(unavailable);
    await store.ping();
    proxy.silence();
    await expect(store.ping()).rejects.toMatchObject(unavailable);
    await store.ping();
    await store.close();
    proxy.close();
  });

  it("that ends a connection in the packet that opens it is a coded error, and the next is opened", async () => {
    const packet = (type: string, body: string | number[]) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(body.length + 4);
      return Buffer.concat([Buffer.from(type), length, Buffer.from(body as string)]);
    };
    const ready = [packet("R", [0, 0, 0, 0]), packet("Z", "I")];
    const ended = packet("E", "SFATAL\0C57P01\0Mterminating connection\0\0");
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.end(Buffer.concat([...ready, ended])));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const pool = new StorePool({ host: "127.0.0.1", port, user: "any", max: 1 }, silentLogger);
    for (const _ of [1, 2])
      await expect(pool.query("select 1")).rejects.toMatchObject({ code: "store-unavailable" });
    await pool.end();
    server.close();
  });

  it("restarted under us is a coded error while it is away, and then works again", async () => {
    const { url, server, remove } = await startPostgres();
    const store = await openDatabase({ url, dataDir: "unused" });
    try {
      await Promise.all(Array.from({ length: 5 }, () => store.ping()));
      const running = sql`select pg_sleep(30)`.execute(store.db).catch((error: unknown) => error);
      const open = store.db.transaction().execute(async (trx) => {
        await sql`select 1`.execute(trx);
        await server.stop();
        await sql`select 1`.execute(trx);
      });
      await expect(open).rejects.toMatchObject({ code: "store-unavailable" });
      expect(await running).toMatchObject({ code: "store-unavailable" });
      await expect(store.ping()).rejects.toMatchObject({ code: "store-unavailable" });
      await server.start();
      await Promise.all(Array.from({ length: 5 }, () => store.ping()));
    } finally {
      await store.close();
      await remove();
    }
  });
});

/** A way to the database whose open connections can go silent, as behind a firewall that drops packets. */
async function cuttableProxy(target: string) {
  const to = new URL(target);
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(to.port), to.hostname);
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on("error", () => undefined);
    open.add(near).add(far);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    silence: () => {
      for (const socket of open) socket.unpipe();
    },
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
