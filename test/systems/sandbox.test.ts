import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ManualClock, systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/server.ts";

let sandbox: Sandbox;
let base: string;
let address: string;

beforeAll(async () => {
  sandbox = await createSandbox({ clock: systemClock, logger: silentLogger });
  address = await sandbox.listen(0, "127.0.0.1");
  base = address;
});
afterAll(() => sandbox.close());
afterEach(() => fetch(`${base}/_scenario`, { method: "DELETE" }));

const namespace = "http://service.rosminzdrav.ru/MedStaff";

function ask(body: string, headers: Record<string, string> = {}) {
  const envelope = `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${body}</s:Body></s:Envelope>`;
  return fetch(`${base}/frmr`, {
    method: "POST",
    body: envelope,
    headers: { "content-type": "text/xml; charset=utf-8", ...headers },
  });
}

const getEmployee = (snils: string, organization = "") =>
  `<getEmployeeRequest xmlns="${namespace}"><SNILS>${snils}</SNILS>${organization && `<OrganizationOID>${organization}</OrganizationOID>`}</getEmployeeRequest>`;

const post = (path: string, body: unknown) =>
  fetch(base + path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  });

describe("ФРМР of the sandbox", () => {
  it("answers with the MedStaff elements of one worker", async () => {
    const answer = await ask(getEmployee("900-000-001-82"));
    const text = await answer.text();
    expect(answer.status).toBe(200);
    expect(text.match(/<m:Employee>/g)).toHaveLength(1);
    for (const part of [
      `<m:ArrayOfEmployee version="2.0.11" formatVersion="2.0" system="ARM">`,
      "<m:Patroname>Примерович</m:Patroname>",
      "<m:CitezenshipState><m:ID>1</m:ID></m:CitezenshipState>",
      "<m:SNILS>900-000-001-82</m:SNILS>",
      "<m:Post><m:ID>109</m:ID><m:Name>Врач-терапевт</m:Name></m:Post>",
      "<m:OID>1.2.643.5.1.13.13.12.2.77.90001</m:OID>",
      "<m:Wage>1.00</m:Wage>",
    ])
      expect(text).toContain(part);
  });

  it("answers with both records of a duplicated person", async () => {
    const text = await (await ask(getEmployee("90000001184"))).text();
    expect(text.match(/<m:Employee>/g)).toHaveLength(2);
  });

  it.each([
    ["a person who is no worker", getEmployee("900-000-005-86"), "PERSON_NOT_FOUND"],
    ["no card there", getEmployee("90000000182", "1.2.643.5.1.13.13.12.2.77.90002"), "PERSON_CARD_NOT_FOUND"],
    ["a wrong check digit", getEmployee("90000000183"), "BAD_REQUEST"],
    ["an unknown operation", "<nothing/>", "BAD_REQUEST"],
    ["a body that is no XML", "<", "BAD_REQUEST"],
  ])("faults on %s", async (_name, body, code) => {
    const answer = await ask(body);
    expect(answer.status).toBe(500);
    expect(await answer.text()).toMatch(new RegExp(`<faultcode>soap:Client<.*<m:Code>${code}<`, "s"));
  });

  it("gives the whole registry in pages, each record once", async () => {
    const page = async (number: number, since = "") => {
      const body = `<listEmployeesRequest xmlns="${namespace}">${since && `<ModifiedSince>${since}</ModifiedSince>`}<PageNumber>${number}</PageNumber><PageSize>90</PageSize></listEmployeesRequest>`;
      return (await ask(body)).text();
    };
    const pages = [await page(1), await page(2), await page(3), await page(4)];
    const numbers = pages.map((text) => [...text.matchAll(/<m:TabelNumber>(\d+)</g)].map(([, n]) => n));
    expect(numbers.map((rows) => rows.length)).toEqual([90, 90, 20, 0]);
    expect(new Set(numbers.flat()).size).toBe(200);
    expect(Number(/<m:TotalCount>(\d+)/.exec(await page(1, "2026-07-01"))?.[1])).toBeLessThan(200);
  });

  it("shows a change of the world, and forgets it", async () => {
    const world = (await (await fetch(`${base}/_world`)).json()) as { people: { id: string }[] };
    const doctor = world.people.find((person) => person.id === "doctor");
    await post("/_world", { people: [{ ...doctor, family: "Новофамильев" }] });
    expect(await (await ask(getEmployee("90000000182"))).text()).toContain("<m:Surname>Новофамильев<");
    await fetch(`${base}/_world`, { method: "DELETE" });
    expect(await (await ask(getEmployee("90000000182"))).text()).toContain("<m:Surname>Врачев<");
  });
});

describe("scenarios", () => {
  const play = (scenario: string) => ask(getEmployee("90000000182"), { "x-scenario": scenario });

  it.each([
    ["error-500", 500, "text/plain", null],
    ["unavailable-retry-after", 503, "text/plain", "2"],
    ["rate-limit", 429, "text/plain", "1"],
    ["html-502", 502, "text/html", null],
    ["wrong-schema", 200, "text/xml", null],
    ["internal-fault", 500, "text/xml", null],
  ])("%s answers %i", async (scenario, status, type, retryAfter) => {
    const answer = await play(scenario);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toContain(type);
    expect(answer.headers.get("retry-after")).toBe(retryAfter);
  });

  it("malformed cuts the true answer", async () => {
    const text = await (await play("malformed")).text();
    expect(text).toContain("<soap:Envelope");
    expect(text).not.toContain("</soap:Envelope>");
  });

  it("reset breaks the connection", async () => {
    await expect(play("reset")).rejects.toThrow("fetch failed");
  });

  it("hang never answers, and closing the sandbox ends it", async () => {
    const other = await createSandbox({ clock: systemClock, logger: silentLogger });
    const hung = fetch(`${await other.listen(0, "127.0.0.1")}/frmr`, {
      method: "POST",
      headers: { "x-scenario": "hang", "content-type": "text/xml" },
      body: "<a/>",
    });
    const first = await Promise.race([hung, new Promise((resolve) => setTimeout(resolve, 100, "silent"))]);
    expect(first).toBe("silent");
    hung.catch(() => {});
    await other.close();
    await expect(hung).rejects.toThrow("fetch failed");
  });

  it("slow answers truly, 3 seconds later", async () => {
    const clock = new ManualClock();
    const other = await createSandbox({ clock, logger: silentLogger });
    base = await other.listen(0, "127.0.0.1");
    const answer = play("slow");
    while (clock.sleeping === 0) await new Promise(setImmediate);
    await clock.advance(2_999);
    expect(clock.sleeping).toBe(1);
    await clock.advance(1);
    expect(await (await answer).text()).toContain("<m:Surname>Врачев<");
    await other.close();
    base = address;
  });

  it("clock-skew dates the true answer an hour back", async () => {
    const answer = await play("clock-skew");
    const behindMs = Date.now() - Date.parse(answer.headers.get("date") ?? "");
    expect(Math.round(behindMs / 60_000)).toBe(60);
    expect(await answer.text()).toContain("<m:Surname>Врачев<");
  });

  it("an order is played the ordered number of times", async () => {
    expect((await post("/_scenario", { system: "frmr", scenario: "rate-limit", times: 2 })).status).toBe(204);
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await ask(getEmployee("90000000182"))).status);
    expect(statuses).toEqual([429, 429, 200]);
  });

  it("refuses a scenario that the system does not play", async () => {
    expect((await post("/_scenario", { system: "frmr", scenario: "lost-callback" })).status).toBe(400);
    expect((await play("toString")).status).toBe(400);
  });

  it("traps are what their names say", async () => {
    expect(await (await play("entity-bomb")).text()).toMatch(/<!DOCTYPE[^>]*\[<!ENTITY/);
    expect((await (await play("deep-nesting")).text()).match(/<m:e>/g)).toHaveLength(100_000);
    expect((await (await play("huge-answer")).text()).length).toBeGreaterThan(2_000_000);
    expect(await (await play("wrong-namespace")).text()).not.toContain(namespace);
  });
});

describe("doors of the sandbox", () => {
  it("the landing page says that nothing has legal force and grades every operation", async () => {
    const page = await (await fetch(`${base}/`)).text();
    expect(page).toContain("не имеют юридической силы");
    expect(page).toMatch(/getEmployee<\/td><td>C</);
  });

  it("names the personas", async () => {
    const people = (await (await fetch(`${base}/_people`)).json()) as { id: string; snils?: string }[];
    expect(people.map((person) => person.id)).toEqual(
      "doctor doctor-two nurse dismissed citizen simple nosnils blocked chief kid dup nomiddle norole".split(
        " ",
      ),
    );
    expect(people[0]?.snils).toBe("90000000182");
  });
});
