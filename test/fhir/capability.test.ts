import { expect, it } from "vitest";
import { proveStoredTypes } from "../support/capability/run.ts";
import { freshDatabase } from "../support/database.ts";

it("every interaction, parameter, modifier and include that /fhir/metadata states of stored types holds", async () => {
  const { passed, failed } = await proveStoredTypes(await freshDatabase());
  expect(failed).toEqual([]);
  expect(passed).toBeGreaterThan(1_000);
}, 300_000);
