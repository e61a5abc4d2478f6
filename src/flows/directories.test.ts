import type { Bundle, PractitionerRole } from "@medplum/fhirtypes";
import { describe, expect, it } from "vitest";
import { testContext } from "../../test/support/upstream.ts";
import { ManualClock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { SourceStatus } from "../core/source-status.ts";
import type { KnownIdentities } from "./identities.ts";
import { OrganizationDirectory } from "./organization-directory.ts";
import { PractitionerDirectory } from "./practitioner-directory.ts";
import { practitionerRoleProvider } from "./registry-providers.ts";

const ctx = testContext(new ManualClock());
const snils = "99900000014";
const oid = "1.2.643.5.1.13.13.12.2.77.90001";
const source: SourceStatus = { system: "frmr", status: "fresh", asOf: 0 };

/** Ids in memory; the first `failures` of them can't be given. */
function identities(failures = 0): KnownIdentities {
  const given = new Map<string, string>();
  let left = failures;
  return {
    async idOf(kind, value) {
      if (left-- > 0) throw new GatewayError("store-unavailable");
      const key = `${kind} ${value}`;
      given.set(key, given.get(key) ?? `id-${given.size}`);
      return given.get(key) ?? "";
    },
    async find(id) {
      const key = [...given].find(([, known]) => known === id)?.[0] ?? "";
      const [kind = "", ...rest] = key.split(" ");
      return { kind, value: rest.join(" ") };
    },
    known: () => undefined,
  };
}

const extension = (name: string, value: object) => ({
  url: `https://cabinet-gateway.example/fhir/StructureDefinition/${name}`,
  ...value,
});

const role = (...extensions: ReturnType<typeof extension>[]): PractitionerRole => ({
  resourceType: "PractitionerRole",
  organization: { identifier: { system: "urn:ietf:rfc:3986", value: `urn:oid:${oid}` } },
  code: [{ coding: [{ code: "122" }] }],
  period: { start: "2020-01-01" },
  extension: extensions,
});

const card = (...roles: PractitionerRole[]): Bundle => ({
  resourceType: "Bundle",
  type: "collection",
  entry: [{ resource: { resourceType: "Practitioner" } }, ...roles.map((resource) => ({ resource }))],
});

function workers(answer: Bundle, ids = identities()): PractitionerDirectory {
  const registry = {
    personBySnils: async () => ({ value: answer, asOf: 0, source }),
    knownPersonBySnils: () => undefined,
  };
  return new PractitionerDirectory(registry, ids);
}

const person = `urn:oid:1.2.643.100.3|${snils}`;

/** The roles that all of these chained criteria find. */
function searchRoles(
  directory: PractitionerDirectory,
  ...chained: [name: string, chain: string, value: string][]
) {
  const provider = practitionerRoleProvider(directory);
  const criteria = chained.map(([name, chain, value]) => {
    const parameter = provider.searchParameters.find((candidate) => candidate.name === name)!;
    return { parameter, chain, values: [value] };
  });
  const nothing = { has: [], include: [], revinclude: [], sort: [], ignored: [], applied: [] };
  return provider.search({ type: "PractitionerRole", criteria, count: 200, ...nothing }, ctx);
}

describe("directories of registry records", () => {
  it("a store that failed once is asked again for the ids of the same cached answer", async () => {
    const people = workers(card(role()), identities(1));
    await expect(people.cardBySnils(snils, ctx)).rejects.toMatchObject({ code: "store-unavailable" });
    expect((await people.cardBySnils(snils, ctx)).value.roles).toHaveLength(1);

    const identifier = [{ system: "urn:ietf:rfc:3986", value: `urn:oid:${oid}` }];
    const value: Bundle = {
      resourceType: "Bundle",
      type: "collection",
      entry: [{ resource: { resourceType: "Organization", identifier } }],
    };
    const registry = { organizationByOid: async () => ({ value, asOf: 0, source }) };
    const organizations = new OrganizationDirectory(registry, identities(1));
    await expect(organizations.organizationByOid(oid, ctx)).rejects.toMatchObject({
      code: "store-unavailable",
    });
    expect((await organizations.organizationByOid(oid, ctx)).value.id).toBeDefined();
  });

  it.each([
    [
      "rates",
      [extension("position-rate", { valueDecimal: 1 })],
      [extension("position-rate", { valueDecimal: 0.5 })],
    ],
    [
      "types of post",
      [extension("position-type", { valueCodeableConcept: { coding: [{ code: "1" }] } })],
      [extension("position-type", { valueCodeableConcept: { coding: [{ code: "2" }] } })],
    ],
    [
      "departments",
      [extension("department", { valueString: "А" })],
      [extension("department", { valueString: "Б" })],
    ],
    ["nothing", [], []],
  ])("two personal files that differ by %s are two roles with lasting ids", async (_by, one, other) => {
    const store = identities();
    const answer = card(role(...one), role(...other));
    const idsOf = async () =>
      (await workers(answer, store).cardBySnils(snils, ctx)).value.roles.map(({ id }) => id);
    const ids = await idsOf();
    expect(new Set(ids).size).toBe(2);
    expect(await idsOf()).toEqual(ids);

    const directory = workers(answer, store);
    const found = await searchRoles(directory, ["practitioner", "identifier", person]);
    expect(new Set(found.value.map(({ id }) => id)).size).toBe(2);
    expect((await directory.roleById(ids[1] ?? "", ctx)).value.id).toBe(ids[1]);
  });

  it("roles are narrowed by the organisation's OID, and by nothing else of it", async () => {
    const narrowed = async (chain: string, value: string) => {
      const by: [string, string, string] = ["organization", chain, value];
      const { value: found } = await searchRoles(
        workers(card(role())),
        ["practitioner", "identifier", person],
        by,
      );
      return found.length;
    };
    expect(await narrowed("identifier", `urn:ietf:rfc:3986|urn:oid:${oid}`)).toBe(1);
    expect(await narrowed("identifier", `urn:ietf:rfc:3986|urn:oid:${oid}.1`)).toBe(0);
    await expect(narrowed("_id", "id-1")).rejects.toMatchObject({
      code: "unknown-parameter",
      field: "organization._id",
    });
  });
});
