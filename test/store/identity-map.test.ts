import { sql } from "kysely";
import { expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { IdentityMap } from "../../src/store/identity-map.ts";
import { onBothEngines } from "./engines.ts";

const keyring = createKeyring(new Uint8Array(32).fill(1));
const snils = "11223344595";

onBothEngines((store) => {
  const replica = () => new IdentityMap({ db: store().db, keyring, clock: new ManualClock() });

  it("gives one logical id to one source identifier, in every replica and under a race", async () => {
    const replicas = Array.from({ length: 8 }, replica);
    const ids = await Promise.all(
      replicas.flatMap((map) => [map.idOf("t", "raced", snils), map.idOf("t", "raced", snils)]),
    );
    expect(new Set(ids).size).toBe(1);
    expect(await replica().idOf("t", "raced", snils)).toBe(ids[0]);
  });

  it("gives different ids to another tenant, kind and value", async () => {
    const map = replica();
    const ids = await Promise.all([
      map.idOf("t", "frmr/snils", snils),
      map.idOf("u", "frmr/snils", snils),
      map.idOf("t", "ferzl/snils", snils),
      map.idOf("t", "frmr/snils", "08765430300"),
    ]);
    expect(new Set(ids).size).toBe(4);
  });

  it("finds the source identifier by logical id, for its tenant only", async () => {
    const id = await replica().idOf("t", "frmr/snils", snils);
    expect(await replica().find("t", id)).toEqual({ kind: "frmr/snils", value: snils });
    expect(await replica().find("u", id)).toBeUndefined();
    expect(await replica().find("t", "00000000-0000-4000-8000-000000000000")).toBeUndefined();
    for (const noId of ["a\0b", "", "x".repeat(65), "ж"])
      expect(await replica().find("t", noId)).toBeUndefined();
  });

  it("keeps no СНИЛС in clear, and ids are not derived from it", async () => {
    const id = await replica().idOf("t", "frmr/snils", snils);
    const { rows } = await sql<{ dump: string }>`select identity_map::text as dump from identity_map`.execute(
      store().db,
    );
    const dump = rows.map((row) => row.dump).join();
    expect(dump).toContain(id);
    expect(dump).not.toContain(snils);
    expect(dump).not.toContain(Buffer.from(snils).toString("hex"));
    await store().db.deleteFrom("identity_map").execute();
    expect(await replica().idOf("t", "frmr/snils", snils)).not.toBe(id);
  });

  it("does not remember a failure", async () => {
    const map = replica();
    await sql`alter table identity_map rename to identity_map_away`.execute(store().db);
    await expect(map.idOf("t", "frmr/snils", "08765430300")).rejects.toThrow();
    await sql`alter table identity_map_away rename to identity_map`.execute(store().db);
    expect(await map.idOf("t", "frmr/snils", "08765430300")).toMatch(/^[0-9a-f-]{36}$/);
  });
});
