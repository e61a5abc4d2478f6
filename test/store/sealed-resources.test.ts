import type { Basic } from "@medplum/fhirtypes";
import { sql } from "kysely";
import { expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { SealedResources } from "../../src/store/sealed-resources.ts";
import { onBothEngines } from "./engines.ts";

const basic = (id: string, text: string): Basic & { id: string } => ({
  resourceType: "Basic",
  id,
  code: { text },
});

onBothEngines((store) => {
  const clock = new ManualClock();
  const resources = () =>
    new SealedResources({ db: store().db, keyring: createKeyring(Buffer.alloc(32, 7)), clock });
  const anna = { tenant: "t", subject: "anna" };

  it("lists a person's resources, newest first, and nobody else's", async () => {
    await resources().create(anna, [basic("one", "первый")]);
    await clock.advance(1);
    await resources().create(anna, [basic("two", "второй")]);
    await resources().create({ tenant: "t", subject: "boris" }, [basic("three", "чужой")]);
    const ids = (await resources().list(anna, "Basic", 10)).map(({ id }) => id);
    expect(ids).toEqual(["two", "one"]);
    expect(await resources().list(anna, "Basic", 1)).toHaveLength(1);
    expect(await resources().list({ ...anna, tenant: "u" }, "Basic", 10)).toEqual([]);
  });

  it("reads a resource for its person only", async () => {
    await resources().create(anna, [basic("own", "тайна")]);
    expect(await resources().read(anna, "Basic", "own")).toEqual(basic("own", "тайна"));
    expect(await resources().read({ tenant: "t", subject: "boris" }, "Basic", "own")).toBeUndefined();
    expect(await resources().read(anna, "Basic", "none")).toBeUndefined();
  });

  it("stores several together or none", async () => {
    const twice = resources().create(anna, [basic("pair", "a"), basic("pair", "b")]);
    await expect(twice).rejects.toMatchObject({ code: "version-conflict" });
    expect(await resources().read(anna, "Basic", "pair")).toBeUndefined();
  });

  it("the dump of both tables shows ciphertext, and a row moved to another id does not open", async () => {
    await resources().create(anna, [basic("sealed", "Врачев 90000000182")]);
    for (const table of ["resource", "resource_history"] as const) {
      const { rows } = await sql<{ row: string }>`select t::text as row from ${sql.table(table)} t`.execute(
        store().db,
      );
      const dump = rows.map(({ row }) => row).join("\n");
      expect(dump).toContain("sealed");
      for (const word of ["Врачев", "90000000182", Buffer.from("Врачев").toString("base64").slice(0, 8)])
        expect(dump).not.toContain(word);
    }
    await store().db.updateTable("resource").set({ id: "moved" }).where("id", "=", "sealed").execute();
    await expect(resources().read(anna, "Basic", "moved")).rejects.toThrow("does not open");
  });
});
