import type { Resource } from "@medplum/fhirtypes";
import { describe, expect, it } from "vitest";
import type { RequestContext } from "../../core/context.ts";
import type { IndexedSearch, SearchRequest } from "../provider.ts";
import { pageOf } from "./page.ts";

const ctx = {} as RequestContext;

/** A search over resources numbered from the newest, of which the caller may see some. */
function searchOver(amount: number, isSeen: (place: number) => boolean) {
  const asked = { looked: 0 };
  const all = Array.from({ length: amount }, (_, place) => ({
    at: place,
    resource: { resourceType: "Basic", id: String(place) } as Resource,
  }));
  const candidates: IndexedSearch["candidates"] = async (_request, { position, limit }) => {
    const rest = all.filter(({ at }) => position === undefined || at > position.at);
    const found = rest.slice(0, limit);
    asked.looked += found.length;
    return { found, more: rest.length > limit, lastAt: found.at(-1)?.at, sources: [] };
  };
  const page = (more: Partial<SearchRequest>) =>
    pageOf({
      search: { candidates },
      request: { count: 3, sort: [], ...more } as SearchRequest,
      permitted: async (resources) => resources.map(({ id }) => isSeen(Number(id))),
      ctx,
    });
  return { page, asked };
}

const idsOf = ({ matches }: { matches: readonly Resource[] }) => matches.map(({ id }) => Number(id));

describe("a page", () => {
  it("has a next one only when something of it may be seen", async () => {
    const hidden = await searchOver(60, (place) => place < 3).page({});
    expect([idsOf(hidden), hidden.next, hidden.total]).toEqual([[0, 1, 2], undefined, 3]);
    const seen = await searchOver(60, (place) => place < 3 || place === 50).page({});
    expect([idsOf(seen), seen.next, seen.total]).toEqual([
      [0, 1, 2],
      { direction: "after", at: 2 },
      undefined,
    ]);
    const whole = await searchOver(3, () => true).page({});
    expect([idsOf(whole), whole.next, whole.total]).toEqual([[0, 1, 2], undefined, 3]);
  });

  it("goes on in the next when 1,000 were looked at in vain", async () => {
    const { page, asked } = searchOver(5_000, () => false);
    const first = await page({});
    expect([idsOf(first), first.next?.at]).toEqual([[], asked.looked - 1]);
    expect(asked.looked).toBeGreaterThanOrEqual(1_000);
    expect(asked.looked).toBeLessThan(1_300);
  });
});

describe("a total", () => {
  it("is exact where it counts thousands, and only of what may be seen", async () => {
    const { page } = searchOver(6_000, (place) => place % 2 === 0);
    expect((await page({ count: 0, total: "accurate" })).total).toBe(3_000);
    expect((await page({ total: "accurate" })).total).toBe(3_000);
    expect((await page({})).total).toBeUndefined();
  });

  it("is left out with a warning beyond its bound, which what is hidden does not reach", async () => {
    const many = await searchOver(10_100, () => true).page({ count: 0 });
    expect([many.total, many.warnings.map(({ code }) => code)]).toEqual([undefined, ["search-too-broad"]]);
    const few = await searchOver(10_100, (place) => place < 4).page({ total: "accurate" });
    expect([few.total, few.warnings]).toEqual([4, []]);
    const estimated = await searchOver(1_500, () => true).page({ total: "estimate" });
    expect([estimated.total, estimated.warnings.length]).toEqual([undefined, 1]);
  });
});
