import type { Bundle } from "@medplum/fhirtypes";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Client } from "../../src/access/clients.ts";
import {
  batchOf,
  type DeferringDoor,
  onlyEntry,
  patientOf,
  refusalIn,
  startDeferringDoor,
} from "../support/deferred.ts";
import { resourcesIn } from "../support/fhir-server.ts";

describe.each(["postgres", "pglite"] as const)("deferred requests on %s", (engine) => {
  let door: DeferringDoor;
  beforeAll(async () => {
    door = await startDeferringDoor(engine);
  });
  afterAll(() => door?.server.close());
  beforeEach(() => door.reset());

  describe("authority is judged when it runs", () => {
    const statusOf = async (place: string, token?: string) => {
      await door.work();
      return onlyEntry((await door.fetched(place, { token })).body).response?.status;
    };

    it("a revoked token", async () => {
      const token = await door.server.tokenFor("system/*.cruds");
      const place = await door.begin("GET", "/Patient", { token });
      await door.server.tokens.revoke(await door.server.tokens.check(token));
      expect(await statusOf(place)).toBe("401 Unauthorized");
    });

    it("a token that has run out meanwhile is no hindrance", async () => {
      const place = await door.begin("GET", "/Patient");
      await door.server.clock.advance(3_599_000);
      expect(await statusOf(place, await door.server.tokenFor("system/*.cruds"))).toBe("200 OK");
    });

    it("a client registered no more, elsewhere, or for less", async () => {
      const before = door.server.registered.get("mis");
      if (!before) throw new Error("not registered");
      const cases = [
        [undefined, "401 Unauthorized"],
        [{ ...before, tenant: "1.2" }, "401 Unauthorized"],
        [{ ...before, scopes: ["system/Patient.r"] }, "403 Forbidden"],
      ] satisfies [Client | undefined, string][];
      for (const [client, status] of cases) {
        const place = await door.begin("GET", "/Patient");
        if (client) door.server.registered.set("mis", client);
        else door.server.registered.delete("mis");
        expect(await statusOf(place)).toBe(status);
        door.server.registered.set("mis", before);
      }
    });

    it("a worker who holds the post no more", async () => {
      const organization = door.server.registered.get("mis")?.tenant ?? "";
      const human = { person: "p", role: "r", organization, purpose: "TREAT" as const };
      const token = await door.server.tokenFor("system/*.cruds", { human });
      const place = await door.begin("GET", "/Patient", { token });
      door.world.isWorker = false;
      expect(await statusOf(place, token)).toBe("403 Forbidden");
    });

    it("what decide() refuses by then is not read, and what it refuses later is not handed out", async () => {
      const [one, two] = [await door.create(patientOf("Первая")), await door.create(patientOf("Вторая"))];
      const place = await door.begin("GET", `/Patient?_id=${one.id},${two.id}`);
      door.world.refused = one.id;
      await door.work();
      const found = async () => {
        const bundle = onlyEntry((await door.fetched(place)).body).resource as Bundle;
        return [resourcesIn(bundle).map(({ id }) => id), bundle.total];
      };
      expect(await found()).toEqual([[two.id], 1]);
      door.world.refused = two.id;
      expect(await found()).toEqual([[], 0]);
    });

    it("of a batch a refused answer keeps its place, of a document nothing is left", async () => {
      const { id } = await door.create(patientOf("Третья"));
      const entries = ["Patient/nobody", `Patient/${id}`].map((url) => ({ request: { method: "GET", url } }));
      const place = await door.begin("POST", "", { body: batchOf(...entries) });
      const composition = await door.create({
        resourceType: "Composition",
        status: "final",
        type: { text: "выписка" },
        title: "Выписка",
        date: "2026-11-22",
        author: [{ reference: `Patient/${id}` }],
        subject: { reference: `Patient/${id}` },
      });
      const document = await door.begin("GET", `/Composition/${composition.id}/$document`);
      await door.work();
      expect(resourcesIn((await door.fetched(document)).body)).toHaveLength(1);
      door.world.refused = id;
      const statuses = (await door.fetched(place)).body.entry?.map(({ response }) => response?.status);
      expect(statuses).toEqual(["404", "403 Forbidden"]);
      expect(onlyEntry((await door.fetched(document)).body)).toMatchObject({
        response: { status: "403 Forbidden" },
      });
    });
  });

  describe("workers", () => {
    it("two replicas carry a request out once, and one client has one running", async () => {
      for (let n = 0; n < 4; n += 1) await door.begin("GET", "/Patient");
      const claimed = await Promise.all(Array.from({ length: 4 }, () => door.server.deferred.claim()));
      const ids = claimed.flatMap((one) => one?.id ?? []);
      expect(new Set(ids).size).toBe(ids.length);
      expect(await door.server.deferred.claim()).toBeUndefined();
    });

    it("what a dead worker had begun is begun anew, but not a batch with changes", async () => {
      const place = await door.begin("GET", "/Patient");
      const lost = await door.server.deferred.claim();
      await door.work();
      expect((await door.call("GET", place)).status).toBe(202);
      await door.server.clock.advance(60_001);
      await door.work();
      await door.fetched(place);
      // whoever comes back from the dead changes nothing
      if (lost) await door.server.deferred.settle(lost, { content: { status: 500 }, subjects: [] });
      expect(onlyEntry((await door.fetched(place)).body).response?.status).toBe("200 OK");
      const bundle = batchOf({ request: { method: "POST", url: "Patient" }, resource: patientOf("Раз") });
      const batch = await door.begin("POST", "", { body: bundle });
      await door.server.deferred.claim();
      await door.server.clock.advance(60_001);
      door.server.journal.length = 0;
      await door.work();
      const refusal = refusalIn(onlyEntry((await door.fetched(batch)).body));
      expect(refusal).toEqual(["500 Internal Server Error", "deferred-interrupted"]);
      expect(door.server.journal.filter(({ action }) => action === "create")).toEqual([]);
    });

    it("a lease is renewed while the work lasts", async () => {
      await door.begin("GET", "/Patient");
      let end = () => {};
      const lasting = new Promise<void>((resolve) => {
        end = resolve;
      });
      const running = door.runOnce(async () => {
        await lasting;
        return { content: { status: 200, headers: {}, format: "json" }, subjects: [] };
      });
      await expect.poll(() => door.server.clock.sleeping).toBeGreaterThan(0);
      for (let n = 0; n < 5; n += 1) {
        const before = (await rowOf())?.due_at ?? 0;
        await door.server.clock.advance(20_000);
        await expect.poll(async () => (await rowOf())?.due_at).toBeGreaterThan(before);
        expect(await door.server.deferred.claim()).toBeUndefined();
      }
      end();
      await running;
      expect((await rowOf())?.state).toBe("done");
    });

    const rowOf = async () => (await door.rows())[0];

    it("what can't begin now is asked again soon", async () => {
      const place = await door.begin("GET", "/Patient");
      await door.runOnce(async () => undefined);
      expect(await rowOf())?.toMatchObject({ state: "queued", attempts: 0 });
      await door.server.clock.advance(2_000);
      await door.work();
      await door.fetched(place);
    });
  });
});
