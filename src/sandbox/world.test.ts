import { describe, expect, it } from "vitest";
import { isInn, isOgrn, isOid, isSnils } from "../core/identifiers.ts";
import { createWorld } from "./world.ts";

describe("the synthetic world", () => {
  const world = createWorld();
  const workers = [...world.workers.values()];
  const people = [...world.people.values()];

  it("holds 200 registry records in 20 organisations, the same at every start", () => {
    expect(workers).toHaveLength(200);
    expect(world.organizations.size).toBe(20);
    expect([...createWorld().workers.values()]).toEqual(workers);
  });

  it("V-03 every identifier has right check digits, every СНИЛС is above 001-001-998", () => {
    for (const { id, snils, inn } of people) {
      if (snils)
        expect([id, isSnils(snils), Number(snils.slice(0, 9)) > 1_001_998]).toEqual([id, true, true]);
      if (inn) expect([id, isInn(inn)]).toEqual([id, true]);
    }
    for (const { oid, inn, ogrn } of world.organizations.values()) {
      expect([oid, isOid(oid), isInn(inn), isOgrn(ogrn)]).toEqual([oid, true, true, true]);
    }
  });

  it("gives each person their own СНИЛС and ИНН", () => {
    for (const key of ["snils", "inn"] as const) {
      const values = people.map((person) => person[key]).filter(Boolean);
      expect(new Set(values).size).toBe(values.length);
    }
  });

  it("every card stands in a known organisation and department", () => {
    for (const { cards } of workers) {
      for (const card of cards) {
        const organization = world.organizations.get(card.organization);
        expect(organization?.departments.map((department) => department.name)).toContain(card.department);
        expect(card.begin < (card.end ?? "2026-11-21"), `${card.begin} ${card.end}`).toBe(true);
      }
    }
  });

  it("has the awkward cases that a registry has", () => {
    const recordsOf = (id: string) => workers.filter((worker) => worker.person === id);
    expect(recordsOf("dup")).toHaveLength(2);
    expect(recordsOf("citizen")).toHaveLength(0);
    expect(recordsOf("dismissed")[0]?.cards.every((card) => card.end)).toBe(true);
    expect(recordsOf("doctor-two")[0]?.cards.map((card) => card.rate)).toEqual([0.5, 0.5]);
    expect(people.some((person) => !person.middle && person.id !== "nomiddle")).toBe(true);
    const closed = [...world.organizations.values()].filter((organization) => organization.closedOn);
    expect(workers.some((worker) => worker.cards.some((card) => card.organization === closed[0]?.oid))).toBe(
      true,
    );
  });

  it("changes by row and goes back", () => {
    const other = createWorld();
    const person = other.people.get("doctor")!;
    other.change({ people: [{ ...person, family: "Новый" }] });
    expect(other.people.get("doctor")?.family).toBe("Новый");
    expect(other.workersBySnils(person.snils!)).toHaveLength(1);
    other.reset();
    expect(other.people.get("doctor")?.family).toBe("Врачев");
  });
});
