import { randomUUID } from "node:crypto";
import type { Bundle, Location, Patient } from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, codeOf, type FhirServer, startFhirServer } from "../support/fhir-server.ts";

let server: FhirServer;
/** ids of what decide() would not open any more */
const closed = new Set<string | undefined>();
beforeAll(async () => {
  server = await startFhirServer({ repeatsByRequestId: true, refuses: (_action, { id }) => closed.has(id) });
});
afterAll(() => server?.close());

const place = (name: string): Location => ({ resourceType: "Location", name });
const create = (name: string, headers: Record<string, string>) =>
  server.call<Location>("POST", "/Location", { body: place(name), headers });
const isReplay = ({ headers }: Answer<unknown>) => headers.has("idempotent-replayed");

describe("a change repeated by a FHIR client", () => {
  it("under one Idempotency-Key has one effect and one answer, headers and bytes", async () => {
    const key = { "idempotency-key": randomUUID() };
    const first = await create("палата 1", key);
    const again = await create("палата 1", key);
    expect([first.status, again.status, isReplay(first), isReplay(again)]).toEqual([201, 201, false, true]);
    expect(again.text).toBe(first.text);
    for (const name of ["location", "etag", "last-modified", "content-type"])
      expect(again.headers.get(name), name).toBe(first.headers.get(name));
    expect(again.headers.get("etag")).toBe('W/"1"');
    const other = await create("палата 2", key);
    expect([other.status, codeOf(other)]).toEqual([409, "idempotency-conflict"]);
  });

  it("an update and a delete answer their repeat although the resource has moved on", async () => {
    const { body } = await create("кабинет", {});
    const changed = { ...body, name: "кабинет 5" };
    const headers = { "if-match": 'W/"1"', "idempotency-key": randomUUID() };
    const update = () => server.call("PUT", `/Location/${body.id}`, { body: changed, headers });
    const [first, again] = [await update(), await update()];
    expect([first.status, again.status, again.text]).toEqual([200, 200, first.text]);
    const remove = () =>
      server.call("DELETE", `/Location/${body.id}`, {
        headers: { "if-match": 'W/"2"', "idempotency-key": headers["idempotency-key"].replace(/^./, "x") },
      });
    expect([(await remove()).status, (await remove()).status]).toEqual([204, 204]);
    const history = await server.call<{ total: number }>("GET", `/Location/${body.id}/_history`);
    expect(history.body).toMatchObject({ entry: [{}, {}, {}] });
  });

  it("the same body under another precondition is another request", async () => {
    const { body } = await create("склад", {});
    const key = randomUUID();
    const update = (ifMatch: string) =>
      server.call("PUT", `/Location/${body.id}`, {
        body: { ...body, name: "аптека" },
        headers: { "if-match": ifMatch, "idempotency-key": key },
      });
    expect((await update('W/"1"')).status).toBe(200);
    expect(codeOf(await update('W/"2"'))).toBe("idempotency-conflict");
  });

  it("the same body with another X-Provenance is another request", async () => {
    const key = randomUUID();
    const made = (reason: string) => {
      const provenance = JSON.stringify({ resourceType: "Provenance", reason: [{ text: reason }] });
      return create("архив", { "idempotency-key": key, "x-provenance": provenance });
    };
    expect([(await made("one")).status, (await made("one")).status]).toEqual([201, 201]);
    expect(codeOf(await made("other"))).toBe("idempotency-conflict");
  });

  it("a batch is known by its identifier, as a transaction is", async () => {
    const entry = [{ resource: place("ординаторская"), request: { method: "POST", url: "Location" } }];
    const identifier = { system: "urn:mis", value: randomUUID() };
    const batch = { resourceType: "Bundle", type: "batch", identifier, entry } as Bundle;
    const send = async () =>
      (await server.call<Bundle>("POST", "", { body: batch })).body.entry?.[0]?.response;
    const first = await send();
    expect(first?.status).toBe("201 Created");
    expect((await send())?.location).toBe(first?.location);
  });

  it("X-Request-ID counts only for a client that is registered so", async () => {
    const id = { "x-request-id": randomUUID() };
    const first = await create("морг", id);
    expect((await create("морг", id)).text).toBe(first.text);
    const plain = await startFhirServer();
    const send = () => plain.call<Location>("POST", "/Location", { body: place("морг"), headers: id });
    const [one, two] = [await send(), await send()];
    expect([one.status, two.status]).toEqual([201, 201]);
    expect(one.body.id).not.toBe(two.body.id);
    await plain.close();
  });

  it("without any key each request is carried out; a malformed key is refused", async () => {
    expect((await create("а", {})).body.id).not.toBe((await create("а", {})).body.id);
    const wrong = await create("а", { "idempotency-key": "with space" });
    expect([wrong.status, codeOf(wrong)]).toEqual([400, "bad-request"]);
  });

  it("a refused change is carried out anew", async () => {
    const key = { "idempotency-key": randomUUID() };
    const wrong = await server.call("POST", "/Location", { body: { resourceType: "Slot" }, headers: key });
    expect(wrong.status).toBe(400);
    expect((await create("исправлено", key)).status).toBe(201);
  });
});

describe("a repeat after what it would show was closed", () => {
  const headers = () => ({ "idempotency-key": randomUUID(), prefer: "return=representation" });
  const patient = async () =>
    (await server.call<Patient>("POST", "/Patient", { body: { resourceType: "Patient" } })).body;
  const bundle = (type: "batch" | "transaction", url: string): Bundle => ({
    resourceType: "Bundle",
    type,
    entry: [
      { request: { method: "POST", url: "Location" }, resource: place("процедурная") },
      { request: { method: "GET", url } },
    ],
  });
  const rowsSince = (from: number) =>
    server.journal
      .slice(from)
      .map(({ action, resourceType, outcome }) => `${action} ${resourceType} ${outcome}`);
  const places = async () => (await server.call<Bundle>("GET", "/Location?_summary=count")).body.total ?? 0;

  it.each(["batch", "transaction"] as const)(
    "a %s keeps its change, and its read is decided anew",
    async (type) => {
      const { id } = await patient();
      const [key, body, before] = [headers(), bundle(type, `Patient/${id}`), await places()];
      const send = () => server.call<Bundle>("POST", "", { body, headers: key });
      const first = await send();
      const again = await send();
      expect([first.status, again.status, isReplay(again)]).toEqual([200, 200, true]);
      expect(again.body).toEqual(first.body);
      closed.add(id);
      const from = server.journal.length;
      const later = await send();
      expect(later.body.entry?.[0]).toEqual(first.body.entry?.[0]);
      expect(later.body.entry?.[1]?.response?.status).toMatch(/^403/);
      expect(later.text).not.toContain(`"id":"${id}"`);
      expect(await places()).toBe(before + 1);
      expect(rowsSince(from)[0]).toBe("repeated create Location ok");
      expect(rowsSince(from)[1]).toMatch(/^(refused GET|repeated read) Patient access-denied$/);
    },
  );

  it("a token that no longer opens what was changed gets nothing of the answer", async () => {
    const token = await server.tokenFor("system/Location.rs system/Patient.cruds");
    const key = headers();
    const send = (as?: string) =>
      server.call<Location>("POST", "/Location", { body: place("перевязочная"), headers: key, token: as });
    const [first, before] = [await send(), await places()];
    const narrowed = await send(token);
    expect([narrowed.status, codeOf(narrowed)]).toEqual([403, "scope-missing"]);
    expect(narrowed.text).not.toContain(first.body.id);
    expect([narrowed.headers.get("location"), narrowed.headers.get("etag")]).toEqual([null, null]);
    expect((await send()).text).toBe(first.text);

    const criteria = { ...headers(), "if-none-exist": `_id=${first.body.id}` };
    const found = (as?: string) =>
      server.call<Location>("POST", "/Location", { body: place("другая"), headers: criteria, token: as });
    expect((await found()).text).toBe(first.text);
    expect(codeOf(await found(await server.tokenFor("system/Location.c")))).toBe("scope-missing");
    expect(await places()).toBe(before);
  });

  it.each(["batch", "transaction"] as const)(
    "a %s is told again as far as the scopes of the token reach",
    async (type) => {
      const { id } = await patient();
      const [key, body, before] = [headers(), bundle(type, `Patient/${id}`), await places()];
      const send = async (scope?: string) =>
        server.call<Bundle>("POST", "", {
          body,
          headers: key,
          token: scope === undefined ? undefined : await server.tokenFor(scope),
        });
      const first = await send();
      const blind = await send("system/Location.cruds");
      expect(blind.body.entry?.[0]).toEqual(first.body.entry?.[0]);
      expect(blind.body.entry?.[1]?.response?.status).toMatch(/^403/);
      expect(blind.text).not.toContain(`"id":"${id}"`);
      const idle = await send("system/Location.rs system/Patient.r");
      expect(idle.text).not.toContain(first.body.entry?.[0]?.resource?.id);
      expect(idle.status === 403 || /^403/.test(idle.body.entry?.[0]?.response?.status ?? "")).toBe(true);
      expect(await places()).toBe(before + 1);
    },
  );

  it("a batch of reads is read anew, and so is an operation by POST", async () => {
    const { id } = await patient();
    const key = headers();
    const body = {
      resourceType: "Bundle",
      type: "batch",
      entry: [{ request: { method: "GET", url: `Patient/${id}` } }],
    };
    const batch = () => server.call<Bundle>("POST", "", { body: body as Bundle, headers: key });
    const everything = () => server.call("POST", `/Patient/${id}/$everything`, { headers: key });
    expect((await batch()).body.entry?.[0]?.resource?.id).toBe(id);
    expect((await everything()).text).toContain(id);
    closed.add(id);
    expect((await batch()).body.entry?.[0]?.resource).toBeUndefined();
    expect((await everything()).status).toBe(403);
  });

  it("a change is told without the resource, and the journal has whose it was", async () => {
    const { id } = await patient();
    const key = { ...headers(), "if-match": 'W/"1"' };
    const update = () =>
      server.call<Patient>("PUT", `/Patient/${id}`, {
        body: { resourceType: "Patient", id, active: true },
        headers: key,
      });
    const first = await update();
    closed.add(id);
    const again = await update();
    expect([again.status, again.text, again.headers.get("etag")]).toEqual([
      200,
      "",
      first.headers.get("etag"),
    ]);
    expect(server.journal.at(-1)).toMatchObject({
      action: "repeated update",
      resourceType: "Patient",
      resourceId: id,
      subject: id,
      outcome: "access-denied",
    });
  });

  it("in a batch that failed in part, only what failed is done again", async () => {
    const { id } = await patient();
    const key = headers();
    const body = bundle("batch", `Patient/${id}`);
    body.entry?.push({
      request: { method: "PUT", url: `Patient/${id}`, ifMatch: 'W/"1"' },
      resource: { resourceType: "Patient", id, active: true },
    });
    const send = async () =>
      (await server.call<Bundle>("POST", "", { body, headers: key })).body.entry?.map(
        ({ response }) => response?.status,
      );
    const before = await places();
    closed.add(id);
    expect(await send()).toEqual(["201 Created", "403", "403"]);
    closed.delete(id);
    expect(await send()).toEqual(["201 Created", "200 OK", "200 OK"]);
    expect(await send()).toEqual(["201 Created", "200 OK", "200 OK"]);
    expect(await places()).toBe(before + 1);
    const other = await server.call("POST", "", { body: bundle("batch", "Patient/1"), headers: key });
    expect([other.status, codeOf(other)]).toEqual([409, "idempotency-conflict"]);
  });
});
