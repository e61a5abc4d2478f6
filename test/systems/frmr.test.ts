import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Bundle, Practitioner, PractitionerRole } from "@medplum/fhirtypes";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Cache } from "../../src/cache/cache.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { RequestContext } from "../../src/core/context.ts";
import type { ErrorCode } from "../../src/core/error-table.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/server.ts";
import { createFrmrClient, type FrmrOptions } from "../../src/systems/frmr/client.ts";
import { Upstream } from "../../src/upstream/call.ts";
import { silentUpstreamObserver } from "../../src/upstream/observer.ts";
import { testContext } from "../support/upstream.ts";

let sandbox: Sandbox;
let base: string;
beforeAll(async () => {
  sandbox = await createSandbox({ clock: systemClock, logger: silentLogger });
  base = await sandbox.listen(0, "127.0.0.1");
});
afterAll(() => sandbox.close());

const opened: Upstream[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((upstream) => upstream.close()));
  await fetch(`${base}/_scenario`, { method: "DELETE" });
});

const seconds: number[] = [];

/** A client of its own pipeline: a breaker or a hold-off of one test must not meet the next one. */
async function client(options: Partial<FrmrOptions> = {}) {
  const upstream = new Upstream({
    clock: systemClock,
    cache: new Cache({ clock: systemClock, maxBytes: 1_000_000 }),
    systems: { frmr: { sandbox: true } },
    observer: { ...silentUpstreamObserver, operation: (_s, _o, _outcome, time) => seconds.push(time) },
    random: () => 0,
  });
  opened.push(upstream);
  const settings = { baseUrl: `${base}/frmr`, timeoutMs: 5_000, cacheSeconds: 60, ...options };
  return createFrmrClient({ upstream, clock: systemClock, ...settings });
}

const snils = { doctor: "90000000182", two: "90000000283", dismissed: "90000000485", citizen: "90000000586" };
const duplicated = "90000001184";
const context = (more: Partial<RequestContext> = {}) => testContext(systemClock, more);

const practitionerIn = (bundle: Bundle) =>
  bundle.entry
    ?.map(({ resource }) => resource)
    .find((r): r is Practitioner => r?.resourceType === "Practitioner");
const rolesIn = (bundle: Bundle) =>
  (bundle.entry ?? [])
    .map(({ resource }) => resource)
    .filter((r): r is PractitionerRole => r?.resourceType === "PractitionerRole");

describe("a worker of ФРМР", () => {
  it("R-10 is read from the registry in real time, and how long it took is observed", async () => {
    const frmr = await client();
    const before = seconds.length;
    const { value, source } = await frmr.personBySnils(snils.doctor, context());
    expect(practitionerIn(value)?.name?.[0]?.text).toBe("Врачев Иван Примерович");
    expect(source).toMatchObject({ system: "frmr", status: "fresh" });
    expect(seconds.slice(before)).toEqual([expect.any(Number)]);
  });

  it("has a role for each personal file, and each organisation once", async () => {
    const { value } = await (await client()).personBySnils(snils.two, context());
    expect(rolesIn(value)).toHaveLength(2);
    expect(rolesIn(value).map((role) => role.active)).toEqual([true, true]);
    const urls = value.entry?.flatMap(({ fullUrl }) => fullUrl ?? []) ?? [];
    expect(new Set(urls).size).toBe(urls.length);
    for (const role of rolesIn(value)) expect(urls).toContain(role.organization?.reference);
  });

  it("is inactive where the employment has ended", async () => {
    const { value } = await (await client()).personBySnils(snils.dismissed, context());
    expect(rolesIn(value).map(({ active, period }) => [active, period?.end])).toEqual([
      [false, "2025-06-30"],
    ]);
  });

  it("I-03 comes from the cache the second time", async () => {
    const frmr = await client();
    await frmr.personBySnils("900-000-001 82", context());
    const { source } = await frmr.personBySnils(snils.doctor, context());
    expect(source.status).toBe("cached");
  });

  it.each<[string, string, ErrorCode]>([
    ["V-03 a СНИЛС with wrong check digits", "90000000183", "invalid-snils"],
    ["V-03 a СНИЛС of ten digits", "9000000018", "invalid-snils"],
    ["a person who is no worker", snils.citizen, "person-not-found"],
    ["a person with two records", duplicated, "person-duplicated"],
  ])("%s is refused", async (_what, number, code) => {
    await expect((await client()).personBySnils(number, context())).rejects.toMatchObject({ code });
  });

  it("V-03 a wrong СНИЛС never reaches the registry", async () => {
    const frmr = await client({ baseUrl: "http://127.0.0.1:1/nobody" });
    await expect(frmr.personBySnils("11111111111", context())).rejects.toMatchObject({
      code: "invalid-snils",
    });
  });

  it("is asked for under the operation's configured name", async () => {
    const heard: string[] = [];
    const server = createServer((request, response) => {
      heard.push(String(request.headers["soapaction"]));
      request.on("data", (chunk) => heard.push(String(chunk)));
      request.on("end", () => response.writeHead(500, { "content-type": "text/plain" }).end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const frmr = await client({ baseUrl, operationNames: { getEmployee: "findWorker" } });
    await expect(frmr.personBySnils(snils.doctor, context())).rejects.toMatchObject({ system: "frmr" });
    server.close();
    expect(heard.join(" ")).toContain("/findWorker");
    expect(heard.join(" ")).toMatch(
      /<\w+:findWorkerRequest.*<\w+:SNILS>900-000-001-82<.*<\/\w+:findWorkerRequest>/s,
    );
    expect(heard.join(" ")).not.toContain("getEmployee");
  });
});

describe("what ФРМР may do wrong", () => {
  it.each<[string, ErrorCode]>([
    ["malformed", "upstream-malformed"],
    ["wrong-namespace", "upstream-wrong-shape"],
    ["wrong-schema", "upstream-wrong-shape"],
    ["huge-answer", "upstream-too-large"],
    ["entity-bomb", "upstream-malformed"],
    ["deep-nesting", "upstream-too-large"],
    ["html-502", "upstream-unavailable"],
    ["error-500", "upstream-unavailable"],
    ["internal-fault", "upstream-unavailable"],
    ["reset", "upstream-unavailable"],
    ["rate-limit", "upstream-rate-limited"],
    ["unavailable-retry-after", "upstream-unavailable"],
    ["duplicate", "person-duplicated"],
  ])("%s is %s, soon", async (scenario, code) => {
    const frmr = await client();
    const began = performance.now();
    const call = frmr.personBySnils(snils.doctor, context({ scenario }));
    await expect(call).rejects.toMatchObject({ code, system: "frmr" });
    expect(performance.now() - began).toBeLessThan(6_000);
  });

  it("I-02 hang is upstream-timeout when the time of the call is over", async () => {
    const frmr = await client({ timeoutMs: 400 });
    const began = performance.now();
    const call = frmr.personBySnils(snils.doctor, context({ scenario: "hang" }));
    await expect(call).rejects.toMatchObject({ code: "upstream-timeout", system: "frmr" });
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  it.each([
    ["rate-limit", 1],
    ["unavailable-retry-after", 2],
  ])("%s tells when to come back", async (scenario, retryAfter) => {
    const frmr = await client({ timeoutMs: 1_000 });
    const call = frmr.personBySnils(snils.doctor, context({ scenario }));
    await expect(call).rejects.toMatchObject({ retryAfter });
  });

  it("I-01 two failures in a row are survived by retries", async () => {
    await fetch(`${base}/_scenario`, {
      method: "POST",
      body: JSON.stringify({ system: "frmr", scenario: "error-500", times: 2 }),
      headers: { "content-type": "application/json" },
    });
    const { value } = await (await client()).personBySnils(snils.doctor, context());
    expect(practitionerIn(value)).toBeDefined();
  });

  it("a failure is not remembered: the next call is answered", async () => {
    const frmr = await client();
    await expect(frmr.personBySnils(snils.doctor, context({ scenario: "malformed" }))).rejects.toThrow();
    await expect(frmr.personBySnils(snils.doctor, context())).resolves.toBeDefined();
  });

  it("errors hold no СНИЛС and no name", async () => {
    for (const scenario of ["malformed", "wrong-namespace", "internal-fault", "deep-nesting"]) {
      const frmr = await client();
      const error = await frmr.personBySnils(snils.doctor, context({ scenario })).then(
        () => expect.unreachable(`${scenario} was answered`),
        (thrown: Error) => thrown,
      );
      for (let one: unknown = error; one instanceof Error; one = one.cause)
        expect(one.message).not.toMatch(/9\d{10}|Врачев/);
    }
  });
});
