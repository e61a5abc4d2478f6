import type { AuditEvent, Bundle } from "@medplum/fhirtypes";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { auditEventProvider } from "../../src/flows/audit-events.ts";
import { Journal } from "../../src/store/journal.ts";
import { type JournalQuery, journalSearch } from "../../src/store/journal-search.ts";
import { type FhirServer, startFhirServer } from "../support/fhir-server.ts";

const tenant = "1.2.643.5.1.13.13.12.2.77.90001";
const days = ["2026-11-20T12:00:00Z", "2026-11-21T00:00:00Z", "2026-11-21T23:59:59Z", "2026-11-22T00:00:00Z"];

let server: FhirServer;
const hidden = new Set<string>();
const keyring = createKeyring(new Uint8Array(32).fill(7));

beforeAll(async () => {
  const clock = new ManualClock(Date.UTC(2026, 10, 23));
  const search = (query: JournalQuery) => journalSearch({ db: server.store.db, keyring })(query);
  const provider = auditEventProvider(search, "https://gw.example");
  server = await startFhirServer({
    clock,
    providers: [provider],
    refuses: (_action, { id = "" }) => hidden.has(id),
  });
  const journal = new Journal({ pool: server.store.pool, keyring });
  for (const [n, at] of days.entries())
    await journal.append({
      at: Date.parse(at),
      tenant,
      requestId: `request-${n}`,
      actorKind: "client",
      actorId: "told",
      action: "read",
      outcome: "ok",
    });
});
afterAll(() => server?.close());

const get = (path: string) => server.call<Bundle<AuditEvent>>("GET", path);
const numbersOf = ({ body }: { body: Bundle<AuditEvent> }) =>
  (body.entry ?? []).flatMap(
    ({ resource }) => resource?.entity?.at(-1)?.what?.identifier?.value?.at(-1) ?? [],
  );
const link = ({ body }: { body: Bundle }, relation: string) =>
  body.link?.find((one) => one.relation === relation)?.url?.replace(server.baseUrl, "");

it.each([
  ["2026-11-21", "21"],
  ["eq2026-11-21", "21"],
  ["gt2026-11-21", "3"],
  ["ge2026-11-21", "321"],
  ["lt2026-11-21", "0"],
  ["le2026-11-21", "210"],
  ["2026-11", "3210"],
  ["ge2026-11-21T23:59:59Z", "32"],
  ["ge2026-11-21&date=lt2026-11-22", "21"],
])("date=%s finds the rows %s of the journal", async (date, rows) => {
  expect(numbersOf(await get(`/AuditEvent?date=${date}`)).join("")).toBe(rows);
});

it.each(["yesterday", "ne2026-11-21", "2026-13-01", "ge"])("date=%s is refused", async (date) => {
  expect((await get(`/AuditEvent?date=${date}`)).status).toBe(400);
});

it("a page that is not the last has a next and no total, and the pages hold each row once", async () => {
  const first = await get("/AuditEvent?agent=told&_count=2");
  expect([first.body.total, numbersOf(first).join("")]).toEqual([undefined, "32"]);
  const second = await get(link(first, "next") ?? "");
  expect([numbersOf(second).join(""), link(second, "next")]).toEqual(["10", undefined]);
  expect(numbersOf(await get(link(second, "previous") ?? "")).join("")).toBe("32");
  expect((await get("/AuditEvent?agent=told&_count=2&_total=accurate")).body.total).toBe(4);
  expect((await get("/AuditEvent?agent=told")).body.total).toBe(4);
});

it("rows of one millisecond stand on one page each, whether they were committed together or not", async () => {
  const journal = new Journal({ pool: server.store.pool, keyring });
  const ids = Array.from({ length: 150 }, (_, n) => `request-of-one-moment-${n}`);
  const row = { at: Date.parse(days[0] ?? ""), tenant, actorKind: "client", actorId: "busy", action: "read" };
  for (const [n, requestId] of ids.entries()) {
    const written = journal.append({ ...row, requestId, outcome: "ok" });
    if (n % 3 === 0) await written;
  }
  await journal.close();
  const found: string[] = [];
  for (let path: string | undefined = "/AuditEvent?agent=busy&_count=7"; path; ) {
    const page: { body: Bundle<AuditEvent> } = await get(path);
    const requests = (page.body.entry ?? []).map(
      ({ resource }) => resource?.entity?.at(-1)?.what?.identifier?.value ?? "",
    );
    found.push(...requests);
    path = found.length > ids.length ? undefined : link(page, "next");
  }
  expect(found).toEqual(ids.toReversed());
});

it("what may not be seen is neither shown nor counted, and does not end the pages", async () => {
  const all = (await get("/AuditEvent?agent=told")).body.entry ?? [];
  for (const { resource } of all.slice(0, 2)) hidden.add(resource?.id ?? "");
  const first = await get("/AuditEvent?agent=told&_count=1&_total=accurate");
  expect([first.body.total, numbersOf(first).join("")]).toEqual([2, "1"]);
  expect(numbersOf(await get(link(first, "next") ?? "")).join("")).toBe("0");
  hidden.clear();
});
