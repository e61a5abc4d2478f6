import { afterAll, beforeAll, describe } from "vitest";
import { type OpenDatabase, openDatabase } from "../../src/store/database.ts";
import { freshDatabase } from "../support/database.ts";

/** Runs the same tests on PostgreSQL and on the embedded database, each file on a database of its own. */
export function onBothEngines(tests: (store: () => OpenDatabase) => void): void {
  describe.each(["postgres", "pglite"] as const)("on %s", (engine) => {
    let store: OpenDatabase | undefined;
    beforeAll(async () => {
      const url = engine === "postgres" ? await freshDatabase() : undefined;
      store = await openDatabase({ url, dataDir: "memory://" });
    });
    afterAll(async () => {
      await store?.close();
    });
    tests(() => {
      if (!store) throw new Error("the store opens in beforeAll");
      return store;
    });
  });
}
