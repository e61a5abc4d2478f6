import { randomUUID } from "node:crypto";
import type { Bundle, CapabilityStatementRestResource, Resource } from "@medplum/fhirtypes";
import type { FhirServer } from "../fhir-server.ts";
import type { Line } from "./cases.ts";

interface Kept {
  id: string;
  path: string;
}

/** Every interaction of a stored type: that it does what it says, and that it refuses what it must. */
export function interactionLines(server: FhirServer, stated: CapabilityStatementRestResource): Line[] {
  const { type } = stated;
  const tests = { ...testsOf(server, type ?? ""), ...conditionalTests(server, stated) };
  return Object.entries(tests).map(([name, run]) => ({ title: `${name} of ${type}`, run }));
}

/** What is done on a condition: done when it holds, and not when it does not. */
function conditionalTests(
  { call }: FhirServer,
  { type = "Basic", conditionalDelete }: CapabilityStatementRestResource,
): Record<string, () => Promise<void>> {
  const tagged = (code: string) => ({ resourceType: type, meta: { tag: [{ system: "urn:t", code }] } });
  const create = (code: string, headers = {}) =>
    call<{ id: string }>("POST", `/${type}`, { body: tagged(code), headers });
  return {
    conditionalCreate: async () => {
      const code = randomUUID();
      const headers = { "if-none-exist": `_tag=urn:t|${code}` };
      equal((await create(code, headers)).status, 201);
      equal((await create(code, headers)).status, 200);
    },
    conditionalRead: async () => {
      const { body } = await create("read");
      const read = (etag: string) =>
        call("GET", `/${type}/${body.id}`, { headers: { "if-none-match": etag } });
      equal((await read('W/"1"')).status, 304);
      equal((await read('W/"2"')).status, 200);
    },
    conditionalUpdate: async () => {
      const code = randomUUID();
      const update = (of: string) =>
        call<{ id: string }>("PUT", `/${type}?_tag=urn:t|${code}`, {
          body: { ...tagged(code), language: of },
        });
      const { status, body } = await update("ru");
      equal(status, 201);
      const again = await update("en");
      equal(again.status, 200);
      equal(again.body.id, body.id);
    },
    conditionalDelete: async () => {
      const [gone, kept] = [await create(randomUUID()), await create(randomUUID())];
      equal((await call("DELETE", `/${type}?_id=${gone.body.id}`)).status < 300, true);
      equal((await call("GET", `/${type}/${gone.body.id}`)).status, 410);
      equal((await call("GET", `/${type}/${kept.body.id}`)).status, 200);
      const code = randomUUID();
      const several = [(await create(code)).body.id, (await create(code)).body.id];
      const isMany = conditionalDelete === "multiple";
      equal((await call("DELETE", `/${type}?_tag=urn:t|${code}`)).status, isMany ? 204 : 412);
      for (const id of several) equal((await call("GET", `/${type}/${id}`)).status, isMany ? 410 : 200);
    },
    updateCreate: async () => {
      const id = randomUUID();
      const put = (at: string) =>
        call<Resource>("PUT", `/${type}/${at}`, { body: { resourceType: type, id } });
      const { status, body } = await put(id);
      equal(status, 201);
      equal(body.id, id);
      equal((await put(randomUUID())).status, 400);
    },
  };
}

function testsOf(server: FhirServer, type: string): Record<string, () => Promise<void>> {
  const call = server.call;
  const create = async (): Promise<Kept> => {
    const { status, body } = await call<{ id: string }>("POST", `/${type}`, { body: { resourceType: type } });
    equal(status, 201);
    return { id: body.id, path: `/${type}/${body.id}` };
  };
  const tagged = (id: string) => ({
    resourceType: type,
    id,
    meta: { tag: [{ system: "urn:t", code: "changed" }] },
  });
  const changed = async ({ id, path }: Kept) =>
    call("PUT", path, { body: tagged(id), headers: { "if-match": 'W/"1"' } });
  return {
    create: async () => {
      await create();
      equal((await call("POST", `/${type}`, { body: { resourceType: "Spaceship" } })).status >= 400, true);
    },
    read: async () => {
      const { path } = await create();
      equal((await call("GET", path)).status, 200);
      equal((await call("GET", `/${type}/no-such-id`)).status, 404);
    },
    vread: async () => {
      const { path } = await create();
      equal((await call("GET", `${path}/_history/1`)).status, 200);
      equal((await call("GET", `${path}/_history/2`)).status, 404);
    },
    update: async () => {
      const kept = await create();
      equal((await changed(kept)).status, 200);
      equal((await changed(kept)).status, 412);
    },
    patch: async () => {
      const { path } = await create();
      const body = JSON.stringify([
        { op: "add", path: "/meta/tag", value: [{ system: "urn:t", code: "patched" }] },
      ]);
      const headers = { "content-type": "application/json-patch+json", "if-match": 'W/"1"' };
      equal((await call("PATCH", path, { body, headers })).status, 200);
      equal((await call("PATCH", path, { body, headers })).status, 412);
    },
    delete: async () => {
      const { path } = await create();
      const headers = { "if-match": 'W/"1"' };
      equal((await call("DELETE", path, { headers })).status < 300, true);
      equal((await call("GET", path)).status, 410);
    },
    "history-instance": async () => {
      const kept = await create();
      const other = await create();
      const { body } = await call<Bundle>("GET", `${kept.path}/_history`);
      equal(idsOf(body).includes(kept.id), true);
      equal(idsOf(body).includes(other.id), false);
    },
    "history-type": async () => {
      const { id } = await create();
      const { body } = await call<Bundle>("GET", `/${type}/_history?_count=200`);
      equal(idsOf(body).includes(id), true);
      equal(
        (body.entry ?? []).every(({ resource }) => resource === undefined || resource.resourceType === type),
        true,
      );
    },
    "search-type": async () => {
      const { id } = await create();
      equal(idsOf((await call<Bundle>("GET", `/${type}?_id=${id}`)).body).includes(id), true);
      equal(idsOf((await call<Bundle>("GET", `/${type}?_id=no-such-id`)).body).length, 0);
    },
  };
}

const idsOf = ({ entry = [] }: Bundle): string[] =>
  entry.flatMap(({ resource }) => (resource as Resource | undefined)?.id ?? []);

function equal<T>(actual: T, expected: T): void {
  if (actual !== expected) throw new Error(`${String(actual)} instead of ${String(expected)}`);
}
