import type { Bundle } from "@medplum/fhirtypes";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  batchOf,
  type DeferringDoor,
  form,
  later,
  observationOf,
  onlyEntry,
  patientOf,
  refusalIn,
  startDeferringDoor,
} from "../support/deferred.ts";
import { type Answer, codeOf, resourcesIn } from "../support/fhir-server.ts";

describe.each(["postgres", "pglite"] as const)("Prefer: respond-async on %s", (engine) => {
  let door: DeferringDoor;
  beforeAll(async () => {
    door = await startDeferringDoor(engine);
  });
  afterAll(() => door?.server.close());
  beforeEach(() => door.reset());

  it("a search is told to wait, shows its progress, and ends as the one entry of a batch-response", async () => {
    const { id } = await door.create(patientOf("Отложенная"));
    const asked = await door.call("GET", `/Patient?_id=${id}`, { headers: later });
    expect([asked.status, asked.headers.get("preference-applied")]).toEqual([202, "respond-async"]);
    expect(asked.headers.get("content-location")).toMatch(
      /^http:\/\/here\.example\/fhir\/_async\/[0-9a-f-]{36}$/,
    );
    const waiting = await door.call("GET", door.placeOf(asked));
    expect([waiting.status, waiting.headers.get("x-progress"), waiting.headers.get("retry-after")]).toEqual([
      202,
      "queued",
      "2",
    ]);
    await door.work();
    const { body, headers } = await door.fetched(door.placeOf(asked));
    expect([body.type, body.entry?.length, onlyEntry(body).response?.status]).toEqual([
      "batch-response",
      1,
      "200 OK",
    ]);
    const bundle = onlyEntry(body).resource as Bundle;
    expect([bundle.type, bundle.total, resourcesIn(bundle)[0]?.id]).toEqual(["searchset", 1, id]);
    expect(Date.parse(headers.get("expires") ?? "")).toBe(door.server.clock.now() + 3_600_000);
  });

  it("each kind of reading is put off: forms, histories, operations, the system", async () => {
    const { id } = await door.create(patientOf("Всякая"));
    await door.create(observationOf(id));
    const count = async (...asked: Parameters<typeof door.begin>) =>
      resourcesIn(onlyEntry(await door.done(...asked)).resource as Bundle).map(
        ({ resourceType }) => resourceType,
      );
    expect(await count("POST", "/Patient/_search", { body: `_id=${id}`, headers: form })).toEqual([
      "Patient",
    ]);
    expect(await count("POST", "/_search", { body: `_type=Patient&_id=${id}`, headers: form })).toEqual([
      "Patient",
    ]);
    expect(await count("GET", `/?_type=Patient&_id=${id}`)).toEqual(["Patient"]);
    expect(await count("GET", `/Patient/${id}/Observation`)).toEqual(["Observation"]);
    await door.reset();
    expect(await count("GET", `/Patient/${id}/_history`)).toEqual(["Patient"]);
    expect((await count("GET", "/Observation/_history"))[0]).toBe("Observation");
    expect(await count("GET", "/_history?_count=1")).toEqual(["Observation"]);
    expect((await count("GET", `/Patient/${id}/$everything`)).sort()).toEqual(["Observation", "Patient"]);
  });

  it("a batch ends as its own batch-response, its changes done once", async () => {
    const bundle = batchOf(
      { request: { method: "POST", url: "Patient" }, resource: patientOf("Пакетная") },
      { request: { method: "GET", url: "Spaceship/1" } },
    );
    const body = await door.done("POST", "", { body: bundle });
    expect(body.entry?.map(({ response }) => response?.status)).toEqual(["201 Created", "404"]);
    await door.work();
    expect(door.server.journal.filter(({ action }) => action === "create")).toHaveLength(1);
  });

  it("a change is answered at once", async () => {
    const made = await door.call("POST", "/Patient", { body: patientOf("Скорая"), headers: later });
    expect([made.status, made.headers.get("preference-applied")]).toEqual([201, null]);
    const bundle = { resourceType: "Bundle", type: "transaction", entry: [] };
    expect((await door.call("POST", "", { body: bundle, headers: later })).status).toBe(200);
  });

  it("comes in the format of the request, or of the poll", async () => {
    const place = await door.begin("GET", "/Patient?_count=1&_format=xml");
    await door.work();
    expect((await door.fetched(place)).text).toMatch(/^<\?xml.*<Bundle/s);
    const json = await door.fetched(place, { headers: { accept: "application/fhir+json" } });
    expect(json.body.resourceType).toBe("Bundle");
    const refusal = await door.call("GET", "/Patient", { headers: { ...later, accept: "text/csv" } });
    expect(refusal.status).toBe(406);
  });

  it("an error of the request is the entry's outcome", async () => {
    const entry = onlyEntry(await door.done("GET", "/Patient?shoesize=43"));
    expect([...refusalIn(entry), entry.resource]).toEqual([
      "400 Bad Request",
      "unknown-parameter",
      undefined,
    ]);
    const lenient = await door.done("GET", "/Patient?shoesize=43&_count=1", {
      headers: { prefer: "respond-async, handling=lenient" },
    });
    expect(onlyEntry(lenient).response?.status).toBe("200 OK");
  });

  describe("the address", () => {
    it("is the caller's alone, with the very scopes", async () => {
      const place = await door.begin("GET", "/Patient");
      await door.work();
      const strangers = [
        await door.server.tokenFor("system/*.cruds", { clientId: "other" }),
        await door.server.tokenFor("system/*.cruds", { tenant: "1.2.643.5.1.13.13.12.2.77.90002" }),
        await door.server.tokenFor("system/*.rs"),
        await door.server.tokenFor("system/*.cruds", {
          human: { person: "p", role: "r", organization: "o", purpose: "TREAT" },
        }),
      ];
      for (const token of strangers)
        for (const method of ["GET", "DELETE"]) {
          const answer = await door.call(method, place, { token });
          expect([answer.status, codeOf(answer)]).toEqual([404, "not-found"]);
        }
      const renewed = await door.server.tokenFor("system/*.cruds");
      await door.fetched(place, { token: renewed });
      expect((await door.call("GET", `/_async/${crypto.randomUUID()}`)).status).toBe(404);
      expect((await door.call("GET", "/_async/x' or 1=1 --")).status).toBe(404);
    });

    it("is cancelled by DELETE, also while it runs", async () => {
      const place = await door.begin("GET", "/Patient");
      expect((await door.call("DELETE", place)).status).toBe(202);
      expect((await door.call("GET", place)).status).toBe(404);
      const running = await door.begin("GET", "/Patient");
      const claimed = await door.server.deferred.claim();
      expect((await door.call("GET", running)).headers.get("x-progress")).toBe("running");
      expect((await door.call("DELETE", running)).status).toBe(202);
      if (claimed) await door.server.deferred.settle(claimed, { content: {}, subjects: [] });
      expect((await door.call("GET", running)).status).toBe(404);
      expect((await door.call("DELETE", running)).status).toBe(404);
    });

    it("answers 410 when its time is over, and keeps nothing then", async () => {
      const place = await door.begin("GET", "/Patient");
      await door.work();
      await door.server.clock.advance(3_600_000);
      const token = await door.server.tokenFor("system/*.cruds");
      const gone = await door.call("GET", place, { token });
      expect([gone.status, codeOf(gone)]).toEqual([410, "gone"]);
      await door.server.deferred.purge();
      const rows = async () => (await door.rows()).map(({ request, answer }) => ({ request, answer }));
      expect(await rows()).toEqual([{ request: null, answer: null }]);
      await door.server.clock.advance(86_400_000);
      await door.server.deferred.purge();
      expect(await rows()).toEqual([]);
    });
  });

  it("no more than so many of a client at a time, also when they come at once", async () => {
    const asked = await Promise.all(
      Array.from({ length: 8 }, () => door.call("GET", "/Patient", { headers: later })),
    );
    expect(asked.map(({ status }) => status).sort()).toEqual([202, 202, 202, 202, 429, 429, 429, 429]);
    const refusal = asked.find(({ status }) => status === 429) as Answer;
    expect([codeOf(refusal), refusal.headers.get("retry-after")]).toEqual(["rate-limited", "5"]);
    expect(refusal.headers.get("content-location")).toBeNull();
    const other = await door.server.tokenFor("system/*.cruds", { clientId: "other" });
    expect((await door.call("GET", "/Patient", { headers: later, token: other })).status).toBe(202);
    const place = door.placeOf(asked.find(({ status }) => status === 202) as Answer);
    await door.call("DELETE", place);
    expect((await door.call("GET", "/Patient", { headers: later })).status).toBe(202);
  });

  it("a repeat with the same Idempotency-Key gets the same address", async () => {
    const bundle = batchOf({ request: { method: "GET", url: "Patient" } });
    const given = { body: bundle, headers: { "idempotency-key": crypto.randomUUID() } };
    expect(await door.begin("POST", "", given)).toBe(await door.begin("POST", "", given));
  });

  it("the journal has the asking, each reading and each handing out", async () => {
    const { id } = await door.create(patientOf("Журнальная"));
    door.server.journal.length = 0;
    const place = await door.begin("GET", `/Patient?_id=${id}`);
    await door.work();
    await door.fetched(place);
    expect(door.server.journal.map(({ action, subject, actorId }) => [action, subject, actorId])).toEqual([
      ["defer", undefined, "mis"],
      ["search", id, "mis"],
      ["fetch", id, "mis"],
    ]);
    expect(new Set(door.server.journal.slice(0, 2).map(({ requestId }) => requestId)).size).toBe(1);
  });

  it("neither the request nor the answer lies in clear, and an answer dies with its patient's key", async () => {
    const { id } = await door.create(patientOf("Тайнова"));
    const place = await door.begin("POST", "/Patient/_search", { body: "family=Тайнова", headers: form });
    const isTold = async () => {
      const [row] = await door.rows();
      return Buffer.concat([row?.request ?? Buffer.of(), row?.answer ?? Buffer.of()]).includes("Тайнова");
    };
    expect(await isTold()).toBe(false);
    await door.work();
    expect(await isTold()).toBe(false);
    await door.fetched(place);
    const tenant = (await door.rows())[0]?.tenant ?? "";
    await door.server.store.db
      .transaction()
      .execute((trx) => door.server.dataKeys.shred(trx, { tenant, subject: id }));
    expect((await door.call("GET", place)).status).toBe(410);
  });
});
