import { readFileSync } from "node:fs";
import type { Binary, Bundle } from "@medplum/fhirtypes";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../../core/clock.ts";
import type { RequestContext } from "../../core/context.ts";
import { isGatewayError } from "../../core/errors.ts";
import type { Operation } from "../../fhir/provider.ts";
import { toObject } from "../../xml/object.ts";
import { readXml } from "../../xml/read.ts";
import { elementOf } from "../../xml/tree.ts";
import { Catalogue } from "./catalogue.ts";
import { structureMapProvider } from "./structure-maps.ts";
import { shapeProblem, xmlModelsOf } from "./wire-model.ts";

const root = new URL("../../../mappings/", import.meta.url);
const fixtures = new URL("frmr/person/fixtures/retrained/", root);
const base = "https://cabinet-gateway.example/fhir/StructureMap";
const bundle: Bundle = JSON.parse(readFileSync(new URL("expected.json", fixtures), "utf8"));
const clock = new ManualClock();
const ctx = {} as RequestContext;

let catalogue: Catalogue;
let transform: Operation | undefined;
let employee: unknown;
beforeAll(async () => {
  catalogue = await Catalogue.open(root);
  transform = structureMapProvider({ catalogue, clock, open: true }).operations?.[0];
  const { model } = catalogue.maps.find(({ message }) => message.id === "frmr-person")?.message ?? {};
  const record = elementOf(readXml(readFileSync(new URL("input.xml", fixtures))), "Employee");
  // as JSON says it: objects with prototypes
  employee = JSON.parse(JSON.stringify(record && model && toObject(record, xmlModelsOf(model)["Employee"])));
}, 30_000);

const run = (map: string, value: unknown) =>
  transform?.run(
    {
      parameters: [{ name: "source", valueUri: `${base}/${map}` }],
      content: { format: "json", value },
      trace: false,
    },
    ctx,
  );

/** The content with something else at a random place. */
const damaged = (content: unknown) =>
  fc.tuple(fc.array(fc.nat(), { maxLength: 8 }), fc.jsonValue()).map(([steps, value]) => {
    const copy = structuredClone(content);
    let owner = copy as Record<string, unknown>;
    let key = "";
    for (const step of steps) {
      const keys = Object.keys(owner);
      const inner = owner[key];
      if (key !== "" && typeof inner === "object" && inner !== null) owner = inner as typeof owner;
      key = keys[step % keys.length] ?? key;
      if (!(key in owner)) key = Object.keys(owner)[0] ?? "x";
    }
    if (key === "") return value;
    owner[key] = value;
    return copy;
  });

describe("StructureMap/$transform", () => {
  it("makes of the way there and back what it began with", async () => {
    const there = (await run("frmr-person-to-fhir", employee)) as Bundle;
    expect(there.entry?.map(({ resource }) => resource?.resourceType)).toEqual(
      bundle.entry?.map(({ resource }) => resource?.resourceType),
    );
    const back = (await run("frmr-person-from-fhir", there)) as Binary;
    const text = Buffer.from(back.data ?? "", "base64").toString("utf8");
    expect(readXml(text)).toMatchObject({ name: "Employee", ns: "http://service.rosminzdrav.ru/MedStaff" });
  });

  it.each(["frmr-person-to-fhir", "frmr-person-from-fhir"])(
    "%s converts any content or refuses it by a code",
    async (map) => {
      const content = map.endsWith("to-fhir") && !map.includes("from") ? employee : bundle;
      await fc.assert(
        fc.asyncProperty(damaged(content), async (value) => {
          const error: unknown = await run(map, value)?.then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
          if (error !== undefined && !isGatewayError(error)) throw error;
        }),
        { numRuns: 500 },
      );
    },
    60_000,
  );

  it.each(["Patient", "Basic", "Bundle"])(
    "a %s with nothing in it is refused by a code",
    async (resourceType) => {
      await expect(run("frmr-person-from-fhir", { resourceType })).rejects.toMatchObject({
        code: "mapping-refused",
      });
    },
  );

  it("needs the scope of creating StructureMap outside development, and its trace always", () => {
    const closed = structureMapProvider({ catalogue, clock, open: false }).operations?.[0];
    expect([closed?.needs, closed?.traceNeeds]).toEqual(["c", "c"]);
    expect([transform?.needs, transform?.traceNeeds]).toEqual([undefined, "c"]);
  });
});

describe("a model", () => {
  const model = {
    url: "urn:m",
    root: "Unit",
    namespace: "urn:n",
    types: {
      Unit: {
        id: { type: "string", attribute: true as const },
        name: { type: "string", min: 1 as const },
        since: { type: "date" },
        part: { type: "Unit", max: "*" as const },
      },
    },
  };

  it("reads attributes, repeats and types that hold themselves", () => {
    const xml = '<Unit xmlns="urn:n" id="1"><name>a</name><part id="2"><name>b</name></part></Unit>';
    const read = toObject(readXml(xml), xmlModelsOf(model)["Unit"]);
    expect(JSON.parse(JSON.stringify(read))).toEqual({ id: "1", name: "a", part: [{ id: "2", name: "b" }] });
  });

  it.each([
    [{ name: "a", part: [{ name: "b" }, {}] }, "Unit.part[1].name", "nothing where an element is due"],
    [{ name: "a", part: { name: "b" } }, "Unit.part", "an object in place of an array"],
    [{ name: ["a"] }, "Unit.name", "an array in place of text"],
    [{ name: "a", since: "2026-02-31" }, "Unit.since", "text that is no date"],
    [{ name: "a", part: [null] }, "Unit.part[0]", "null in place of an object"],
  ])("tells where %j breaks it", (value, path, kind) => {
    expect(shapeProblem(model, "Unit", value)).toEqual({ path, kind });
  });

  it("lets through what keeps to it, null for absent and what it does not know", () => {
    const value = { name: "a", id: null, since: "2026-02", part: [{ name: "b", more: {} }] };
    expect(shapeProblem(model, "Unit", value)).toBeUndefined();
  });
});
