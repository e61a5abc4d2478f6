import { randomUUID } from "node:crypto";
import type { Location } from "@medplum/fhirtypes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, codeOf, type FhirServer, startFhirServer } from "../support/fhir-server.ts";

let server: FhirServer;
beforeAll(async () => {
  server = await startFhirServer({ repeatsByRequestId: true });
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
