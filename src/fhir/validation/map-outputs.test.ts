import { readdirSync, readFileSync } from "node:fs";
import type { Bundle, Resource } from "@medplum/fhirtypes";
import { describe, expect, it } from "vitest";
import { readGuide } from "../guide.ts";
import { createValidator } from "./validator.ts";

const root = new URL("../../../", import.meta.url);
const mappings = new URL("mappings/", root);
const validator = createValidator(readGuide(new URL("fhir/", root)));

interface Target {
  /** canonical of the profile that a type's resources follow */
  profiles?: Readonly<Record<string, string>>;
}

const read = (url: URL) => JSON.parse(readFileSync(url, "utf8")) as unknown;
const outputs = readdirSync(mappings, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith("/expected.json"))
  .sort();

/** What a map makes: one resource, a Bundle of them, or several. */
const resourcesIn = (output: unknown): Resource[] =>
  [output].flat().flatMap((each) => {
    const { resourceType, entry } = each as Bundle;
    return resourceType === "Bundle"
      ? (entry ?? []).flatMap(({ resource }) => resource ?? [])
      : [each as Resource];
  });

describe("what the maps make", () => {
  it.each(outputs)("%s is right by R4 and by the profiles that its map names", (name) => {
    const { target } = read(new URL(name.replace(/fixtures\/.*/, "mapping.json"), mappings)) as {
      target: Target;
    };
    const found = resourcesIn(read(new URL(name, mappings))).flatMap((resource) => {
      const profile = target.profiles?.[resource.resourceType];
      return validator.validate(resource, { profiles: profile === undefined ? [] : [profile] });
    });
    expect(found.filter(({ severity }) => severity === "error")).toEqual([]);
  });
});
