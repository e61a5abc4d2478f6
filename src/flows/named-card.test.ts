import type { Bundle, CodeSystem, PractitionerRole } from "@medplum/fhirtypes";
import { describe, expect, it } from "vitest";
import { testContext } from "../../test/support/upstream.ts";
import { ManualClock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { SourceStatus } from "../core/source-status.ts";
import { DictionaryNames } from "./dictionary-names.ts";
import { namedCard } from "./named-card.ts";
import { OrganizationDirectory } from "./organization-directory.ts";
import type { WorkerCard } from "./practitioner-directory.ts";

const ctx = testContext(new ManualClock());
const oid = "1.2.643.5.1.13.13.12.2.77.90001";
const posts = "urn:oid:1.2.643.5.1.13.13.11.1002";
const specialties = "urn:oid:1.2.643.5.1.13.13.11.1066";
const identifier = { system: "urn:ietf:rfc:3986", value: `urn:oid:${oid}` };

const role: PractitionerRole = {
  resourceType: "PractitionerRole",
  id: "role",
  code: [{ coding: [{ system: posts, code: "109", display: "старое имя должности" }] }],
  specialty: [{ coding: [{ system: specialties, code: "27" }] }],
  organization: { identifier, display: "старое имя организации" },
};
const card: WorkerCard = Object.freeze({
  practitioner: {
    resourceType: "Practitioner" as const,
    qualification: [
      {
        code: {
          coding: [
            { system: specialties, code: "27" },
            { system: "other", code: "27" },
          ],
        },
      },
    ],
  },
  roles: [Object.freeze(role)],
});
const fresh = (system: string): SourceStatus => ({ system, status: "fresh", asOf: 1 });
const given = { value: card, sources: [fresh("frmr")] };
const identities = { idOf: async (_kind: string, value: string) => value, find: async () => undefined };

const frmo = async () => {
  const resource = { resourceType: "Organization" as const, identifier: [identifier], name: "Поликлиника" };
  const value: Bundle = { resourceType: "Bundle", type: "collection", entry: [{ resource }] };
  return { value, asOf: 1, source: fresh("frmo") };
};
const nsi = async (dictionary: string) => {
  const concept =
    dictionary === posts.slice(8)
      ? [{ code: "109", display: "Врач-терапевт" }]
      : [{ code: "27", display: "Терапия" }];
  const value: CodeSystem = { resourceType: "CodeSystem", status: "active", content: "complete", concept };
  return { value, source: fresh("nsi") };
};
const down = (system: string) => () =>
  Promise.reject(new GatewayError("upstream-timeout", { system, retryAfter: 4 }));

const named = (organizationByOid: typeof frmo, codeSystem: typeof nsi) =>
  namedCard(
    given,
    {
      organizations: new OrganizationDirectory({ organizationByOid }, identities),
      dictionaries: new DictionaryNames({ codeSystem }),
    },
    ctx,
  );

describe("a card with names", () => {
  it("has those of ФРМО and НСИ, and the cached card stays as it was", async () => {
    const { value, sources } = await named(frmo, nsi);
    const [first] = value.roles;
    expect(first?.organization?.display).toBe("Поликлиника");
    expect(first?.code?.[0]?.coding?.[0]?.display).toBe("Врач-терапевт");
    expect(first?.specialty?.[0]?.coding?.[0]?.display).toBe("Терапия");
    expect(value.practitioner.qualification?.[0]?.code?.coding?.map(({ display }) => display)).toEqual([
      "Терапия",
      undefined,
    ]);
    expect(sources).toEqual([fresh("frmr"), fresh("frmo"), fresh("nsi")]);
    expect(role.organization?.display).toBe("старое имя организации");
  });

  it("keeps what ФРМР gave when the others are down, and says who is", async () => {
    const { value, sources } = await named(down("frmo"), down("nsi"));
    const [first] = value.roles;
    expect(first?.organization?.display).toBe("старое имя организации");
    expect(first?.code?.[0]?.coding?.[0]?.display).toBe("старое имя должности");
    expect(first?.specialty?.[0]?.coding?.[0]).toEqual({ system: specialties, code: "27" });
    expect(sources.map(({ system, status }) => [system, status])).toEqual([
      ["frmr", "fresh"],
      ["frmo", "unavailable"],
      ["nsi", "unavailable"],
    ]);
  });
});
