import type { Bundle, OperationOutcome, Patient } from "@medplum/fhirtypes";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { codeOf, type FhirServer, resourcesIn, startFhirServer } from "../support/fhir-server.ts";

describe.each(["postgres", "pglite"] as const)("history on %s", (engine) => {
  let server: FhirServer;
  let refused: string | undefined;
  let token: string;
  beforeAll(async () => {
    server = await startFhirServer({
      dataDir: engine === "pglite" ? "memory://" : undefined,
      refuses: (_action, { id }) => id !== undefined && id === refused,
    });
  });
  afterAll(() => server?.close());
  beforeEach(async () => {
    refused = undefined;
    token = await server.tokenFor("system/*.cruds");
  });

  const call = <T = Bundle>(method: string, path: string, given: Parameters<FhirServer["call"]>[2] = {}) =>
    server.call<T>(method, path, { ...given, token: given.token ?? token });
  const put = async (body: Patient & { id: string }, version: number) =>
    call<Patient>("PUT", `/Patient/${body.id}`, {
      body,
      ...(version > 0 && { headers: { "if-match": `W/"${version}"` } }),
    });
  /** A patient with so many versions, a second apart. */
  const patientWith = async (versions: number) => {
    const id = crypto.randomUUID();
    for (let version = 0; version < versions; version += 1) {
      await put({ resourceType: "Patient", id, multipleBirthInteger: version }, version);
      await server.clock.advance(1_000);
    }
    return id;
  };
  const linkOf = ({ link = [] }: Bundle, name: string) =>
    link.find(({ relation }) => relation === name)?.url.replace(server.baseUrl, "");
  const versionsIn = (bundle: Bundle) => resourcesIn(bundle).map(({ meta }) => Number(meta?.versionId));

  it("goes through all versions by its links, each once, whatever is written meanwhile", async () => {
    const id = await patientWith(5);
    const seen: number[] = [];
    for (let path: string | undefined = `/Patient/${id}/_history?_count=2`; path; ) {
      const { body } = await call("GET", path);
      expect(body.type).toBe("history");
      expect(linkOf(body, "self")).toBe(`/Patient/${id}/_history?_count=2`);
      seen.push(...versionsIn(body));
      await put(
        { resourceType: "Patient", id, multipleBirthInteger: 100 + seen.length },
        5 + seen.length / 2 - 1,
      );
      path = linkOf(body, "next");
    }
    expect(seen).toEqual([5, 4, 3, 2, 1]);
  });

  it("a full last page has no next", async () => {
    const id = await patientWith(4);
    const { body } = await call("GET", `/Patient/${id}/_history?_count=4`);
    expect([versionsIn(body).length, linkOf(body, "next")]).toEqual([4, undefined]);
  });

  describe("a link", () => {
    const nextOf = async (id: string) =>
      linkOf((await call("GET", `/Patient/${id}/_history?_count=1`)).body, "next") ?? "";

    it("tells nothing, and is for the caller, the scopes and the history it was made for", async () => {
      const [id, other] = [await patientWith(2), await patientWith(2)];
      const next = await nextOf(id);
      expect(next).toMatch(/^\/Patient\/[0-9a-f-]{36}\/_history\?_page=[\w-]{40,}$/);
      expect((await call("GET", next)).status).toBe(200);
      const page = next.split("?")[1];
      const cases = [
        await call("GET", next, { token: await server.tokenFor("system/*.rs") }),
        await call("GET", next, { token: await server.tokenFor("system/*.cruds", { clientId: "other" }) }),
        await call("GET", `/Patient/${other}/_history?${page}`),
        await call("GET", `/Patient/_history?${page}`),
        await call("GET", `/Patient?${page}`),
        await call("GET", `${next.slice(0, -4)}AAAA`),
        await call("GET", `/Patient/${id}/_history?_page=`),
      ];
      expect(cases.map(codeOf)).toEqual(cases.map(() => "page-link-rejected"));
    });

    it("of a search opens no history", async () => {
      const id = await patientWith(2);
      const found = await call("GET", "/Patient?_count=1");
      const page = linkOf(found.body, "next")?.split("?")[1];
      expect(codeOf(await call("GET", `/Patient/${id}/_history?${page}`))).toBe("page-link-rejected");
    });

    it("runs out with 410", async () => {
      const next = await nextOf(await patientWith(2));
      await server.clock.advance(10 * 60_000 + 1);
      const answer = await call("GET", next);
      expect([answer.status, codeOf(answer)]).toEqual([410, "page-expired"]);
    });
  });

  it("each entry is decided on, on each page, and a page of refused ones leads on", async () => {
    const first = await patientWith(1);
    refused = await patientWith(2);
    const page = await call("GET", "/Patient/_history?_count=2");
    expect(page.body.entry).toEqual([]);
    const next = await call("GET", linkOf(page.body, "next") ?? "");
    expect(resourcesIn(next.body)[0]?.id).toBe(first);
  });

  it("a shredded patient's versions are left out, and the page leads on", async () => {
    const kept = await patientWith(1);
    const gone = await patientWith(2);
    const { tenant } = await server.store.db
      .selectFrom("data_key")
      .select("tenant")
      .executeTakeFirstOrThrow();
    await server.store.db
      .transaction()
      .execute((trx) => server.dataKeys.shred(trx, { tenant, subject: gone }));
    const page = await call("GET", "/Patient/_history?_count=2");
    expect(page.body.entry).toEqual([]);
    const next = await call("GET", linkOf(page.body, "next") ?? "");
    expect(resourcesIn(next.body)[0]?.id).toBe(kept);
  });

  it("_at finds what was current at some moment of the period, as the versions themselves tell", async () => {
    const id = await patientWith(4);
    await call("DELETE", `/Patient/${id}`, { headers: { "if-match": 'W/"4"' } });
    const begun = server.clock.now() - 4_000;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: -1_500, max: 6_500 }), async (offset) => {
        const at = begun + offset;
        const text = encodeURIComponent(new Date(at).toISOString());
        const { body } = await call("GET", `/Patient/${id}/_history?_at=${text}`);
        const current = at < begun ? [] : [Math.floor((at - begun) / 1_000) + 1].filter((one) => one <= 4);
        expect(versionsIn(body)).toEqual(current);
        expect(body.entry?.length).toBe(at === begun + 4_000 ? 1 : current.length);
      }),
      { numRuns: 25, examples: [[0], [4_000], [3_999], [1_000]] },
    );
    const year = await call("GET", `/Patient/${id}/_history?_at=${new Date(begun).getUTCFullYear()}`);
    expect(year.body.entry).toHaveLength(5);
    const earlier = await call("GET", `/Patient/${id}/_history?_at=2020`);
    expect(earlier.body.entry).toEqual([]);
  });

  it("of one that the caller may not see is refused as its read is", async () => {
    refused = await patientWith(2);
    for (const path of [`/Patient/${refused}/_history`, `/Patient/${refused}`]) {
      const answer = await call("GET", path);
      expect([path, answer.status, codeOf(answer)]).toEqual([path, 403, "access-denied"]);
    }
    const told = await call("GET", "/Patient/_history");
    expect(resourcesIn(told.body).map(({ id }) => id)).not.toContain(refused);
    expect(told.status).toBe(200);
  });

  it("_since and _count stand in the self link; what is unknown is refused, or left out when lenient", async () => {
    const id = await patientWith(3);
    const since = new Date(server.clock.now() - 2_000).toISOString();
    const { body } = await call("GET", `/Patient/${id}/_history?_since=${since}&_count=1`);
    expect(versionsIn(body)).toEqual([3]);
    expect(new URLSearchParams(linkOf(body, "self")?.split("?")[1]).get("_since")).toBe(since);
    const next = await call("GET", linkOf(body, "next") ?? "");
    expect([versionsIn(next.body), linkOf(next.body, "next")]).toEqual([[2], undefined]);
    const strict = await call<OperationOutcome>("GET", `/Patient/${id}/_history?_sort=-_id`);
    expect([strict.status, codeOf(strict), strict.body.issue[0]?.expression]).toEqual([
      400,
      "unknown-parameter",
      ["_sort"],
    ]);
    const headers = { prefer: "handling=lenient" };
    const lenient = await call("GET", `/Patient/${id}/_history?_sort=-_id`, { headers });
    expect([lenient.status, linkOf(lenient.body, "self")]).toEqual([
      200,
      `/Patient/${id}/_history?_count=50`,
    ]);
  });

  it.each(["_at=yesterday", "_since=2026", "_count=-1", "_count=x", "_at=2026-13", "_since="])(
    "%s is refused by name",
    async (query) => {
      const answer = await call<OperationOutcome>("GET", `/Patient/_history?${query}`);
      expect([answer.status, answer.body.issue[0]?.expression]).toEqual([400, [query.split("=")[0]]]);
    },
  );
});
