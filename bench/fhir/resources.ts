import { readFileSync } from "node:fs";
import type { Bundle, Resource } from "@medplum/fhirtypes";
import { readResources } from "../../src/fhir/guide.ts";

const root = new URL("../../", import.meta.url);
const card = new URL("mappings/frmr/person/fixtures/two-jobs/expected.json", root);

/** What is validated: the guide's examples, without the profiles that they claim, and a worker's whole card. */
export function resourcesToValidate(): readonly Resource[] {
  const examples = readResources(new URL("fhir/examples/", root));
  const { entry = [] } = JSON.parse(readFileSync(card, "utf8")) as Bundle;
  return [...examples, ...entry.flatMap(({ resource }) => resource ?? [])].map((resource) => {
    const { meta: _, ...plain } = resource;
    return plain as Resource;
  });
}
