import type { Observation, ParametersParameter, Patient, Resource } from "@medplum/fhirtypes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type GatewayError, isGatewayError } from "../../core/errors.ts";
import { readRules } from "../validation/rules.ts";
import { fhirPathPatched } from "./fhirpath-patch.ts";
import { jsonPatched } from "./json-patch.ts";

const { types } = readRules();

const patient = {
  resourceType: "Patient",
  id: "p",
  name: [{ family: "Иванов", given: ["Иван", "Иван"] }, { family: "Петров" }],
  birthDate: "1980-01-01",
  _birthDate: { extension: [{ url: "https://a.example", valueString: "x" }] },
} as Patient;

const operation = (type: string, path: string, ...part: ParametersParameter[]): ParametersParameter => ({
  name: "operation",
  part: [{ name: "type", valueCode: type }, { name: "path", valueString: path }, ...part],
});
const value = (valueString: string): ParametersParameter => ({ name: "value", valueString });
const patched = (resource: Resource, ...parameters: ParametersParameter[]) =>
  fhirPathPatched(resource, parameters, types);

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as GatewayError).code;
  }
}

describe("FHIRPath Patch", () => {
  it("tells equal primitives apart by their index", () => {
    const path = "Patient.name[0].given[1]";
    const { name } = patched(patient, operation("replace", path, value("Пётр"))) as Patient;
    expect(name?.[0]?.given).toEqual(["Иван", "Пётр"]);
    const unclear = () => patched(patient, operation("delete", "Patient.name[0].given.last()"));
    expect(codeOf(unclear)).toBe("validation-failed");
  });

  it("removes the companion of a primitive with it, and leaves the given resource alone", () => {
    const copy = structuredClone(patient);
    expect(patched(patient, operation("delete", "Patient.birthDate"))).not.toHaveProperty("_birthDate");
    expect(patient).toEqual(copy);
  });

  it("replaces a choice by a value of another type", () => {
    const observation = {
      resourceType: "Observation",
      status: "final",
      code: {},
      valueString: "5",
    } as Observation;
    const five = { name: "value", valueInteger: 5 };
    expect(patched(observation, operation("replace", "Observation.value", five))).toEqual({
      resourceType: "Observation",
      status: "final",
      valueInteger: 5,
    });
  });

  it.each<[string, ParametersParameter, string]>([
    ["an unknown operation", operation("explode", "Patient"), "bad-request"],
    ["no operation", { name: "op" }, "bad-request"],
    ["a path that is no FHIRPath", operation("delete", "Patient.name["), "bad-request"],
    ["a path to several elements", operation("delete", "Patient.name"), "validation-failed"],
    [
      "a replacement of what is not there",
      operation("replace", "Patient.gender", value("x")),
      "validation-failed",
    ],
    [
      "an element that the type does not have",
      operation("add", "Patient", { name: "name", valueString: "shoe" }, value("x")),
      "validation-failed",
    ],
    ["no value", operation("replace", "Patient.birthDate"), "bad-request"],
    ["a list for what is none", operation("insert", "Patient.birthDate", value("x")), "validation-failed"],
    [
      "an index behind the end",
      operation("insert", "Patient.name", { name: "index", valueInteger: 9 }, value("x")),
      "validation-failed",
    ],
    [
      "an index that is none",
      operation("move", "Patient.name", { name: "source", valueString: "a" }),
      "bad-request",
    ],
    ["a place in a literal", operation("delete", "'x'"), "validation-failed"],
  ])("refuses %s", (_name, parameter, code) => {
    expect(codeOf(() => patched(patient, parameter))).toBe(code);
  });

  it("whatever it is given, it refuses or makes a resource", () => {
    const part = fc.record(
      {
        name: fc.constantFrom("type", "path", "name", "value", "index", "source", "destination"),
        valueCode: fc.constantFrom("add", "insert", "delete", "replace", "move"),
        valueString: fc.oneof(
          fc.string(),
          fc.constantFrom("Patient", "Patient.name", "name", "Patient.name[0]"),
        ),
        valueInteger: fc.integer(),
      },
      { requiredKeys: ["name"] },
    );
    fc.assert(
      fc.property(
        fc.array(fc.record({ name: fc.constant("operation"), part: fc.array(part) })),
        (parameters) => {
          try {
            expect(patched(patient, ...parameters).resourceType).toBe("Patient");
          } catch (error) {
            if (!isGatewayError(error)) throw error;
          }
        },
      ),
    );
  });
});

describe("JSON Patch", () => {
  it.each<[string, unknown, string]>([
    ["no array", {}, "bad-request"],
    ["an unknown operation", [{ op: "spam", path: "/x" }], "bad-request"],
    ["no pointer", [{ op: "remove", path: "x" }], "bad-request"],
    ["a prototype", [{ op: "add", path: "/__proto__/x", value: 1 }], "bad-request"],
    ["a constructor", [{ op: "copy", from: "/constructor/prototype", path: "/x" }], "bad-request"],
    ["a missing place", [{ op: "remove", path: "/gender" }], "validation-failed"],
    ["a test that fails", [{ op: "test", path: "/id", value: "q" }], "validation-failed"],
    ["the end of everything", [{ op: "replace", path: "", value: null }], "validation-failed"],
    [
      "copies without end",
      Array.from({ length: 60 }, () => ({ op: "copy", from: "/name", path: "/name/-" })),
      "payload-too-large",
    ],
  ])("refuses %s", (_name, patch, code) => {
    expect(codeOf(() => jsonPatched(patient, patch))).toBe(code);
  });

  it("writing into what holds nothing is refused", () => {
    const patch = [
      { op: "add", path: "/name", value: 0 },
      { op: "add", path: "/name/-", value: {} },
    ];
    expect(() => jsonPatched(patient, patch)).toThrow(
      expect.objectContaining({ code: "validation-failed", field: "patch[1]" }),
    );
  });

  it("whatever it is given, it refuses or makes an object", () => {
    const pointer = fc.oneof(
      fc.string(),
      fc.constantFrom("", "/", "/name", "/name/-", "/name/0/given/1", "/id"),
    );
    const step = fc.record({
      op: fc.constantFrom("add", "remove", "replace", "move", "copy", "test"),
      path: pointer,
      from: pointer,
      value: fc.anything(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 5 }), (patch) => {
        try {
          expect(typeof jsonPatched(patient, patch)).toBe("object");
        } catch (error) {
          if (!isGatewayError(error)) throw error;
        }
      }),
    );
  });
});
