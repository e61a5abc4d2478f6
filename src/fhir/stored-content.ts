import { isDeepStrictEqual } from "node:util";
import type { Meta, Resource } from "@medplum/fhirtypes";
import type { StoredResource } from "../store/resources.ts";

/**
 * What of a caller's resource is kept as its content: not its id, version, time and source, which are columns of
 * the row and never the caller's to set.
 */
export function contentOf(resource: Resource): Resource {
  const { id: _id, meta, ...content } = resource;
  const { versionId: _version, lastUpdated: _time, source: _source, ...kept } = meta ?? {};
  return (Object.keys(kept).length > 0 ? { ...content, meta: kept } : content) as Resource;
}

/** True when both hold the same, whatever the order of their members. */
export const isSameContent = (one: object, other: object): boolean => isDeepStrictEqual(one, other);

/** The resource of a stored row, with the row's id, version, time and source. */
export function resourceOf({ id, version, lastUpdated, source, content }: StoredResource): Resource {
  const { resourceType, meta, ...rest } = content as Resource;
  return {
    resourceType,
    id,
    meta: {
      versionId: String(version),
      lastUpdated: new Date(lastUpdated).toISOString(),
      ...(source !== undefined && { source }),
      ...meta,
    } satisfies Meta,
    ...rest,
  } as Resource;
}

/** `meta.source`: the system that the caller names, if any, and the request that wrote this version. */
export function sourceOf({ meta }: Resource, requestId: string): string {
  return `${meta?.source?.split("#", 1)[0] ?? ""}#${requestId}`;
}
