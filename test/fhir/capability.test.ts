import { expect, it } from "vitest";
import { proveCapability } from "../support/capability/run.ts";
import { freshDatabase } from "../support/database.ts";

it("every line of /fhir/metadata holds: interactions, parameters, modifiers, includes, operations", async () => {
  const { passed, failed } = await proveCapability(await freshDatabase());
  expect(failed).toEqual([]);
  expect(passed).toBeGreaterThan(1_000);
}, 300_000);
