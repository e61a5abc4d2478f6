import { describe, expect, it } from "vitest";
import { testContext } from "../../test/support/upstream.ts";
import type { WorkContext } from "../access/session-facts.ts";
import { ManualClock } from "../core/clock.ts";
import type { Actor } from "../core/context.ts";
import { GatewayError } from "../core/errors.ts";
import { createKeyring } from "../crypto/keyring.ts";
import type { WorkerVerifications } from "../store/worker-verifications.ts";
import { ActiveWorkers } from "./acting-worker.ts";
import type { PractitionerDirectory } from "./practitioner-directory.ts";

const clinic = "1.2.643.5.1.13.13.12.2.77.90001";
const dayMs = 86_400_000;
const worker: Actor = {
  kind: "practitioner",
  id: "doctor",
  tenant: clinic,
  scopes: [],
  role: "role",
  organization: clinic,
};
const role = (change: object = {}) => ({
  active: true,
  practitioner: { reference: "Practitioner/doctor" },
  organization: { identifier: { system: "urn:ietf:rfc:3986", value: `urn:oid:${clinic}` } },
  code: [{ coding: [{ system: "urn:oid:1.2.643.5.1.13.13.11.1002", code: "109" }] }],
  ...change,
});

interface World {
  /** what ФРМР says of the role, or how it fails */
  roleById(): object;
  /** the roles of the person's card; absent: that one */
  card?: readonly object[];
  earlier?: { at: number; organizations: Pick<WorkContext, "oid" | "roleId" | "posts">[] };
}

function postsOf({ roleById, card, earlier }: World, actor: Partial<Actor> = {}) {
  const clock = new ManualClock();
  const workers = new ActiveWorkers({
    directory: {
      roleById: async () => ({ value: roleById(), sources: [] }),
      cardById: async () => ({ value: { roles: card ?? [roleById()] }, sources: [] }),
    } as unknown as PractitionerDirectory,
    identities: {
      idOf: async () => "",
      find: async () => ({ kind: "frmr-practitioner", value: "90000000182" }),
    },
    verifications: {
      find: async () => earlier && { at: clock.now() - earlier.at, facts: earlier },
    } as unknown as WorkerVerifications,
    keyring: createKeyring(new Uint8Array(32).fill(1)),
    clock,
    earlierVerificationDays: 30,
  });
  return workers.postsOf(testContext(clock, { actor: { ...worker, ...actor } }));
}

const down = (): never => {
  throw new GatewayError("upstream-unavailable", { system: "frmr" });
};
const here = [{ oid: clinic, roleId: "role", posts: ["159"] }];

describe("an active worker", () => {
  it("holds the chosen post in the chosen organisation today", async () => {
    expect(await postsOf({ roleById: () => role() })).toEqual(["109"]);
    for (const change of [
      { active: false },
      { practitioner: { reference: "Practitioner/another" } },
      { organization: {} },
    ])
      expect(await postsOf({ roleById: () => role(change) })).toBeUndefined();
    const gone = () => {
      throw new GatewayError("gone");
    };
    expect(await postsOf({ roleById: gone })).toBeUndefined();
  });

  it("Z-05 with several posts in an organisation has all of them in the cabinet, and the named one for a client", async () => {
    const card = [
      role(),
      role({ id: "second", code: [{ coding: [{ code: "179" }] }] }),
      role({ active: false, code: [{ coding: [{ code: "7" }] }] }),
      role({ organization: {}, code: [{ coding: [{ code: "8" }] }] }),
    ];
    expect(await postsOf({ roleById: () => role(), card })).toEqual(["109", "179"]);
    const client = { kind: "client", id: "mis", onBehalfOf: worker.id } as const;
    expect(await postsOf({ roleById: () => role(), card }, client)).toEqual(["109"]);
  });

  it("is nobody who has not chosen, and no client system that names nobody", async () => {
    expect(await postsOf({ roleById: () => role() }, { organization: undefined })).toBeUndefined();
    expect(await postsOf({ roleById: () => role() }, { kind: "client" })).toBeUndefined();
  });

  it("while ФРМР is down is one whom it confirmed lately in this organisation", async () => {
    expect(await postsOf({ roleById: down, earlier: { at: 29 * dayMs, organizations: here } })).toEqual([
      "159",
    ]);
    for (const earlier of [
      undefined,
      { at: 31 * dayMs, organizations: here },
      { at: dayMs, organizations: [{ oid: "another", roleId: "role" }] },
      { at: dayMs, organizations: [{ oid: clinic, roleId: "role" }] },
    ])
      await expect(postsOf({ roleById: down, earlier })).rejects.toMatchObject({
        code: "upstream-unavailable",
      });
  });

  it("is not taken from an earlier confirmation when ФРМР answers otherwise", async () => {
    const duplicated = () => {
      throw new GatewayError("person-duplicated", { system: "frmr" });
    };
    const earlier = { at: dayMs, organizations: here };
    await expect(postsOf({ roleById: duplicated, earlier })).rejects.toMatchObject({
      code: "person-duplicated",
    });
    expect(await postsOf({ roleById: () => role({ active: false }), earlier })).toBeUndefined();
  });
});
