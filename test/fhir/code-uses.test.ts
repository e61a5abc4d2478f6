import { expect, it } from "vitest";
import { createKeyring } from "../../src/crypto/keyring.ts";
import { codeUses } from "../../src/fhir/search/code-uses.ts";
import { onBothEngines } from "../store/engines.ts";
import { indexIn } from "../support/search.ts";

const icd = "urn:oid:1.2.643.5.1.13.13.11.1005";
const keyring = createKeyring(new Uint8Array(32).fill(7));

onBothEngines((store) => {
  it("resources that hold a code are counted once each, by type, of every tenant", async () => {
    const condition = (id: string, ...codes: string[]) => ({
      resourceType: "Condition" as const,
      id,
      subject: { reference: "Patient/1" },
      code: { coding: codes.map((code) => ({ system: icd, code })) },
    });
    const here = indexIn(store, { types: ["Condition", "Encounter"] });
    const there = indexIn(store, { tenant: "other", types: ["Condition"] });
    await here.put(condition("1", "I10", "I11"), condition("2", "I21"));
    await there.put(condition("3", "I10"), {
      ...condition("4"),
      code: { coding: [{ system: "urn:oid:1.2.3", code: "I10" }] },
    });
    const parts = { db: store().db, keyring };
    expect(await codeUses(parts, icd, ["I10", "I11"])).toEqual({ Condition: 2 });
    expect(await codeUses(parts, icd, ["I99"])).toEqual({});
  });
});
