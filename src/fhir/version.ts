import { createHash } from "node:crypto";
import type { Resource } from "@medplum/fhirtypes";

/**
 * A resource read through from a registry has no version of its own: the version is a digest of its content,
 * so that an unchanged record keeps its ETag, and `lastUpdated` is the time of the registry's answer.
 */
export function versioned<T extends Resource>(resource: T, asOf: number): T {
  const lastUpdated = new Date(asOf).toISOString();
  return { ...resource, meta: { ...resource.meta, versionId: digestOf(resource), lastUpdated } };
}

const digestOf = (resource: Resource): string =>
  createHash("sha256").update(JSON.stringify(resource)).digest("hex").slice(0, 16);

const ownVersions = new WeakMap<Resource, Resource>();

/** A resource that is part of the product and has no time: its version is a digest of its content too, made once. */
export function versionedByContent<T extends Resource>(resource: T): T {
  let made = ownVersions.get(resource) as T | undefined;
  if (made === undefined) {
    made = { ...resource, meta: { ...resource.meta, versionId: digestOf(resource) } };
    ownVersions.set(resource, made);
  }
  return made;
}
