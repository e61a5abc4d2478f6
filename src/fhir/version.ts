import { createHash } from "node:crypto";
import type { Resource } from "@medplum/fhirtypes";

/**
 * A resource read through from a registry has no version of its own: the version is a digest of its content,
 * so that an unchanged record keeps its ETag, and `lastUpdated` is the time of the registry's answer.
 */
export function versioned<T extends Resource>(resource: T, asOf: number): T {
  const digest = createHash("sha256").update(JSON.stringify(resource)).digest("hex").slice(0, 16);
  return {
    ...resource,
    meta: { ...resource.meta, versionId: digest, lastUpdated: new Date(asOf).toISOString() },
  };
}
