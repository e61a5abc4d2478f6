import type { FastifyRequest } from "fastify";
import { describe, expect, it } from "vitest";
import { actorOf, type SessionFacts } from "../access/session-facts.ts";
import type { Sessions } from "../access/sessions.ts";
import { ManualClock } from "../core/clock.ts";
import { createKeyring } from "../crypto/keyring.ts";
import { SessionDoor } from "./session.ts";

const clock = new ManualClock();
const door = new SessionDoor({
  sessions: {} as Sessions,
  keyring: createKeyring(new Uint8Array(32)),
  clock,
  publicUrl: "https://gw.example",
  termsVersion: "2",
});

const organization = { oid: "1.2.643.1", name: "Поликлиника", roleId: "role" };
const worker: SessionFacts = {
  id: "session",
  kind: "worker",
  owner: "owner",
  personId: "practitioner",
  subject: "1000300890",
  name: "Врачев Иван",
  person: { resourceType: "Person" },
  confirmed: true,
  authTime: clock.now(),
  amr: "PWD",
  organization,
  organizations: [organization],
  registry: { verifiedAt: clock.now(), fresh: true },
  termsVersion: "2",
  esia: { sid: "sid", expiresAt: 0 },
};
const citizen: SessionFacts = { ...worker, kind: "citizen", organizations: [] };
const requestOf = (session?: SessionFacts) => ({ session }) as FastifyRequest;
const codeOf = (work: () => unknown): unknown => {
  try {
    work();
    return "ok";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("session door", () => {
  it.each([
    ["L-04 a citizen", citizen, "worker-session-required"],
    [
      "L-36 a worker who has not accepted the terms in force",
      { ...worker, termsVersion: "1" },
      "terms-required",
    ],
    [
      "L-64 a worker without a chosen organisation",
      { ...worker, organization: undefined },
      "organization-required",
    ],
    ["a worker with both", worker, "ok"],
  ])("%s at a worker's operation: %s", (_who, session, code) => {
    expect(codeOf(() => door.requireWorker(requestOf(session as SessionFacts)))).toBe(code);
  });

  it("L-04 a worker's session is no citizen's", () => {
    expect(codeOf(() => door.requireCitizen(requestOf(worker)))).toBe("citizen-session-required");
    expect(codeOf(() => door.requireCitizen(requestOf(citizen)))).toBe("ok");
  });

  it("L-60 identity data are changed only soon after a login at ESIA", async () => {
    expect(codeOf(() => door.requireFreshLogin(requestOf(worker), 300))).toBe("ok");
    await clock.advance(301_000);
    expect(codeOf(() => door.requireFreshLogin(requestOf(worker), 300))).toBe("step-up-required");
  });

  it("L-37, L-38 capabilities grow from none to all with confirmation, terms and organisation", () => {
    const of = (session: SessionFacts) => door.capabilities(session);
    expect(of({ ...worker, confirmed: false })).toEqual([]);
    expect(of({ ...worker, termsVersion: undefined })).toEqual([]);
    expect(of({ ...worker, organization: undefined })).toEqual([]);
    expect(of(worker)).toEqual([
      "own-card",
      "schedule",
      "documents",
      "prescriptions",
      "notifications",
      "access-rights",
      "signing",
    ]);
  });

  it("a worker of an earlier confirmation may not sign", () => {
    const earlier = { ...worker, registry: { verifiedAt: 0, fresh: false } };
    expect(door.capabilities(earlier)).not.toContain("signing");
  });

  it("L-66 the chosen organisation alone decides where and as whom a worker acts", () => {
    expect(actorOf(worker)).toMatchObject({ tenant: "1.2.643.1", role: "role", scopes: ["user/*.cruds"] });
    const other = { ...organization, oid: "1.2.643.2", roleId: "role-2" };
    const choosing = { ...worker, organizations: [organization, other], organization: other };
    expect(actorOf(choosing)).toMatchObject({ tenant: "1.2.643.2", role: "role-2" });
    expect(actorOf({ ...worker, organization: undefined })).toMatchObject({ tenant: "", scopes: [] });
    expect(actorOf(citizen)).toMatchObject({ kind: "patient", scopes: ["patient/*.rs"] });
  });
});
