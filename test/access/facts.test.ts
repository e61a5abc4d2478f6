import { sql } from "kysely";
import { beforeEach, expect, it } from "vitest";
import { postTableIn } from "../../src/access/post-rights.ts";
import { Cache } from "../../src/cache/cache.ts";
import { ManualClock } from "../../src/core/clock.ts";
import type { Actor } from "../../src/core/context.ts";
import { masterKeyProvider } from "../../src/crypto/key-providers.ts";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { createFactsOf } from "../../src/flows/access-facts.ts";
import { patientsOf, replaceConsentFact, replaceRelations } from "../../src/store/access-facts.ts";
import { DataKeys } from "../../src/store/data-keys.ts";
import { ResourceStore } from "../../src/store/resources.ts";
import { onBothEngines } from "../store/engines.ts";
import { testContext } from "../support/upstream.ts";

const clinic = "1.2.643.5.1.13.13.12.2.77.90001";
const doctor: Actor = {
  kind: "practitioner",
  id: "doctor",
  tenant: clinic,
  scopes: [],
  organization: clinic,
  signature: "qualified",
};
const fact = (patient: string, change: object = {}) => ({
  kind: "access" as const,
  decision: "permit" as const,
  patient,
  rights: ["view"],
  practitioner: "doctor",
  organization: null,
  booked: false,
  types: null,
  labels: null,
  starts_at: null,
  ends_at: null,
  granted_at: 1,
  ...change,
});

onBothEngines((store) => {
  const clock = new ManualClock();
  const cache = new Cache({ clock, maxBytes: 1_000_000 });
  const keyring = createKeyring(new Uint8Array(32).fill(1));

  beforeEach(async () => {
    await store().db.deleteFrom("consent_fact").execute();
    await store().db.deleteFrom("care_relation").execute();
    for (const patient of ["anna", "boris"]) await cache.bump(patient);
  });

  const factsOf = (subjects: readonly string[], actor = doctor) =>
    createFactsOf({
      db: store().db,
      pool: store().pool,
      cache,
      clock,
      resources: new ResourceStore({
        dataKeys: new DataKeys({ keys: masterKeyProvider(keyring), clock }),
        clock,
      }),
      identities: { idOf: async () => "", find: async () => undefined },
      keyring,
      postsOf: async () => ["109"],
      postTable: postTableIn(),
    })(testContext(clock, { actor }), subjects);
  const consents = async (id: string, change: object, patient = "anna") =>
    replaceConsentFact(store().db, { tenant: "shared", id }, fact(patient, change));

  it("tells of each person what is theirs, and of what is nobody's only the worker", async () => {
    await consents("1", { types: ["Condition"], labels: ["R"], ends_at: 5 });
    await consents("2", { decision: "deny", practitioner: null }, "boris");
    const facts = await factsOf(["anna", "boris"]);
    expect(facts("anna").consents).toEqual([
      expect.objectContaining({
        patient: "anna",
        practitioner: "doctor",
        types: ["Condition"],
        labels: ["R"],
        until: 5,
      }),
    ]);
    expect(facts("boris").consents).toEqual([expect.objectContaining({ decision: "deny" })]);
    expect(facts(undefined)).toMatchObject({ activeWorker: true, signature: "qualified", consents: [] });
  });

  it("leaves out what names others", async () => {
    await consents("1", { practitioner: "another" });
    await consents("2", { organization: "1.2.3" });
    const row = { kind: "assigned" as const, patient: "anna", ends_at: null };
    const place = { tenant: clinic, type: "CareTeam", id: "team" };
    await replaceRelations(store().db, place, [
      { ...row, practitioner: "another", organization: clinic },
      { ...row, practitioner: "doctor", organization: "1.2.3" },
    ]);
    expect((await factsOf(["anna"]))("anna")).toMatchObject({ consents: [], relations: [] });
  });

  it("a booking has the rights that the patient gives to whoever they book with, and their shorter time", async () => {
    const place = { tenant: clinic, type: "Appointment", id: "visit" };
    const row = {
      kind: "booked" as const,
      patient: "anna",
      practitioner: "doctor",
      organization: clinic,
      ends_at: 9,
    };
    await replaceRelations(store().db, place, [row]);
    expect((await factsOf(["anna"]))("anna").relations).toEqual([]);
    await consents("1", { booked: true, practitioner: null, ends_at: 7 });
    await cache.bump("anna");
    expect((await factsOf(["anna"]))("anna").relations).toEqual([
      expect.objectContaining({ kind: "booked", rights: ["view"], until: 7 }),
    ]);
    await replaceRelations(store().db, place, []);
    expect((await factsOf(["anna"]))("anna").relations).toEqual([]);
  });

  it("keeps one person's consents until their generation is raised", async () => {
    await consents("1", {});
    expect((await factsOf(["anna"]))("anna").consents).toHaveLength(1);
    await replaceConsentFact(store().db, { tenant: "shared", id: "1" }, undefined);
    await cache.bump("anna");
    expect((await factsOf(["anna"]))("anna").consents).toEqual([]);
  });

  it("whose data may concern a worker is bounded by time, right and type", async () => {
    const asker = { person: "doctor", organization: clinic };
    const people = async () => {
      const found = await sql<{ patient: string }>`${patientsOf(asker, { at: 5, type: "Consent" })}`.execute(
        store().db,
      );
      return found.rows.map(({ patient }) => patient).filter((one) => one !== "doctor");
    };
    const outside = {
      past: { ends_at: 5 },
      future: { starts_at: 6 },
      "of another type": { types: ["Condition"] },
      "to be entered": { rights: ["enter"] },
      "of another kind": { kind: "treatment" },
      refused: { decision: "deny" },
      "to a colleague": { practitioner: "another", organization: clinic },
      "in another place": { organization: "1.2.3" },
      booked: { booked: true, practitioner: null },
    };
    for (const [patient, change] of Object.entries(outside)) await consents(patient, change, patient);
    const relation = { practitioner: "doctor", organization: clinic };
    const place = { tenant: clinic, type: "Appointment" };
    const booked = { ...relation, kind: "booked", patient: "refused", ends_at: null } as const;
    await replaceRelations(store().db, { ...place, id: "1" }, [booked]);
    const ended = { ...relation, kind: "assigned", patient: "anna", ends_at: 5 } as const;
    await replaceRelations(store().db, { ...place, id: "2" }, [ended]);
    expect(await people()).toEqual([]);
    await replaceRelations(store().db, { ...place, id: "2" }, [{ ...ended, ends_at: 6 }]);
    await replaceRelations(store().db, { ...place, id: "3" }, [{ ...booked, patient: "booked" }]);
    await consents("1", { starts_at: 5, ends_at: 6, types: ["Consent"] }, "boris");
    await consents("2", { practitioner: null, organization: clinic }, "clara");
    expect((await people()).toSorted()).toEqual(["anna", "booked", "boris", "clara"]);
  });

  it("asks nothing for a client system that names nobody", async () => {
    const facts = await factsOf(["anna"], { ...doctor, kind: "client", id: "mis" });
    expect(facts("anna")).toEqual({});
  });
});
